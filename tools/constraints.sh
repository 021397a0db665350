#!/bin/sh
# Pins everything that pyproject.toml asks for, with hashes and without a word about where it comes from.
set -eu
compile() {
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"
}
compile pyproject.toml constraints/build.in --extra piper --output-file constraints/run.txt
compile pyproject.toml constraints/build.in --extra piper --group test --group lint --group audit --group bench \
	--constraint constraints/run.txt --output-file constraints/dev.txt
