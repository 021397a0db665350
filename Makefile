# `make run` sets everything up and runs the system; `make test` passes every test. `make help` names the rest.

VENV := .venv
BIN := $(VENV)/bin

# Where it is set (many container images do), each start of a program compiles hundreds of files anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test cover lint bench soak soak-long chaos containers services fuzz audit reference clean constraints

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.stamp-run ## Set up and run: a private Asterisk, the daemon, the pages; Ctrl-C stops it
	@$(BIN)/pbx-bridge run

test: ## Every check and test, with real calls on a real Asterisk
	@tools/setup.sh python
	@(tools/setup.sh system && $(BIN)/python -m tools.asterisks) & others=$$!; \
	$(MAKE) --no-print-directory lint && wait $$others  # these wait for the network, that for a CPU
	$(BIN)/pytest -n 4 --dist loadfile -m "not asterisk"
	$(BIN)/pytest -n 4 --dist loadfile -m asterisk  # by themselves: phones and voices must not wait for a CPU
	$(BIN)/python tools/audit.py --or-skip

cover: $(VENV)/.stamp-dev ## The same tests, and which lines they do not reach; slower, so real calls may suffer from it
	@tools/setup.sh system
	$(BIN)/pytest -n 4 --dist loadfile --cov --cov-branch --cov-report=term:skip-covered

lint: $(VENV)/.stamp-dev ## Style, types and the arrows between the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.stamp-dev ## Measure us and a peer, side by side
	@tools/setup.sh system
	@$(BIN)/python -m bench

soak: $(VENV)/.stamp-dev ## 15 minutes of real calls while everything is killed; then the record is checked
	@tools/setup.sh system
	@$(BIN)/python -m bench.soak

soak-long: $(VENV)/.stamp-dev ## An hour of calls: nothing may pile up, nothing may be lost (`-m bench.soak.long --minutes N`)
	@tools/setup.sh system
	@$(BIN)/python -m bench.soak.long

chaos: $(VENV)/.stamp-dev ## Each fault by itself under real calls; docs/chaos.md is written anew from what was measured
	@tools/setup.sh system
	@$(BIN)/python -m bench.chaos

containers: $(VENV)/.stamp-dev ## Bring docker-compose.yml up with podman, kill each container under callers, check the record
	@tools/setup.sh system
	@$(BIN)/python -m tools.containers --postgresql

services: $(VENV)/.stamp-dev ## Install tools/systemd/ on a systemd of its own, kill and upgrade it under callers, check the record
	@tools/setup.sh system
	@$(BIN)/python -m tools.services

fuzz: $(VENV)/.stamp-dev ## A million spoilt inputs for each reader, and requests to every route; goes on where it was
	@PYTHONPATH=tests $(BIN)/python -m fuzz

audit: $(VENV)/.stamp-dev ## Known weaknesses in what we install, and a list of it (CycloneDX) in var/
	@$(BIN)/python tools/audit.py

reference: $(VENV)/.stamp-dev ## Write docs/reference/ anew, as the code has it
	@$(BIN)/python -m tools.reference

clean: ## Remove what was built and cached; var/ stays
	rm -rf $(VENV) dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

constraints: $(VENV)/.stamp-dev ## Pin anew what pyproject.toml asks for (needs uv)
	tools/constraints.sh

# The virtual environment is made again only when what it holds has changed.
$(VENV)/.stamp-run: constraints/run.txt pyproject.toml tools/setup.sh
	@tools/setup.sh venv run
	@touch $@

$(VENV)/.stamp-dev: constraints/dev.txt pyproject.toml tools/setup.sh
	@tools/setup.sh venv dev
	@touch $@ $(VENV)/.stamp-run
