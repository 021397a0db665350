"""A company's whole PBX rendered: trunks, queues, numbers and hours; what does not fit together; the command."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from test_pbx_render import SECRETS, a_plan, lines

from pbx_bridge.cli import cli
from pbx_bridge.doctor.checks.dialplan import CONTEXTS
from pbx_bridge.doctor.conf import Conf, parse
from pbx_bridge.doctor.plan_of_calls import from_conf
from pbx_bridge.errors import PlanRefused
from pbx_bridge.ivr.opening.hours import Week
from pbx_bridge.pbx.house import Hours, Number, QueueRule, Trunk
from pbx_bridge.pbx.plan import PbxPlan
from pbx_bridge.pbx.render import render

SHATEL = Trunk(
    name="shatel",
    host="sip.example.org",
    username="company",
    password="given-by-provider",
    register=True,
    number="+982191001234",
    addresses=("198.51.100.0/28",),
)
MCI = Trunk(name="mci", host="203.0.113.9", transport="tcp")
WEEK = Week.parse({"sat-wed": ["08:00-13:00", "14:00-17:00"], "thu": "22:00-02:00"})


def a_house() -> PbxPlan:
    """Two trunks, three agents, three queues, a number and a block of numbers, open to the house's network."""
    return replace(
        a_plan(),
        secrets=replace(SECRETS, agents={**SECRETS.agents, "1103": "tri-secret-0123456789"}),
        agents=("101", "102", "1103"),
        agent_names={"101": "سارا محمدی"},
        queues=("support", "sales", "vip"),
        queue_rules={
            "sales": QueueRule(members=("101", "1103"), penalties={"1103": 5}, strategy="ringall", wait_s=60),
            "vip": QueueRule(members=("102",), wrap_up_s=0, longest=3),
        },
        trunks=(SHATEL, MCI),
        out=("shatel", "mci"),
        numbers=(
            Number(pattern="02191001234", flow="support"),
            Number(pattern="0219100XXXX", language="en", queue="sales"),
        ),
        hours=Hours(week=WEEK, zone=ZoneInfo("Asia/Tehran")),
        sip_host="192.168.10.5",
        sip_outside="198.51.100.77",
    )


def conf_of(name: str, plan: PbxPlan | None = None) -> Conf:
    return parse(render(plan or a_house())[name])


# --- what is rendered ---------------------------------------------------------------------------------------------


def test_a_trunk_is_known_by_its_addresses_and_reaches_the_inbound_context_only() -> None:
    pjsip = conf_of("pjsip.conf")
    for name, networks in (("shatel", "198.51.100.0/28"), ("mci", "203.0.113.9/32"), ("trunk", "127.0.0.1/32")):
        (endpoint,) = (one for one in pjsip.of_type("endpoint") if one.name == name)
        (identify,) = (one for one in pjsip.of_type("identify") if one.name == name)
        assert endpoint.get("context") == "from-trunk"
        assert endpoint.get("allow_transfer") == "no"
        assert identify.get("match") == networks
    (registration,) = pjsip.of_type("registration")
    assert registration.get("client_uri") == "sip:company@sip.example.org:5060"
    assert registration.get("contact_user") == "982191001234", "calls come in with a number, not with a name"
    assert "sip:203.0.113.9:5060;transport=tcp" in {aor.get("contact") for aor in pjsip.of_type("aor")}


def test_whoever_nobody_named_is_refused() -> None:
    (acl,) = conf_of("pjsip.conf").of_type("acl")
    told = set(acl.all("permit"))
    assert acl.options[1] == ("deny", "0.0.0.0/0")
    assert told == {
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "198.51.100.0/28",
        "203.0.113.9/32",
    }
    assert set(acl.all("contact_permit")) == told
    assert not list(conf_of("pjsip.conf", a_plan()).of_type("acl")), "on loopback alone there is nobody else"


