"""The wheel carries everything but Asterisk: all that the checkout's programs read, byte for byte, and no more."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hatchling import build

ROOT = Path(__file__).parents[2]
# Where a folder of the checkout stands in the wheel. The last ones come to share/ beside the environment's bin/.
SHARED = "share/pbx-bridge"
PLACES = {
    "pbx_bridge": "pbx_bridge",
    "asterisk-conf": "pbx_bridge/pbx/asterisk-conf",
    "tools/systemd": f"{SHARED}/systemd",
    "tools/monitoring": f"{SHARED}/monitoring",
}
LOCKED = ("constraints/run.txt", f"{SHARED}/constraints.txt")
OWN = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")


def expected() -> Mapping[str, Path]:
    return {LOCKED[1]: ROOT / LOCKED[0]} | {
        f"{place}/{path.relative_to(ROOT / folder)}": path
        for folder, place in PLACES.items()
        for path in files_in(ROOT / folder)
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The content of a wheel built from this checkout, without the network."""
    folder, before = tmp_path_factory.mktemp("wheel"), Path.cwd()
    os.chdir(ROOT)
    try:
        name = build.build_wheel(str(folder))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(folder / name) as archive:
        return {told: archive.read(told) for told in archive.namelist()}


def test_the_wheel_has_what_the_checkout_has_and_nothing_else(wheel: Mapping[str, bytes]) -> None:
    base = next(name.partition("/")[0] for name in wheel if name.endswith(".dist-info/WHEEL"))
    inside = {
        name.removeprefix(f"{base.removesuffix('.dist-info')}.data/data/"): text for name, text in wheel.items()
    }
    own = {f"{base}/{name}" for name in OWN}
    assert inside.keys() - own == expected().keys()
    assert own <= inside.keys()
    assert [name for name, path in expected().items() if inside[name] != path.read_bytes()] == []


def test_every_kind_of_file_the_programs_read_is_among_them(wheel: Mapping[str, bytes]) -> None:
    """Else both could be empty."""
    for part in (
        *("pbx_bridge/store/queries.sql", "pbx_bridge/pbx/asterisk-conf/extensions.conf.j2"),
        *("pbx_bridge/store/migrations/", "pbx_bridge/web/templates/", "pbx_bridge/web/static/"),
        *("pbx_bridge/ivr/flows/", "pbx_bridge/ivr/prompts/", "pbx_bridge/store/demo/"),
        *(f"{SHARED}/systemd/pbx-bridge.service", f"{SHARED}/monitoring/alerts.yaml", f"{SHARED}/constraints.txt"),
    ):
        assert any(part in name for name in wheel), part


def test_the_command_leads_to_the_programs(wheel: Mapping[str, bytes]) -> None:
    entry = next(text for name, text in wheel.items() if name.endswith("entry_points.txt")).decode()
    assert "pbx-bridge = pbx_bridge.cli:main" in entry
