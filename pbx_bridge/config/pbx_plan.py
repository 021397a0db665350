"""The settings of the PBX become the plan its configuration is rendered from, or a list of all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pbx_bridge.config.settings import Settings
from pbx_bridge.errors import FlowError, PlanRefused, SettingsError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.pbx.modules import missing_in, modules_in
from pbx_bridge.pbx.paths import instance_paths
from pbx_bridge.pbx.plan import RECORDED, PbxPlan, Ports
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.secrets import SecretStore


def pbx_plan(settings: Settings, asterisk: Asterisk, container: bool = False) -> PbxPlan:
    """The whole configuration of HOME's Asterisk under these settings. Makes the secrets that are not there yet.

    Raises PlanRefused naming everything that is wrong, and PbxError.
    """
    beside = [*_flows(settings), *_rules(settings), *_web(settings), *_files(settings, asterisk)]
    try:
        plan = _plan(settings, asterisk, container)
    except PlanRefused as error:
        raise PlanRefused((*error.faults, *beside)) from None
    root = asterisk.root or Path("/")
    beside += [f"pbx: this Asterisk has no module {name}, which trunks need" for name in missing_in(root, plan.needs)]
    if beside:
        raise PlanRefused(beside)
    return plan


def _plan(settings: Settings, asterisk: Asterisk, container: bool) -> PbxPlan:
    pbx = settings.pbx
    return PbxPlan(
        systemname=pbx.systemname,
        paths=instance_paths(settings.home, asterisk.root),
        secrets=SecretStore(settings.secrets).pbx(pbx.extensions),
        version=asterisk.version,
        modules=modules_in(asterisk.root or Path("/")),
        ports=Ports(
            sip=pbx.sip_port,
            sip_tls=pbx.sip_tls_port,
            ari=pbx.ari_port,
            ami=pbx.ami_port,
            rtp_start=pbx.rtp_start,
            rtp_end=pbx.rtp_end,
        ),
        host=pbx.host,
        app=settings.ari.app,
        ari_user=settings.ari.user,
        ami_user=settings.ami.user,
        recorded=tuple(way for way in RECORDED if getattr(settings.recordings, way)),
        container=container,
        remote=pbx.remote.daemon() if pbx.remote is not None else None,
        **_sip(settings),
        **_people(settings),
    )


def _sip(settings: Settings) -> Mapping[str, Any]:
    pbx, secrets = settings.pbx, SecretStore(settings.secrets)
    return {
        "sip_host": pbx.sip_host or "",
        "sip_outside": pbx.sip_outside or "",
        "sip_certificate": str(pbx.sip_certificate or ""),
        "sip_key": str(pbx.sip_key or ""),
        "sip_authorities": str(pbx.sip_authorities),
        "phone_networks": tuple(pbx.phones),
        "trunk": pbx.trunk or "",
        "trunks": tuple(
            told.trunk(name, secrets.trunk(name) if told.username else "") for name, told in pbx.trunks.items()
        ),
        "out": tuple(pbx.out),
    }


def _people(settings: Settings) -> Mapping[str, Any]:
    pbx = settings.pbx
    return {
        "extension": pbx.extension,
        "mailbox": pbx.mailbox,
        "park": pbx.park,
        "conference": pbx.conference,
        "language": pbx.language,
        "agents": pbx.extensions,
        "agent_names": pbx.agents,
        "queues": pbx.queue_names,
        "queue_rules": {name: told.rule() for name, told in pbx.queues.items()},
        "numbers": tuple(told.number(pattern, settings.region) for pattern, told in pbx.numbers.items()),
        "hours": pbx.staffed(settings.zone),
    }


def _flows(settings: Settings) -> Iterator[str]:
    """The numbers that lead to a flow which is not there, or cannot be run."""
    for pattern, told in settings.pbx.numbers.items():
        try:
            flow = flows.load(told.flow, ZoneInfo(settings.zone), settings.region) if told.flow else None
        except FlowError as error:
            yield f"pbx.numbers.{pattern}.flow: {error}"
            continue
        if flow and told.language and told.language not in flow.languages:
            yield f"pbx.numbers.{pattern}.language: flow {told.flow} speaks {', '.join(flow.languages)}"


def _rules(settings: Settings) -> Iterator[str]:
    """What is wrong with the rules for numbers; of our own numbers the plan says it."""
    try:
        settings.number_rules()
    except SettingsError as error:
        told = (line.strip().removeprefix("setting ") for line in str(error).splitlines())
        yield from (line for line in told if not line.startswith("pbx."))


def _web(settings: Settings) -> Iterator[str]:
    pbx, web = settings.pbx, settings.web
    for name in ("sip_port", "ari_port", "ami_port"):
        if getattr(pbx, name) == web.port and web.host in (pbx.host, "0.0.0.0"):  # noqa: S104 - to know it
            yield f"pbx.{name}: port {web.port} is that of web.port already"


def _files(settings: Settings, asterisk: Asterisk) -> Iterator[str]:
    """Certificates that are not there, as far as it can be seen from here: where Asterisk is."""
    here = asterisk.root or (Path("/") if asterisk.user else None)
    over_tls = any(trunk.transport == "tls" for trunk in settings.pbx.trunks.values())
    for name in ("sip_certificate", "sip_key", *(("sip_authorities",) if over_tls else ())):
        file = getattr(settings.pbx, name)
        if file is not None and here is not None and not (here / file.relative_to(file.anchor)).is_file():
            inside = f" in {asterisk.root}" if asterisk.root else ""
            yield f"pbx.{name}: there is no file {file}{inside}"