def test_other_doors_stay_on_loopback() -> None:
    files = render(a_house())
    binds = {line for name in ("http.conf", "manager.conf") for line in lines(files[name]) if line.startswith("bind")}
    assert binds == {"bindaddr = 127.0.0.1", "bindport = 8098"}
    assert {one.get("bind") for one in conf_of("pjsip.conf").of_type("transport")} == {"192.168.10.5:5070"}


def test_over_tls_phones_encrypt_voice_and_from_the_internet_they_must() -> None:
    plan = replace(a_house(), sip_certificate="/etc/x.pem", sip_key="/etc/x.key", phone_networks=("192.168.0.0/16",))
    assert plan.needs == ("res_pjsip_outbound_registration", "res_srtp")
    pjsip = conf_of("pjsip.conf", plan)
    assert {one.get("protocol") for one in pjsip.of_type("transport")} == {"udp", "tcp", "tls"}
    (tls,) = (one for one in pjsip.of_type("transport") if one.name == "tls")
    assert not tls.get("ca_list_file"), "one that cannot be read keeps TLS from starting, and nobody asks for it"
    phones = [one for one in pjsip.of_type("endpoint") if one.name.isdigit()]
    assert {one.get("media_encryption_optimistic") for one in phones} == {"yes"}
    plan = replace(plan, trunks=(SHATEL, replace(MCI, transport="tls", srtp=True)))
    (tls,) = (one for one in conf_of("pjsip.conf", plan).of_type("transport") if one.name == "tls")
    assert (tls.get("ca_list_file"), tls.get("verify_server")) == ("/etc/ssl/certs/ca-certificates.crt", "yes")
    wide = conf_of("pjsip.conf", replace(plan, phone_networks=("0.0.0.0/0",)))
    phones = [one for one in wide.of_type("endpoint") if one.name.isdigit()]
    assert {(one.get("media_encryption"), one.get("media_encryption_optimistic")) for one in phones} == {
        ("sdes", "no")
    }


@given(st.text("".join(map(chr, range(0x21, 0x7F))), min_size=1, max_size=40).filter(lambda text: ";--" not in text))
def test_any_password_of_a_provider_is_read_as_it_was_written(password: str) -> None:
    plan = replace(a_house(), trunks=(replace(SHATEL, password=password), MCI))
    (auth,) = (one for one in conf_of("pjsip.conf", plan).of_type("auth") if one.name == "shatel")
    assert auth.get("password") == password
    assert repr(plan.trunks[0]) == repr(SHATEL), "and never shown"


def test_queues_have_their_own_members_penalties_and_waits() -> None:
    files = render(a_house())
    queues = parse(files["queues.conf"])
    assert queues.one("sales").all("member") == ("PJSIP/101,0,101,PJSIP/101", "PJSIP/1103,5,1103,PJSIP/1103")
    assert len(queues.one("support").all("member")) == 3
    assert (queues.one("sales").get("strategy"), queues.one("support").get("strategy")) == ("ringall", "rrmemory")
    assert (queues.one("vip").get("wrapuptime"), queues.one("vip").get("maxlen")) == ("0", "3")
    waits = dict(re.findall(r"n,Queue\((\w+),cCit,,,\$\{IF\(.*?\?(\d+):", files["extensions.conf"]))
    assert waits == {"support": "120", "sales": "60", "vip": "120"}


def test_a_number_is_met_in_every_form_and_a_block_by_its_pattern() -> None:
    entry = from_conf(conf_of("extensions.conf")).contexts["from-trunk"].extensions
    for form in ("02191001234", "2191001234", "982191001234", "00982191001234", "+982191001234"):
        assert "Set(CHANNEL(language)=fa)" in [f"{line.app}({line.data})" for line in entry[form]]
    for form in ("_0219100XXXX", "_+98219100XXXX"):
        told = [f"{line.app}({line.data})" for line in entry[form]]
        assert {"Set(CHANNEL(language)=en)", "Set(PBXB_HOME=sales)"} <= set(told)
    assert "PBXB_HOME" not in str(entry["_X!"])
    assert all(
        any(line.data == "TIMEOUT(absolute)=10" for line in told) for name, told in entry.items() if name != "T"
    )


