"""The rendered configuration: nothing outside loopback, no way out, and what each version understands."""

from __future__ import annotations

import configparser
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.modules import WANTED, modules_in
from pbx_bridge.pbx.paths import PbxPaths
from pbx_bridge.pbx.plan import PbxPlan, PbxSecrets, Ports
from pbx_bridge.pbx.render import CEL_COLUMNS, render
from pbx_bridge.pbx.version import Version, features_of, parse_version

SECRETS = PbxSecrets(
    ari="ari-secret-0123456789",
    ari_monitor="mon-secret-0123456789",
    ami="ami-secret-0123456789",
    agents={"101": "one-secret-0123456789", "102": "two-secret-0123456789"},
)


NOW = Version(22, 10, 1)


def a_plan(version: Version = NOW) -> PbxPlan:
    root = Path("/tree")
    return PbxPlan(
        systemname="pbx1",
        paths=PbxPaths(base=root / "srv/pbxb/abc", root=root),
        secrets=SECRETS,
        version=version,
        ports=Ports(sip=5070, ari=8098, ami=5048, rtp_start=11000, rtp_end=11100),
    )


def lines(text: str) -> list[str]:
    """What Asterisk reads: without comments and blank lines."""
    return [line for raw in text.splitlines() if (line := raw.split(";")[0].strip())]


def test_nothing_is_bound_outside_loopback() -> None:
    files = render(a_plan())
    binds = [line for text in files.values() for line in lines(text) if line.startswith(("bind", "tlsbind"))]

    assert binds
    for line in binds:
        assert line.endswith(("= 127.0.0.1", "= yes")) or re.search(r"= (127\.0\.0\.1:)?\d+$", line), line
    every = "\n".join(line for text in files.values() for line in lines(text))
    assert not re.search(r"(?<!deny = )(?<!/)0\.0\.0\.0", every)


def test_every_secret_stands_in_one_file_only() -> None:
    files = render(a_plan())
    where = {"ari.conf": [SECRETS.ari, SECRETS.ari_monitor], "manager.conf": [SECRETS.ami]}
    where["pjsip.conf"] = list(SECRETS.agents.values())
    for name, text in files.items():
        for owner, secrets in where.items():
            for secret in secrets:
                assert (secret in text) == (name == owner), (name, owner)
    assert "secret" not in repr(SECRETS)


def test_inbound_callers_have_no_way_out() -> None:
    dialplan = render(a_plan())["extensions.conf"]
    contexts = re.split(r"^\[([^]]+)]$", dialplan, flags=re.MULTILINE)[1:]
    texts = dict(zip(contexts[::2], contexts[1::2], strict=True))

    for name, text in texts.items():
        assert "include" not in "\n".join(lines(text))
        assert not re.search(r"System\(|SHELL\(|AGI\(|CURL\(|DISA\(|Local/", text), name
    leads = {
        name: set(re.findall(r"(?:Goto|Gosub|GotoIf)\([^\n]*?([a-z]+-[a-z]+),", text)) for name, text in texts.items()
    }
    inbound, grown = {"from-trunk", "pbxb-queue"}, set[str]()
    while inbound != grown:
        grown = set(inbound)
        inbound |= {to for name in grown for to in leads[name] if to in texts}
    assert {"pbxb-fallback", "pbxb-nobody", "pbxb-record", "pbxb-return"} <= inbound
    assert not inbound & {"from-agents", "pbxb-out", "pbxb-forward", "pbxb-dial", "pbxb-transfer", "pbxb-ways"}
    assert not any("Dial(" in texts[name] for name in inbound)
    by_name_only = {"pbxb-queue", "pbxb-voicemail", "pbxb-message", "pbxb-dial", "pbxb-transfer"}
    assert not by_name_only & set().union(*leads.values()), "where the daemon sends callers, nobody else does"


def test_only_agents_and_flow_files_reach_the_trunk_and_nobody_is_sent_on_to_it() -> None:
    assert "@trunk" not in render(a_plan())["extensions.conf"]
    dialplan = render(replace(a_plan(), trunk="127.0.0.1:5099"))["extensions.conf"]
    ways = [line for line in lines(dialplan) if "@trunk" in line]
    assert len(ways) == 2
    assert all(line.endswith(",60,i${PBXB_T})") for line in ways), "a 302 from outside is not followed"
    assert (
        re.findall(r"(?m)^.*pbxb-out,.*$", dialplan)
        == [f"exten => {pattern},1,Goto(pbxb-out,${{FILTER(0-9+,${{EXTEN}})}},1)" for pattern in ("_0X!", "_+X!")] * 2
    ), "agents' phones, and what a flow may transfer to"
    queues = [line for line in lines(dialplan) if ",Queue(" in line]
    assert queues
    assert all(re.search(r",c?Cit,,,", line) for line in queues), "nor one from an agent's phone"
    assert "Set(__FORWARD_CONTEXT=pbxb-forward)" in dialplan


@pytest.mark.parametrize("trunk", ["10.0.0.1:5060", "localhost:5060", "127.0.0.1", "127.0.0.1:5060\nx=y"])
def test_a_trunk_outside_loopback_is_refused(trunk: str) -> None:
    with pytest.raises(PbxError, match="trunk"):
        replace(a_plan(), trunk=trunk)


def test_every_stasis_stands_behind_a_dead_man_timer() -> None:
    program = lines(render(a_plan())["extensions.conf"])
    for number, line in enumerate(program):
        if "Stasis(" in line:
            assert "TIMEOUT(absolute)=10" in program[number - 1]
            assert '"${STASISSTATUS}" = "FAILED"' in program[number + 1]


