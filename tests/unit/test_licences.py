"""What we ship and test with: its licences, whether somebody asked about its weaknesses, and the list of it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

# With these anybody may use, change and sell what we ship; the last are for files or libraries that stay as they are.
FREE = {
    "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "BSD", "0BSD", "Apache-2.0", "PSF-2.0", "Zlib", "CC0-1.0", "ISC",
    "MPL-2.0", "LGPL-3.0-only",
}  # fmt: skip
# Run as a program by `prompts render`, never imported (docs/adr/0009-gpl-programs-are-run.md).
PROGRAMS = {"piper-tts": "GPL-3.0-or-later"}
# How packages without an SPDX expression write it.
WRITTEN = {
    "MIT License": "MIT",
    "The MIT License": "MIT",
    "MIT license": "MIT",
    "BSD License": "BSD",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["audit"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit = _load()
SHIPPED = sorted({pin.name for pin in audit.pins(audit.SHIPPED.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_has_a_free_licence(name: str) -> None:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed on this kind of machine")
    licence = audit.licence_of(name)
    if name in PROGRAMS:
        assert licence == PROGRAMS[name]
        return
    parts = [WRITTEN.get(part, part) for part in re.split(r" (?:AND|OR) ", WRITTEN.get(licence, licence))]
    assert parts
    assert set(parts) <= FREE, f"{name}: {licence!r}"


def test_what_is_only_run_is_imported_nowhere() -> None:
    imported = re.compile(r"^\s*(?:import|from) piper\b", re.M)
    files = list((ROOT / "pbx_bridge").rglob("*.py"))
    assert len(files) > 300
    assert [path for path in files if imported.search(path.read_text(encoding="utf-8"))] == []


def test_the_list_names_every_package_with_version_and_hashes() -> None:
    told = json.loads(audit.bill(list(audit.pins(audit.SHIPPED.read_text(encoding="utf-8"))), "1.2.3"))
    assert (told["bomFormat"], told["metadata"]["component"]["version"]) == ("CycloneDX", "1.2.3")
    assert {component["name"] for component in told["components"]} == set(SHIPPED)
    assert all(component["hashes"] and component["version"] for component in told["components"])
    assert sum(bool(component.get("licenses")) for component in told["components"]) > len(SHIPPED) * 0.8


def _told(*packages: Mapping[str, object]) -> dict[str, object]:
    return {"dependencies": list(packages)}


GOOD = {"name": "a", "version": "1", "vulns": []}
WEAK = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("told", "status", "says"),
    [
        (_told(GOOD), 0, "no weakness is known in 1 packages"),
        (_told(GOOD, WEAK), 1, "b 2: PYSEC-1, mended in 3"),
        (_told(WEAK, SKIPPED), 1, "PYSEC-1"),
        (_told(GOOD, SKIPPED), 75, "1 of 2 packages could not be asked about"),
        (_told(), 75, "nothing to ask about"),
        (None, 75, "no vulnerability service could be asked: refused"),
    ],
)
def test_silence_is_not_taken_for_good_news(told: dict[str, object] | None, status: int, says: str) -> None:
    got, lines = audit.verdict(told, "refused")
    assert got == status
    assert says in lines[0]