def test_inbound_callers_still_have_no_way_out_and_every_context_is_there() -> None:
    dialplan = from_conf(conf_of("extensions.conf"))
    assert set(CONTEXTS) <= dialplan.contexts.keys()
    assert not any(context.includes for context in dialplan.contexts.values())
    seen, ahead = set[str](), ["from-trunk"]
    while ahead:
        name = ahead.pop()
        if name in seen or name not in dialplan.contexts:
            continue
        seen.add(name)
        told = [line for extension in dialplan.contexts[name].extensions.values() for line in extension]
        assert not [line for line in told if line.app == "Dial"], name
        ahead += [to for line in told for to in re.findall(r"[a-z]+-[a-z-]+", line.data) if to in dialplan.contexts]
    assert {"pbxb-fallback", "pbxb-closed", "pbxb-mailbox"} <= seen
    assert not seen & {"pbxb-out", "from-agents", "pbxb-ways", "pbxb-dial"}


def test_calls_go_out_by_the_first_trunk_that_works_with_our_number_shown() -> None:
    out = from_conf(conf_of("extensions.conf")).contexts["pbxb-out"].extensions["_X!"]
    assert [(line.app, line.data.partition("@")[2]) for line in out if line.app in ("Dial", "GotoIf")][:3] == [
        ("Dial", "shatel,60,i${PBXB_T}f(+982191001234)"),
        ("GotoIf", ""),
        ("Dial", "mci,60,i${PBXB_T}"),
    ]


