"""Known weaknesses in what we install, and a list of what that is. `make audit`; docs/security.md.

    constraints/run.txt  ─► var/sbom.cdx.json     (CycloneDX 1.6: name, version, licence, hashes)
    constraints/dev.txt  ─► pip-audit ─► verdict  (what we ship and what we test with)

Exit status 0: nothing is known; 1: something is; 75: it could not be asked about everything. With --or-skip the last
is said as plainly and ends with 0, for a test run on a machine that reaches no such service.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).parents[1]
SHIPPED, EVERYTHING = ROOT / "constraints" / "run.txt", ROOT / "constraints" / "dev.txt"
SBOM = ROOT / "var" / "sbom.cdx.json"
NOT_ASKED = 75  # EX_TEMPFAIL
_LIMIT_S = 180
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ \\]+)(.*(?:\n +--hash=.*)*)", re.M)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One locked package."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(text: str) -> Iterator[Pin]:
    """The packages of a constraints file."""
    for name, version, rest in _PIN.findall(text):
        yield Pin(name=name, version=version, hashes=tuple(_HASH.findall(rest)))


def bill(packages: Sequence[Pin], own: str) -> str:
    """The bill of materials of a version of ours, as CycloneDX JSON."""
    bom, licences = Bom(), LicenseFactory()
    bom.metadata.component = Component(name="pbx-bridge", version=own, type=ComponentType.APPLICATION)
    for pin in packages:
        component = Component(
            name=pin.name,
            version=pin.version,
            type=ComponentType.LIBRARY,
            purl=(purl := PackageURL("pypi", None, pin.name, pin.version)),
            bom_ref=purl.to_string(),
            licenses=[licences.make_from_string(licence)] if (licence := licence_of(pin.name)) else [],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.hashes],
        )
        bom.components.add(component)
        bom.register_dependency(bom.metadata.component, [component])
    return str(JsonV1Dot6(bom).output_as_string(indent=1))


def licence_of(name: str) -> str:
    """The licence that an installed package names; empty where it names none, or is not installed here."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    named = told.get_all("Classifier") or []
    classified = [line.rpartition("::")[2].strip() for line in named if line.startswith("License ::")]
    written = (told.get("License") or "").strip().partition("\n")[0]
    return told.get("License-Expression") or (classified[0] if classified else written) or _title_of_file(name)


def _title_of_file(name: str) -> str:
    """The first line of the licence that a package which names none comes with."""
    kept = [path for path in importlib.metadata.files(name) or () if path.name.startswith("LICENSE")]
    return kept[0].read_text(encoding="utf-8").strip().partition("\n")[0] if kept else ""


def verdict(told: dict[str, Any] | None, why_not: str) -> tuple[int, list[str]]:
    """Exit status and lines for what pip-audit told. What it skipped it did not ask about, whatever it says."""
    if told is None:
        return NOT_ASKED, [f"no vulnerability service could be asked: {why_not}"]
    packages = told["dependencies"]
    skipped = [one for one in packages if "skip_reason" in one]
    weak = [one for one in packages if one.get("vulns")]
    lines = [
        f"{one['name']} {one['version']}: {weakness['id']}, mended in {', '.join(weakness['fix_versions']) or 'none'}"
        for one in weak
        for weakness in one["vulns"]
    ]
    if weak:
        return 1, lines
    if skipped or not packages:
        reason = f"{len(skipped)} of {len(packages)} packages could not be asked about"
        return NOT_ASKED, [f"{reason}: {skipped[0]['skip_reason']}" if skipped else "there is nothing to ask about"]
    return 0, [f"no weakness is known in {len(packages)} packages"]


def ask() -> tuple[int, list[str]]:
    """pip-audit's verdict on everything that is locked."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = ("--requirement", EVERYTHING, "--disable-pip", "--require-hashes", "--progress-spinner", "off")
        program = [sys.executable, "-m", "pip_audit", *words, "--timeout", "5", "--format", "json"]
        try:
            done = subprocess.run(  # noqa: S603 # our own words
                [*map(str, program), "--output", str(report)],
                capture_output=True,
                text=True,
                timeout=_LIMIT_S,
                check=False,
            )
            said = done.stderr.strip().splitlines()
        except subprocess.TimeoutExpired:
            return NOT_ASKED, [f"the vulnerability service gave no answer within {_LIMIT_S} s"]
        told = json.loads(report.read_text()) if report.exists() else None
        return verdict(told, said[-1][:300] if said else f"pip-audit ended with {done.returncode}")


def main() -> int:
    """Write the bill, ask, say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--or-skip", action="store_true", help="status 0 where no service can be asked")
    words = parser.parse_args()
    SBOM.parent.mkdir(exist_ok=True)
    packages = list(pins(SHIPPED.read_text(encoding="utf-8")))
    SBOM.write_text(bill(packages, importlib.metadata.version("pbx-bridge")), encoding="utf-8")
    print(f"audit: {len(packages)} packages that are shipped stand in {SBOM.relative_to(ROOT)}", flush=True)
    status, lines = ask()
    for line in lines:
        print(f"audit: {'NOT DONE: ' if status == NOT_ASKED else ''}{line}")
    return 0 if status == NOT_ASKED and words.or_skip else status


if __name__ == "__main__":
    sys.exit(main())