def test_hostile_caller_text_is_filtered_before_anything_else() -> None:
    dialplan = render(a_plan())["extensions.conf"]
    assert dialplan.count("Set(CALLERID(num)=${FILTER(0-9+,${CALLERID(num)})})") == 2
    assert dialplan.count("Set(CALLERID(name)=${FILTER(a-zA-Z0-9 ,${CALLERID(name)})})") == 2
    assert not re.search(r"(?<!FILTER\(0-9,)(?<!FILTER\(0-9\+,)\$\{EXTEN", dialplan)


def test_an_agents_name_needs_a_password_and_others_fall_to_the_address() -> None:
    pjsip = render(a_plan())["pjsip.conf"]
    assert "endpoint_identifier_order = username,ip" in pjsip
    assert "match = 127.0.0.0/8" in pjsip
    assert pjsip.count("type = auth\n") == 2
    assert "anonymous" not in "".join(WANTED)


def test_ami_sends_no_records_and_takes_no_commands() -> None:
    manager = render(a_plan())["manager.conf"]
    assert "name(CEL)" not in manager
    assert "name(Cdr)" not in manager
    assert "write = reporting,call,agent\n" in manager
    assert "eventfilter(action(include),name(Hold)) =" in manager


def test_cel_columns_are_the_records_contract() -> None:
    assert len(CEL_COLUMNS) == 19
    assert f"fields = {','.join(CEL_COLUMNS)}\n" in render(a_plan())["cel_custom.conf"]


@pytest.mark.parametrize("version", [Version(20, 5), Version(22, 8, 3), Version(22, 10, 1), Version(24, 0)])
def test_a_version_gets_only_what_it_understands(version: Version) -> None:
    files = render(a_plan(version))
    features = features_of(version)

    assert ("permit = 127.0.0.1/32\n" in files["ari.conf"]) == features.ari_user_acl
    assert ("type = restriction" in files["http.conf"]) == features.http_restrictions
    assert ("fields = " in files["cel_custom.conf"]) == features.cel_fields
    assert ("cel.csv => ${CSV_QUOTE(" in files["cel_custom.conf"]) != features.cel_fields
    assert ("eventfilter = Event: Hold" in files["manager.conf"]) != features.filter_by_name


def test_features_by_version() -> None:
    old, new = features_of(Version(20, 0)), features_of(Version(22, 10, 1))
    assert not any((old.ari_user_acl, old.cel_fields, old.filter_by_name, old.http_restrictions))
    assert new.ari_user_acl
    assert new.cel_fields
    assert features_of(Version(22, 1)).filter_by_name
    assert not features_of(Version(22, 0)).filter_by_name
    assert features_of(Version(25, 0)).cel_fields


def test_every_file_reads_as_sections_and_settings() -> None:
    for name, text in render(a_plan()).items():
        parser = configparser.ConfigParser(strict=False, allow_no_value=True, interpolation=None, delimiters=("=",))
        parser.read_string("[top]\n" + text.replace("(!)", "").replace("](phone)", "]"))
        assert "{{" not in text, name
        assert "{%" not in text, name


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.5", "localhost", "::1", ""])
def test_a_host_outside_loopback_is_refused(host: str) -> None:
    with pytest.raises(PbxError):
        replace(a_plan(), host=host)


def test_an_agents_number_is_no_number_for_the_flow() -> None:
    with pytest.raises(PbxError, match="agent"):
        replace(a_plan(), extension="101")


@pytest.mark.parametrize("change", [{"extension": "700"}, {"mailbox": "705"}, {"conference": "600"}])
def test_two_services_have_two_numbers(change: dict[str, str]) -> None:
    with pytest.raises(PbxError, match="twice"):
        replace(a_plan(), **change)  # type: ignore[arg-type]


@given(st.text(min_size=1).filter(lambda text: not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text)))
def test_no_name_can_leave_its_line(word: str) -> None:
    with pytest.raises(PbxError):
        replace(a_plan(), systemname=word)
    with pytest.raises(PbxError):
        replace(a_plan(), queues=(word,))


@pytest.mark.parametrize(
    "secret", ["", "short", "with space in it 123", "semi;colon;semi;colon", "two\nlines two lines"]
)
def test_a_secret_that_could_break_a_line_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(PbxError) as told:
        replace(SECRETS, ami=secret)
    assert not secret or secret not in str(told.value)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1\n", Version(22, 10, 1)),
        ("Asterisk 20.5.2~dfsg", Version(20, 5, 2)),
        ("Asterisk certified/20.7-cert3", Version(20, 7)),
        ("Asterisk certified-18.9-cert1", Version(18, 9)),
        ("Asterisk GIT-master-abc123", None),
        ("", None),
    ],
)
def test_versions(text: str, version: Version | None) -> None:
    assert parse_version(text) == version


def test_only_modules_that_are_there_are_loaded(tmp_path: Path) -> None:
    assert modules_in(tmp_path) == WANTED
    folder = tmp_path / "usr/lib/x/asterisk/modules"
    folder.mkdir(parents=True)
    for name in ("app_queue.so", "chan_pjsip.so", "chan_sip.so"):
        (folder / name).touch()
    assert modules_in(tmp_path) == ("app_queue", "chan_pjsip")


def test_in_a_container_phones_are_answered_through_published_ports() -> None:
    files = render(replace(a_plan(), container=True))
    assert "external_media_address = 127.0.0.1" in files["pjsip.conf"]
    assert "rtp_symmetric = yes" in files["pjsip.conf"]
    assert "bind_rtp_to_media_address" not in files["pjsip.conf"]
    assert "permit = 172.16.0.0/12\n" in files["manager.conf"]
    assert "external_media_address" not in render(a_plan())["pjsip.conf"]