def test_the_hours_are_those_of_the_week_to_the_minute() -> None:
    spans = [span.split(",") for span in Hours(week=WEEK, zone=ZoneInfo("Asia/Tehran")).spans()]
    monday = datetime(2026, 11, 23)  # noqa: DTZ001 - a wall clock
    for minute in range(0, 7 * 24 * 60, 7):
        for now in (monday + timedelta(minutes=minute), monday + timedelta(minutes=minute // 60 * 60 - 1)):
            clock, day = now.strftime("%H:%M"), now.strftime("%a").lower()
            told = any(day == d and t.split("-")[0] <= clock <= t.split("-")[1] for t, d, *_ in spans)
            assert told == WEEK.is_open(now.replace(tzinfo=UTC).replace(tzinfo=None)), now
    assert {tuple(rest) for _, _, *rest in spans} == {("*", "*", "Asia/Tehran")}


@given(st.from_regex(r"[1-9][0-9]{7,9}X{0,3}", fullmatch=True))
def test_every_form_of_a_number_is_the_same_number(subscriber: str) -> None:
    number = Number(pattern=f"0{subscriber}")
    for form in number.forms:
        if form.startswith(("0", "+")):
            assert Number(pattern=form).whole == number.whole
            assert Number(pattern=form).meets(number)
    assert not number.meets(Number(pattern=f"0{subscriber}1"))


# --- what is refused ----------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[PbxPlan], PbxPlan], str]] = {
    "trunks of one name": (
        lambda p: replace(p, trunks=(*p.trunks, replace(MCI, host="203.0.113.10"))),
        "pbx.trunks.mci: two trunks have this name",
    ),
    "trunks from one address": (
        lambda p: replace(p, trunks=(SHATEL, replace(MCI, addresses=("198.51.100.4/32",)))),
        "pbx.trunks.mci.addresses: 198.51.100.4/32 is where shatel calls from",
    ),
    "a trunk that anybody is": (
        lambda p: replace(p, trunks=(SHATEL, replace(MCI, addresses=("128.0.0.0/2",)))),
        "pbx.trunks.mci.addresses: so wide a network",
    ),
    "a trunk by name alone": (
        lambda p: replace(p, trunks=(replace(SHATEL, addresses=()), MCI)),
        "pbx.trunks.shatel.addresses: needed, because host is a name",
    ),
    "a trunk without its password": (
        lambda p: replace(p, trunks=(replace(SHATEL, password=""), MCI)),
        "pbx.trunks.shatel.username: its password is missing",
    ),
    "a password of two lines": (
        lambda p: replace(p, trunks=(replace(SHATEL, password="one\ntwo"), MCI)),
        "pbx.trunks.shatel.username: its password",
    ),
    "a trunk with a host that leaves its line": (
        lambda p: replace(p, trunks=(SHATEL, replace(MCI, host="x\n[a]", addresses=("203.0.113.9/32",)))),
        "pbx.trunks.mci.host: ",
    ),
    "nowhere for calls of a registered trunk": (
        lambda p: replace(p, trunks=(replace(SHATEL, number=""), MCI)),
        "pbx.trunks.shatel.number: needed",
    ),
    "a trunk over TLS without a certificate": (
        lambda p: replace(p, trunks=(SHATEL, replace(MCI, transport="tls"))),
        "pbx.trunks.mci.transport: tls needs",
    ),
    "a way out by no trunk": (lambda p: replace(p, out=("shatel", "nobody")), "pbx.out: there is no trunk 'nobody'"),
    "the gateway for trying beside real trunks": (lambda p: replace(p, trunk="127.0.0.1:5099"), "pbx.trunk: "),
    "phones over the internet without TLS": (
        lambda p: replace(p, phone_networks=("0.0.0.0/0",)),
        "pbx.phones: 0.0.0.0/0 is public",
    ),
    "ARI on the network": (lambda p: replace(p, host="192.168.10.5"), "pbx.host: 192.168.10.5 is no loopback"),
    "a certificate without its key": (lambda p: replace(p, sip_certificate="/x"), "pbx.sip_certificate: "),
    "trunks of a container": (lambda p: replace(p, container=True), "pbx.trunks, pbx.sip_host: a container's SIP"),
    "a port twice": (lambda p: replace(p, ports=replace(p.ports, ami=8098)), "pbx.ami_port: port 8098 is that of"),
    "SIP among the voices": (
        lambda p: replace(p, ports=replace(p.ports, sip=11050)),
        "pbx.sip_port: 11050 is among the ports for voice",
    ),
    "an agent on a service's number": (
        lambda p: replace(p, mailbox="1103"),
        "pbx.mailbox: extension 1103 is an agent's",
    ),
    "an agent twice": (lambda p: replace(p, agents=(*p.agents, "101")), "pbx.agents: extension 101 is given twice"),
    "an agent's name that leaves its line": (
        lambda p: replace(p, agent_names={"102": 'x" <1>'}),
        "pbx.agents.102: ",
    ),
    "a member who is no agent": (
        lambda p: replace(p, queue_rules={"sales": QueueRule(members=("109",))}),
        "pbx.queues.sales.members: 109 is no agent",
    ),
    "a penalty of nobody": (
        lambda p: replace(p, queue_rules={"sales": QueueRule(members=("101",), penalties={"102": 1})}),
        "pbx.queues.sales.penalties: 102 is no member",
    ),
    "a queue that is a pattern": (
        lambda p: replace(p, queues=(*p.queues, "_X")),
        "pbx.queues._X: this name means something else",
    ),
    "a number to no queue": (
        lambda p: replace(p, numbers=(Number(pattern="02191001234", queue="nobody"),)),
        "pbx.numbers.02191001234.queue: there is no queue 'nobody'",
    ),
    "a number in two forms": (
        lambda p: replace(p, numbers=(Number(pattern="02191001234"), Number(pattern="00982191001234"))),
        "pbx.numbers.00982191001234: 02191001234 is the same number",
    ),
    "blocks that overlap": (
        lambda p: replace(p, numbers=(Number(pattern="0219100XXXX"), Number(pattern="+98219100123X"))),
        "pbx.numbers.+98219100123X: 0219100XXXX is the same number, or overlaps it",
    ),
    "no number at all": (lambda p: replace(p, numbers=(Number(pattern="02x"),)), "pbx.numbers.02x: "),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_together_is_refused_with_its_place(what: str) -> None:
    change, message = REFUSED[what]
    with pytest.raises(PlanRefused) as told:
        change(a_house())
    assert len(told.value.faults) == 1, told.value.faults
    assert str(told.value).startswith(message)


def test_everything_is_said_at_once() -> None:
    house = a_house()
    with pytest.raises(PlanRefused) as told:
        replace(house, out=("nobody",), conference="101", queue_rules={"sales": QueueRule(members=("109",))})
    assert [fault.partition(":")[0] for fault in told.value.faults] == [
        "pbx.conference",
        "pbx.out",
        "pbx.queues.sales.members",
    ]


# --- the command --------------------------------------------------------------------------------------------------

SETTINGS = """
[pbx]
sip_host = "192.168.10.5"
out = ["shatel"]
agents = { 201 = "Sara", 202 = "" }
hours = { "sat-wed" = "08:00-17:00" }

[pbx.trunks.shatel]
host = "sip.example.org"
username = "02191001234"
register = true
addresses = ["198.51.100.0/28"]

[pbx.queues.sales]
members = ["202"]

[pbx.numbers."0219100XXXX"]
flow = "after_hours"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME with settings, and the password a provider gave."""
    monkeypatch.setenv("PBX_BRIDGE_HOME", str(tmp_path))
    (tmp_path / "pbx_bridge.toml").write_text(SETTINGS)
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "trunk_shatel").write_text("from-the-provider\n")
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["pbx", "render", "--asterisk", "22.10.1", *words])


