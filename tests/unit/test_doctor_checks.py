"""Each check alone: a PBX that is right gives no finding, one wrong thing gives exactly its own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from doctor_pbx import ACTIONS, NOW, PLAN, Change, file, folder, healthy, of, sick, texts, told, written
from hypothesis import given
from hypothesis import strategies as st

from pbx_bridge.doctor import trial
from pbx_bridge.doctor.checks.dialplan import CONTEXTS
from pbx_bridge.doctor.checks.every import CHECKS
from pbx_bridge.doctor.checks.passwords import weakness
from pbx_bridge.doctor.checks.recorded import cel_difference
from pbx_bridge.doctor.conf import parse
from pbx_bridge.doctor.finding import Check, Trouble, Unseen
from pbx_bridge.doctor.gathered import App, Disk, Gathered, KeyFacts, Member, Socket
from pbx_bridge.doctor.plan_of_calls import from_conf, from_events
from pbx_bridge.doctor.report import BLIND, WELL, WRONG, as_data, examine, lines
from pbx_bridge.pbx.render import render
from pbx_bridge.pbx.try_call import RunningSystem
from pbx_bridge.pbx.version import Version

NEPAL = timezone(timedelta(hours=5, minutes=45))
OLD = render(replace(PLAN, version=Version(16, 28)))

NO_ARI_ACL = written("ari.conf", "deny = 0.0.0.0/0\npermit = 127.0.0.1/32", "")

WRONG_THINGS: list[tuple[str, Change]] = [
    ("ari-down", told(ari=Unseen("no ARI", Trouble.DOWN))),
    ("ari-refused", told(ari=Unseen("refused", Trouble.REFUSED))),
    ("ami-down", told(ami=Unseen("no AMI", Trouble.DOWN))),
    ("ami-refused", told(ami=Unseen("refused", Trouble.REFUSED))),
    ("daemon-not-connected", of("ari", apps=(App(name="other"),))),
    ("ari-other-hears-all", of("ari", apps=(App(name="pbx_bridge"), App(name="other", hears_all=True)))),
    ("version-unknown-to-us", told(version=Version(24, 0))),
    ("version-without-mending", lambda g: sick(told(version=Version(21, 9)), NO_ARI_ACL, g=g)),
    ("version-with-known-holes", told(version=Version(22, 10, 0))),
    ("version-lacks", told(version=Version(18, 9))),
    ("modules-missing", lambda g: replace(g, modules=frozenset(PLAN.modules) - {"app_mixmonitor"})),
    ("ari-conf-too-new", told(version=Version(20, 18))),
    ("ami-open-to-world", written("manager.conf", "bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0")),
    ("ami-open-to-world", written("manager.conf", "bindaddr = 127.0.0.1", "")),
    ("ami-open-to-world", told(sockets=(Socket(address="::", port=5038),))),
    ("ari-open-to-world", told(sockets=(Socket(address="::", port=8088),))),
    ("ami-without-tls", written("manager.conf", "bindaddr = 127.0.0.1", "bindaddr = 10.1.2.3")),
    ("ari-without-tls", told(sockets=(Socket(address="10.1.2.3", port=8088),))),
    ("ami-over-http", written("manager.conf", "webenabled = no", "webenabled = yes")),
    ("ami-secret-weak", written("manager.conf", PLAN.secrets.ami, "amp111")),
    ("ari-secret-weak", written("ari.conf", PLAN.secrets.ari_monitor, "asterisk")),
    ("sip-secret-weak", written("pjsip.conf", PLAN.secrets.agents["102"], "102")),
    ("secrets-readable-by-all", lambda g: replace(g, modes={**g.modes, "manager.conf": 0o100644})),
    ("ami-rights-too-wide", of("ami", actions=ACTIONS | {"command"})),
    ("ami-rights-too-narrow", of("ami", actions=ACTIONS - {"queuepause"})),
    ("ami-rights-too-narrow", written("manager.conf", "read = system,call,agent,reporting", "read = call,agent")),
    ("ami-without-acl", written("manager.conf", "deny = 0.0.0.0/0.0.0.0", "")),
    ("ari-without-acl", NO_ARI_ACL),
    ("ami-events-unfiltered", written("manager.conf", "eventfilter", "other")),
    ("ari-read-only", written("ari.conf", "[pbx_bridge]", "[pbx_bridge]\nread_only = yes")),
    ("ari-origins-all", written("ari.conf", "pretty = no", "allowed_origins = *")),
    ("live-dangerously", written("asterisk.conf", "live_dangerously = no", "live_dangerously = yes")),
    ("cel-off", written("cel.conf", "enable = yes", "enable = no")),
    ("cel-events-missing", written("cel.conf", "BRIDGE_ENTER,", "")),
    ("cel-apps-missing", written("cel.conf", "stasis,queue,", "stasis,")),
    ("cel-format-differs", written("cel_custom.conf", "uniqueid,linkedid", "linkedid,uniqueid")),
    ("cel-unreadable", file("cel", ours="")),
    ("cel-not-growing", file("cel", changed=NOW - timedelta(hours=1))),
    ("cel-not-growing", file("cel", exists=False, changed=None)),
    ("cel-not-writable", file("cel", uid=0, gid=0, mode=0o100644)),
    ("queue-log-off", written("logger.conf", "queue_log = yes", "queue_log = no")),
    ("queue-log-elsewhere", written("logger.conf", "queue_log = yes", "queue_log_name = other")),
    ("queue-log-unreadable", file("queue_log", ours="")),
    ("queue-log-unreadable", file("queue_log", exists=False)),
    ("cdr-unanswered-off", written("cdr.conf", "unanswered = yes", "")),
    ("systemname-differs", of("ari", systemname="")),
    ("ari-write-timeout", written("ari.conf", "websocket_write_timeout = 1000", "")),
    ("http-sessions-few", written("http.conf", "sessionlimit = 300", "sessionlimit = 30")),
    ("http-keep-alive-short", written("http.conf", "session_keep_alive = 60000", "")),
    ("overload-trigger", written("pjsip.conf", "taskprocessor_overload_trigger = pjsip_only", "")),
    ("clock-differs", of("ami", ahead_s=-7.5)),
    ("zone-differs", of("ari", local_start=NOW.astimezone(NEPAL))),
    ("host-name-slow", told(name_s=4.0)),
    ("host-name-slow", told(name_s=None)),
    ("folder-missing", told(folders={"recordings": folder("monitor", exists=False)})),
    ("folder-not-writable", told(folders={"the record": folder("cel", uid=0, gid=0)})),
    ("recordings-unreadable", told(folders={"recordings": folder("monitor", ours="r")})),
    ("disk-nearly-full", told(disks=(Disk(path=Path("/srv"), free=1 << 30, total=100 << 30),))),
    ("open-files-few", of("process", open_files=1024)),
    ("prompts-missing", told(silent=("fixed/fa/nobody",))),
    ("music-missing", told(music=0)),
    ("codecs-uncommon", written("pjsip.conf", "allow = alaw,ulaw", "allow = g729")),
    ("sound-keys-unusable", told(keys=KeyFacts(wrong="/mnt/keys holds no key, or is not mounted"))),
    ("sound-keys-beside-sounds", told(keys=KeyFacts(beside=True))),
    ("dialplan-contexts-missing", written("extensions.conf", "[pbxb-hold]", "[pbxb-helt]")),
    ("dialplan-no-way-in", of("ours", app="another")),
    ("dialplan-no-dead-man", written("extensions.conf", "Set(TIMEOUT(absolute)=10)", "NoOp()")),
    ("dialplan-inbound-reaches-out", written("extensions.conf", "[from-trunk]", "[from-trunk]\ninclude => pbxb-out")),
    ("queue-missing", of("ours", queues=frozenset({*PLAN.queues, "sales"}))),
    (
        "queue-without-members",
        of("ami", queues={"support": (), "services": (Member(interface="a", reachable=True),)}),
    ),
    (
        "queue-nobody-reachable",
        of("ami", queues=dict.fromkeys(PLAN.queues, (Member(interface="a", reachable=False),))),
    ),
    ("agents-unregistered", of("ari", endpoints={"PJSIP/101": "online", "PJSIP/102": "offline"})),
]
# Of these the other has to be wrong, too.
WITH = {
    "dialplan-no-way-in": {"daemon-not-connected"},
    "ari-conf-too-new": {"version-with-known-holes"},
    "version-lacks": {"version-without-mending", "ari-conf-too-new"},
}


def ids(g: Gathered) -> set[str]:
    return {finding.id for finding in examine(g).findings}


def test_the_shipped_configuration_is_right_in_everything() -> None:
    report = examine(healthy())
    assert lines(report) == (f"nothing wrong, {len(CHECKS)} as they should be, 0 not looked at",)
    assert report.exit_status == WELL


@pytest.mark.parametrize(("wrong", "change"), WRONG_THINGS, ids=[name for name, _ in WRONG_THINGS])
def test_a_wrong_thing_gives_its_own_finding_and_no_other(wrong: str, change: Change) -> None:
    report = examine(change(healthy()))
    assert {finding.id for finding in report.findings} == {wrong} | WITH.get(wrong, set())
    assert report.exit_status == WRONG


def test_every_check_is_tried() -> None:
    assert {name for name, _ in WRONG_THINGS} == {one.id for one in CHECKS}
    assert len({one.id for one in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("one", CHECKS, ids=lambda one: one.id)
def test_a_check_says_why_it_matters_and_how_to_mend_it(one: Check) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", one.id)
    assert one.why.endswith(".")
    assert one.mend.endswith(".")


TWENTY = """
ari-other-hears-all modules-missing ami-open-to-world ari-without-tls ami-secret-weak secrets-readable-by-all
ami-rights-too-wide ari-origins-all live-dangerously cel-events-missing cel-not-growing systemname-differs
overload-trigger clock-differs host-name-slow folder-missing disk-nearly-full prompts-missing
dialplan-no-dead-man agents-unregistered
"""


def test_twenty_faults_at_once_are_all_named_and_no_other() -> None:
    planted, names = dict(reversed(WRONG_THINGS)), set(TWENTY.split())
    assert len(names) == 20
    assert ids(sick(*(planted[name] for name in names))) == names


def test_what_cannot_be_looked_at_is_said_and_never_guessed() -> None:
    why = Unseen("the PBX is on another machine")
    far = replace(healthy(), sockets=why, process=why, folders=why, disks=why, name_s=why, silent=why, music=why)
    far = replace(far, files={}, etc=dict.fromkeys(far.etc, Unseen("no folder")), modes={}, modules=why)
    report = examine(far)
    assert report.findings == ()
    assert report.exit_status == WELL
    unseen = {one.id for one in report.not_looked}
    assert {"host-name-slow", "modules-missing", "cel-off", "ami-open-to-world", "secrets-readable-by-all"} <= unseen
    assert len(unseen) + report.passed == len(CHECKS)
    assert "not looked at: modules-missing" in "\n".join(lines(report))


def test_a_pbx_of_which_nothing_is_seen_is_neither_well_nor_wrong() -> None:
    nothing = replace(healthy(), ari=Unseen("no"), ami=Unseen("no"), etc={"ari.conf": Unseen("no")})
    assert examine(nothing).exit_status == BLIND
    assert lines(examine(nothing))[-1] == "nothing of the PBX could be looked at"


def test_programs_get_all_of_it() -> None:
    data = as_data(examine(replace(healthy(), music=0, name_s=Unseen("far"))))
    assert [finding["id"] for finding in data["findings"]] == ["music-missing"]
    assert set(data["findings"][0]) == {"id", "severity", "what", "why", "mend"}
    assert data["not_looked"] == [{"id": "host-name-slow", "why": "far"}]
    assert data["exit_status"] == WRONG


def test_the_worst_comes_first() -> None:
    ill = replace(healthy(), music=0, name_s=None)
    assert [finding.severity for finding in examine(ill).findings] == ["danger", "advice"]


def test_what_comes_from_the_pbx_cannot_steer_a_terminal() -> None:
    ill = of("ari", systemname="\x1b[2J")(healthy())
    assert not any("\x1b" in line for line in lines(examine(ill)))


async def test_a_call_that_does_not_come_about_is_a_finding_of_its_own(tmp_path: Path) -> None:
    system = RunningSystem(
        host="127.0.0.1", sip_port=5060, node="pbx1", store=tmp_path / "store.db", pid_file=tmp_path / "pid"
    )
    trouble = await trial.place_call(system, "100")
    report = trial.with_call(examine(healthy()), trouble)
    assert [(finding.id, finding.severity) for finding in report.findings] == [(trial.ID, "danger")]
    assert report.findings[0].what.startswith("a call to 100: the system is not running")
    assert trial.with_call(examine(healthy()), "").exit_status == WELL


# --- pieces -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "user"),
    [
        ("", "a"),
        ("amp111", "admin"),
        ("Secret!2024", "a"),
        ("pbx_bridge", "PBX_bridge"),
        ("aX9-bk2", "a"),
        ("123456789012", "a"),
        ("aaaaaaaaaaaaaa", "a"),
    ],
)
def test_a_weak_password_is_told_from_a_good_one(secret: str, user: str) -> None:
    assert weakness(secret, user)
    assert not secret or secret not in weakness(secret, user)
    assert not weakness("kT8mZ0qLxW3vRb5n", user)


def test_no_finding_shows_a_password() -> None:
    weak = written("manager.conf", PLAN.secrets.ami, "hunter2hunt")(healthy())
    assert "hunter2" not in "".join(lines(examine(weak)))


def test_the_record_of_an_old_asterisk_has_its_own_form() -> None:
    assert cel_difference(parse(OLD["cel_custom.conf"]), "cel.csv") == ""
    other = parse(OLD["cel_custom.conf"].replace("${CSV_QUOTE(${eventtime})},", ""))
    assert cel_difference(other, "cel.csv") == "cel_custom.conf differs from column 2 on; it has 18 columns, not 19"
    assert cel_difference(parse("[mappings]"), "cel.csv") == "cel_custom.conf writes no cel.csv"


def test_an_old_asterisk_with_its_own_configuration_lacks_only_mending() -> None:
    old = replace(healthy(), version=Version(16, 28), etc={name: parse(text) for name, text in OLD.items()})
    assert ids(old) == {"version-without-mending"}


def test_rights_are_read_from_the_file_when_ami_does_not_tell() -> None:
    quiet = of("ami", actions=Unseen("no answer"))
    wide = written("manager.conf", "write = reporting,call,agent", "write = all")
    assert ids(quiet(healthy())) == set()
    assert ids(wide(quiet(healthy()))) == {"ami-rights-too-wide"}


def test_a_configuration_is_read_as_asterisk_reads_it() -> None:
    conf = parse(
        """
        ;-- a block
        [gone] --;
        [base](!)
        Allow = ulaw ; said aloud
        [one](base)
        type=endpoint
        [one]
        type => auth
        password = a\\;b
        #include "more/*.conf"
        [one](+)
        allow = alaw
        """,
        lambda pattern: ["[two]\nfrom = " + pattern],
    )
    assert [(section.name, section.get("type")) for section in conf.sections] == [
        ("one", "endpoint"),
        ("one", "auth"),
        ("two", ""),
    ]
    assert conf.sections[0].all("allow") == ("ulaw", "alaw")
    assert conf.one("one").get("password") == "a;b"
    assert conf.one("two").get("from") == "more/*.conf"


@given(st.text(alphabet='[](){}!+;-#=>,\\" \nabinclude', max_size=80))
def test_any_text_is_read_somehow(text: str) -> None:
    conf = parse(text, lambda pattern: [text])
    assert all(section.name == section.name.strip() for section in conf.sections)
    assert from_conf(conf).included("a") is not None


def test_a_file_that_includes_itself_ends() -> None:
    assert len(parse("#include x", lambda pattern: ["#include x\n" * 9 + "[a]"]).sections) == 1


def test_the_dialplan_of_a_file_is_that_of_a_list() -> None:
    plan = from_conf(parse("[in]\ninclude => out\nexten => _X!,1,Set(A=1)\n same => n(b),Stasis(app,in,${EXTEN})"))
    listed = [
        {"context": "in", "extension": "_X!", "application": "Set", "appdata": "A=1"},
        {"context": "in", "extension": "_X!", "application": "Stasis", "appdata": "app,in,${EXTEN}"},
        {"context": "in", "includecontext": "out"},
    ]
    assert plan == from_events(listed)


def test_our_contexts_are_those_that_are_shipped() -> None:
    assert set(CONTEXTS) <= set(from_conf(parse(texts()["extensions.conf"])).contexts)


def test_every_id_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("\n## Doctor\n")[2].partition("\n## ")[0]
    rows = [row.split("|") for row in section.splitlines() if row.startswith("| `")]
    told_of = [(row[1].strip(" `"), row[2].strip()) for row in rows]
    assert told_of == [*((one.id, str(one.severity)) for one in CHECKS), (trial.ID, "danger")]
