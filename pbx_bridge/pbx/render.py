"""asterisk-conf/*.conf.j2 and a plan give the text of every file in Asterisk's etc."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.house import is_private
from pbx_bridge.pbx.modules import REQUIRED
from pbx_bridge.pbx.plan import PbxPlan
from pbx_bridge.pbx.version import features_of

_SUFFIX = ".j2"

# What the live board needs and nothing more; each name is a hash look-up in Asterisk.
AMI_EVENTS = (
    "QueueCallerJoin",
    "QueueCallerLeave",
    "QueueMemberStatus",
    "QueueMemberPause",
    "QueueMemberAdded",
    "QueueMemberRemoved",
    "Newchannel",
    "DialBegin",
    "BridgeEnter",
    "BridgeLeave",
    "Hangup",
    "Hold",
    "Unhold",
    "ParkedCall",
    "FullyBooted",
    "Reload",
    "Shutdown",
)

# The contract with pbx_bridge/calls/facts.py; the value is what an Asterisk without field lists calls it.
CEL_COLUMNS: Mapping[str, str] = {
    "eventenum": "${eventtype}",
    "eventtime": "${eventtime}",
    "userdeftype": "${userdeftype}",
    "name": "${CALLERID(name)}",
    "num": "${CALLERID(num)}",
    "ani": "${CALLERID(ANI)}",
    "rdnis": "${CALLERID(RDNIS)}",
    "dnid": "${CALLERID(DNID)}",
    "exten": "${CHANNEL(exten)}",
    "context": "${CHANNEL(context)}",
    "channame": "${CHANNEL(channame)}",
    "appname": "${CHANNEL(appname)}",
    "appdata": "${CHANNEL(appdata)}",
    "accountcode": "${CHANNEL(accountcode)}",
    "uniqueid": "${CHANNEL(uniqueid)}",
    "linkedid": "${CHANNEL(linkedid)}",
    "peer": "${BRIDGEPEER}",
    "userfield": "${CHANNEL(userfield)}",
    "eventextra": "${eventextra}",
}


def template_folder() -> Path:
    """asterisk-conf, in a wheel beside this file, in a checkout at its top."""
    here = Path(__file__).resolve().parent
    for folder in (here / "asterisk-conf", here.parents[1] / "asterisk-conf"):
        if folder.is_dir():
            return folder
    raise PbxError("asterisk-conf, the folder of configuration templates, is missing from this installation")


def render(plan: PbxPlan, folder: Path | None = None) -> dict[str, str]:
    """Every configuration file's name and text."""
    folder = folder or template_folder()
    environment = _environment(folder)
    values = _values(plan)
    names = sorted(path.name for path in folder.glob(f"*.conf{_SUFFIX}"))
    return {name.removesuffix(_SUFFIX): environment.get_template(name).render(values) for name in names}


@lru_cache(maxsize=4)
def _environment(folder: Path) -> Environment:
    # Not HTML: nothing to escape. The plan has refused every value that could leave its line.
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )


def announcement(plan: PbxPlan, key: str) -> str:
    """The dialplan expression for a fixed announcement in the channel's language (Persian unless English)."""
    fixed = plan.paths.inside(plan.paths.sounds / "fixed")
    return f'{fixed}/${{IF($["${{CHANNEL(language)}}" = "en"]?en:fa)}}/{key}'


def _values(plan: PbxPlan) -> dict[str, Any]:
    paths = plan.paths
    places = ("etc", "lib", "spool", "run", "log", "moh")
    plain = (
        "systemname",
        "entity_id",
        "host",
        "bind",
        "trusted",
        "phones",
        "container",
        "secrets",
        "extension",
        "app",
        "ari_user",
        "ami_user",
        "queues",
        "recorded",
        "agents",
        "language",
        "trunk",
        "trunks",
        "ways_out",
        "callers",
        "allowed",
        "near",
        "is_open",
        "media",
        "numbers",
        "sip_bind",
        "sip_outside",
        "sip_certificate",
        "sip_key",
        "sip_authorities",
        "remote",
    )
    services = ("mailbox", "park", "park_slots", "conference")
    times = (
        "dead_man_s",
        "queue_wait_s",
        "fallback_wait_s",
        "longest_call_s",
        "ring_s",
        "dial_s",
        "park_s",
        "wrap_up_s",
    )
    return {
        **{name: getattr(plan, name) for name in (*plain, *services, *times)},
        "inside": SimpleNamespace(**{name: str(paths.inside(getattr(paths, name))) for name in places}),
        "features": features_of(plan.version),
        "modules": (*plan.modules, *plan.needs),
        "required": REQUIRED,
        "ami_events": AMI_EVENTS,
        "cel_columns": list(CEL_COLUMNS),
        "cel_variables": CEL_COLUMNS,
        "announcement": lambda key: announcement(plan, key),
        **_people(plan),
        **_lines_out(plan),
        "sip_port": plan.ports.sip,
        "ari_port": plan.ports.ari,
        "ami_port": plan.ports.ami,
        "rtp_start": plan.ports.rtp_start,
        "rtp_end": plan.ports.rtp_end,
    }


def _people(plan: PbxPlan) -> dict[str, Any]:
    """Agents, queues and when anybody is at them."""
    rules = {queue: plan.rule(queue) for queue in plan.queues}
    first = plan.queues[0]
    chosen = any(number.queue for number in plan.numbers)
    return {
        "names": {agent: _shown_name(plan, agent) for agent in plan.agents},
        "rules": rules,
        "waits": {queue: rule.wait_s for queue, rule in rules.items()},
        "home_queue": f'${{IF($["${{PBXB_HOME}}" = ""]?{first}:${{PBXB_HOME}})}}' if chosen else first,
        "hours": tuple(plan.hours.spans()) if plan.hours else (),
    }


def _shown_name(plan: PbxPlan, agent: str) -> str:
    name = plan.agent_names.get(agent, "")
    return f'"{name}"' if name else f"Agent {agent}"


def _lines_out(plan: PbxPlan) -> dict[str, Any]:
    """What SIP is spoken over, and how we are shown to whom we call."""
    tls = (("tls", plan.ports.sip_tls),) if plan.sip_certificate else ()
    return {
        "transports": (("udp", plan.ports.sip), ("tcp", plan.ports.sip), *tls),
        "shown": {trunk.name: f"f({trunk.number})" for trunk in plan.trunks if trunk.number},
        "phones_outside": not all(is_private(network) for network in plan.phones),
    }