def test_the_command_writes_every_file_and_shows_no_password(home: Path, tmp_path: Path) -> None:
    there = tmp_path / "etc"
    tried = run("--to", str(there), "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert not there.exists()
    told = run("--to", str(there))
    assert told.exit_code == 0, told.output
    assert {path.stat().st_mode & 0o777 for path in there.iterdir()} == {0o640}
    assert len(list(there.iterdir())) == told.stdout.count("new ") > 20
    secrets = {path.name: path.read_text().strip() for path in (home / "secrets").iterdir()}
    assert set(secrets) == {"ari", "ari_monitor", "ami", "agent201", "agent202", "trunk_shatel"}
    written = "".join(path.read_text() for path in there.iterdir())
    assert all(secret in written and secret not in told.output for secret in secrets.values())

    (home / "secrets" / "agent201").unlink()
    (there / "queues.conf").write_text("[other]\n")
    (there / "sip.conf").write_text("old")
    again = run("--to", str(there))
    assert "changed  queues.conf\n--- queues.conf (there)" in again.stdout
    assert "pjsip.conf: only a password is another one" in again.stdout
    assert "other    sip.conf" in again.stdout
    assert (there / "sip.conf").read_text() == "old"
    assert "0 files written" in run("--to", str(there)).stderr, "a further run changes nothing"


def test_the_command_refuses_everything_wrong_at_once_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    file = home / "pbx_bridge.toml"
    file.write_text(SETTINGS.replace('"after_hours"', '"nobody_wrote"').replace('["202"]', '["109"]'))
    told = run("--to", str(tmp_path / "etc"))
    assert told.exit_code == 1
    assert "pbx.queues.sales.members: 109 is no agent" in told.stderr
    assert "pbx.numbers.0219100XXXX.flow: " in told.stderr
    assert "nobody_wrote" in told.stderr
    assert not (tmp_path / "etc").exists()

    file.write_text(SETTINGS.replace("register =", "registr =").replace("username =", "password ="))
    told = run()
    assert told.exit_code == 1
    assert "unknown setting pbx.trunks.shatel.registr" in told.stderr
    assert "did you mean register?" in told.stderr
    assert "pbx.trunks.shatel.password" in told.stderr
    assert "HOME/secrets" in told.stderr
