"""asterisk-conf/*.conf.j2 and a plan give the text of every file in Asterisk's etc."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pbx_bridge.errors import PbxError
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
    "userdeftype": "${CHANNEL(userdeftype)}",
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
    # Not HTML: nothing to escape. The plan has refused every value that could leave its line.
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    values = _values(plan)
    names = sorted(path.name for path in folder.glob(f"*.conf{_SUFFIX}"))
    return {name.removesuffix(_SUFFIX): environment.get_template(name).render(values) for name in names}


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
        "modules",
        "language",
        "trunk",
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
        "required": REQUIRED,
        "ami_events": AMI_EVENTS,
        "cel_columns": list(CEL_COLUMNS),
        "cel_variables": CEL_COLUMNS,
        "announcement": lambda key: announcement(plan, key),
        "sip_port": plan.ports.sip,
        "ari_port": plan.ports.ari,
        "ami_port": plan.ports.ami,
        "rtp_start": plan.ports.rtp_start,
        "rtp_end": plan.ports.rtp_end,
    }
