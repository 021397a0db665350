"""What each version can: one table in the code, the same in docs/pbx.md, and each row of it does something."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from doctor_pbx import PLAN, healthy

from pbx_bridge.ami.actions import Actions
from pbx_bridge.doctor.report import examine
from pbx_bridge.errors import AsteriskError
from pbx_bridge.pbx.render import render
from pbx_bridge.pbx.version import GATES, Features, Version, features_of, keys_received, lacking, rest_over_websocket

DOCS = Path(__file__).parents[2] / "docs" / "pbx.md"
# Where an administrator or a caller meets these versions: Issabel 4 and 5, FreePBX 16 and 17, Debian.
FELT = {"overload_trigger", "keys_received", "playback_failed", "queue_priority"}
KNOWN = {
    Version(16, 0): set(),
    Version(16, 28): FELT | {"event_filter"},
    Version(18, 9): FELT - {"queue_priority"} | {"event_filter"},
    Version(18, 26): FELT | {"event_filter", "orders_at_once"},
    Version(20, 13): set(GATES) - {"rest_over_websocket", "ari_user_acl", "http_restrictions", "cel_fields"},
    Version(20, 14): set(GATES) - {"ari_user_acl", "http_restrictions", "cel_fields"},
    Version(20, 19): set(GATES),
    Version(21, 12): set(GATES) - {"ari_user_acl", "http_restrictions", "cel_fields"},
    Version(22, 10, 1): set(GATES),
    Version(24, 0): set(GATES),
}


def cans(version: Version) -> set[str]:
    """The names of what a version can."""
    features = features_of(version)
    return {name for name in GATES if getattr(features, name)}


@pytest.mark.parametrize("version", KNOWN, ids=str)
def test_what_a_version_can(version: Version) -> None:
    assert cans(version) == KNOWN[version]


def test_every_gate_has_its_name_and_nothing_is_lost_by_an_upgrade_within_a_branch() -> None:
    assert [field.name for field in fields(Features)] == list(GATES)
    for branch in range(16, 24):
        steps = [cans(Version(branch, minor)) for minor in range(40)]
        assert all(old <= new for old, new in pairwise(steps)), branch


def test_the_document_has_the_same_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| ([0-9., ]+?) \| (.+?) \|$", DOCS.read_text(encoding="utf-8"), re.M)
    told = {
        name: (gate.what, ", ".join(f"{major}.{minor}" for major, minor in gate.since.items()), gate.without)
        for name, gate in GATES.items()
    }
    assert {name: tuple(rest) for name, *rest in rows} == told


@pytest.mark.parametrize(
    ("told", "yes"),
    [
        ("22.10.1", True),
        ("20.14.0~dfsg+~1", True),
        ("22.3.0", False),
        ("16.28.0~dfsg-0", False),
        ("GIT-master", False),
    ],
)
def test_requests_go_over_the_websocket_where_it_takes_them(told: str, yes: bool) -> None:
    assert rest_over_websocket(told) is yes


def lines_of(version: Version) -> set[tuple[str, str]]:
    """Every line that is rendered for a version, with its file."""
    return {
        (name, line) for name, text in render(replace(PLAN, version=version)).items() for line in text.splitlines()
    }


def test_no_line_is_rendered_that_keeps_an_old_module_from_loading() -> None:
    trigger = ("pjsip.conf", "taskprocessor_overload_trigger = pjsip_only")
    newest, oldest = lines_of(Version(22, 10, 1)), lines_of(Version(16, 0))
    only_new = newest - oldest
    assert {trigger, ("http.conf", "type = restriction"), ("ari.conf", "permit = 127.0.0.1/32")} <= only_new
    assert ("cel_custom.conf", "format = dsv") in only_new
    assert ("manager.conf", "eventfilter(action(include),name(Hold)) =") in only_new
    assert lines_of(Version(16, 28)) - oldest == {trigger}
    assert lines_of(Version(24, 0)) == newest


@pytest.mark.parametrize(
    ("version", "given"), [("16.6.2", False), ("16.28.0~dfsg-0", True), ("GIT-x", True), ("", True)]
)
async def test_a_phone_is_given_keys_only_by_an_asterisk_that_would_not_play_them_to_it(
    version: str, given: bool
) -> None:
    sent: list[str] = []

    async def send(action: str, **fields: str) -> dict[str, str]:
        sent.append(action)
        if not version:
            raise AsteriskError("AMI refused CoreSettings: Permission denied")
        return {"asteriskversion": version}

    actions = Actions(send, keys_received)
    if given and version:
        await actions.press("c1", "DD")
    else:
        with pytest.raises(AsteriskError, match=r"16\.6\.2 takes no keys|Permission denied|call"):
            await actions.press("c1", "DD")
    assert ("PlayDTMF" in sent) == given


@pytest.mark.parametrize(
    ("version", "found"),
    [
        (Version(16, 28), {"version-without-mending"}),
        (Version(18, 9), {"version-without-mending", "version-lacks"}),
        (Version(20, 20, 0), {"version-with-known-holes"}),
        (Version(20, 20, 1), set()),
        (Version(22, 10, 1), set()),
        (Version(23, 4, 0), {"version-with-known-holes"}),
        (Version(15, 7), {"version-unknown-to-us"}),
    ],
    ids=lambda given: str(given) if isinstance(given, Version) else "",
)
def test_the_doctor_says_of_a_version_what_matters(version: Version, found: set[str]) -> None:
    told = {finding.id for finding in examine(replace(healthy(), version=version)).findings}
    assert {name for name in told if name.startswith("version-")} == found


def test_what_is_felt_is_told_with_what_is_done_instead() -> None:
    assert [gate.since for gate in lacking(Version(18, 9))] == [GATES["queue_priority"].since]
    (told,) = [f for f in examine(replace(healthy(), version=Version(16, 5))).findings if f.id == "version-lacks"]
    assert "PlayDTMF" in told.what
    assert "agents hold on their phones" in told.what
    assert "overload" not in told.what
