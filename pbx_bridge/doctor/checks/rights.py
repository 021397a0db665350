"""What our users may do: enough for the desk, and nothing that can be turned against the company."""

from __future__ import annotations

from pbx_bridge.doctor.conf import Conf, Section
from pbx_bridge.doctor.finding import Severity, Unseen, check, listed, seen
from pbx_bridge.doctor.gathered import Gathered, need
from pbx_bridge.pbx.version import features_of

_READ = ("system", "call", "agent", "reporting")
_WRITE = ("call", "agent", "reporting")
_TOO_MUCH = ("system", "command", "config", "originate", "all")
# An action that only this class gives: what the PBX lets us do tells more than what its file says.
_GIVEN_BY = {"command": "command", "originate": "originate", "updateconfig": "config", "moduleload": "system"}
_DESK = {"blindtransfer": "call", "queuepause": "agent", "corestatus": "reporting"}


@check(
    "ami-rights-too-wide",
    Severity.DANGER,
    why="Whoever gets our AMI password could place calls or run programs on the PBX; the daemon needs none of it.",
    mend=f"Set write = {','.join(_WRITE)} for our user in manager.conf.",
)
def ami_rights_too_wide(g: Gathered) -> str:
    actions = None if isinstance(g.ami, Unseen) or isinstance(g.ami.actions, Unseen) else g.ami.actions
    if actions is not None:
        wide = [kind for action, kind in _GIVEN_BY.items() if action in actions]
    else:
        written = _words(_ami_user(g), "write")
        wide = [kind for kind in _TOO_MUCH if kind in written]
    return f"our AMI user {g.ours.ami_user} may {listed(wide)}" if wide else ""


@check(
    "ami-rights-too-narrow",
    Severity.FAULT,
    why="Without call agents cannot hand on or hold, without agent not pause; without reporting no queue is seen.",
    mend=f"Set read = {','.join(_READ)} and write = {','.join(_WRITE)} for our user in manager.conf.",
)
def ami_rights_too_narrow(g: Gathered) -> str:
    actions = None if isinstance(g.ami, Unseen) or isinstance(g.ami.actions, Unseen) else g.ami.actions
    if actions is not None:
        lacking = [f"write {kind}" for action, kind in _DESK.items() if action not in actions]
    else:
        lacking = _lacking(_ami_user(g), "write", _WRITE)
    conf = g.etc.get("manager.conf")
    if isinstance(conf, Conf) and g.ours.ami_user in conf.besides("general"):
        lacking += _lacking(conf.one(g.ours.ami_user), "read", _READ)
    return f"our AMI user {g.ours.ami_user} lacks {listed(lacking)}" if lacking else ""


@check(
    "ami-without-acl",
    Severity.DANGER,
    why="A password that got out is enough to come in from anywhere that reaches AMI.",
    mend="Give each user deny = 0.0.0.0/0.0.0.0 and a permit line for each address it comes from.",
)
def ami_without_acl(g: Gathered) -> str:
    return _without_acl("manager.conf", g.conf("manager.conf"), ())


@check(
    "ari-without-acl",
    Severity.ADVICE,
    why="A password that got out is enough to come in from anywhere that reaches ARI.",
    mend="Give each user deny = 0.0.0.0/0 and a permit line for each address it comes from.",
)
def ari_without_acl(g: Gathered) -> str:
    if not features_of(seen(g.version)).ari_user_acl:
        return ""  # that Asterisk knows none, and loads no ARI with one
    return _without_acl("ari.conf", g.conf("ari.conf"), ("outbound_websocket",))


@check(
    "ami-events-unfiltered",
    Severity.ADVICE,
    why="Asterisk writes every event of every call for us and we throw most away: that is CPU it lacks under load.",
    mend="Add the eventfilter lines of asterisk-conf/manager.conf.j2 to our user.",
)
def ami_events_unfiltered(g: Gathered) -> str:
    filters = [value for key, value in _ami_user(g).options if key.startswith("eventfilter")]
    return "" if filters else f"our AMI user {g.ours.ami_user} has no eventfilter"


@check(
    "ari-read-only",
    Severity.FAULT,
    why="A read-only user cannot answer, play or hand on: no caller hears the menu.",
    mend="Set read_only = no for our user in ari.conf.",
)
def ari_read_only(g: Gathered) -> str:
    conf = g.conf("ari.conf")
    return f"our ARI user {g.ours.ari_user} is read only" if conf.one(g.ours.ari_user).yes("read_only") else ""


@check(
    "ari-origins-all",
    Severity.DANGER,
    why="Any web page that somebody in the house opens may then speak to ARI from their browser.",
    mend="Take allowed_origins out of ari.conf: no browser needs ARI.",
)
def ari_origins_all(g: Gathered) -> str:
    origins = g.conf("ari.conf").one("general").get("allowed_origins")
    return "allowed_origins = * in ari.conf" if "*" in origins.split(",") else ""


@check(
    "live-dangerously",
    Severity.DANGER,
    why="ARI and AMI users may then run programs and write files of the PBX by setting a variable.",
    mend="Set live_dangerously = no in [options] of asterisk.conf.",
)
def live_dangerously(g: Gathered) -> str:
    return "live_dangerously is on" if g.conf("asterisk.conf").one("options").yes("live_dangerously") else ""


def _ami_user(g: Gathered) -> Section:
    conf = g.conf("manager.conf")
    need(g.ours.ami_user in conf.besides("general"), f"manager.conf has no user {g.ours.ami_user}")
    return conf.one(g.ours.ami_user)


def _words(user: Section, key: str) -> list[str]:
    return [word.strip() for value in user.all(key) for word in value.split(",")]


def _lacking(user: Section, key: str, wanted: tuple[str, ...]) -> list[str]:
    given = _words(user, key)
    return [] if "all" in given else [f"{key} {kind}" for kind in wanted if kind not in given]


def _without_acl(file: str, conf: Conf, other_types: tuple[str, ...]) -> str:
    # A permit alone keeps nobody out: what no line names is permitted.
    users = [conf.one(name) for name in conf.besides("general")]
    bare = [
        user.name
        for user in users
        if user.get("type") not in other_types and not (user.get("deny") or user.get("acl"))
    ]
    return f"in {file} {listed(bare)} may come from anywhere" if bare else ""
