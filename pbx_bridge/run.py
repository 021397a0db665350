"""The composition root of `pbx-bridge run` and `agents`: settings become the plans that pbx/ carries out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx_bridge import logs
from pbx_bridge.config import Settings
from pbx_bridge.config.pbx_plan import pbx_plan
from pbx_bridge.errors import SettingsError
from pbx_bridge.health import utc_now
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.render import prepare
from pbx_bridge.ivr.sounds.speakers import find_prefix, find_speaker
from pbx_bridge.pbx import running
from pbx_bridge.pbx.plan import PbxPlan
from pbx_bridge.pbx.ports import Address
from pbx_bridge.pbx.program import Asterisk
from pbx_bridge.pbx.running import Preparation, RunPlan
from pbx_bridge.pbx.secrets import SecretStore
from pbx_bridge.pbx.steps import Say, Step
from pbx_bridge.pbx.tree import add_speech
from pbx_bridge.pbx.version import parse_version
from pbx_bridge.process import own_name
from pbx_bridge.store.demo import demo_callers, load_demo
from pbx_bridge.store.open import open_store
from pbx_bridge.store.sql import SQL

ADMIN = "admin"


def run_system(settings: Settings, say: Say) -> None:
    """Everything in the foreground until Ctrl-C. Raises BridgeError."""
    logs.configure("warning", "console")  # the steps tell people what the daemon would log
    running.run(run_plan(settings), say)


def prepare_system(settings: Settings, version: str, container: bool, say: Say) -> None:
    """Configuration, prompts and store for an Asterisk of that version which someone else starts, as our user."""
    parsed = parse_version(f"Asterisk {version}")
    if parsed is None:
        raise SettingsError(f"{version!r} is no Asterisk version, such as 22.10.1")
    logs.configure("warning", "console")
    running.prepare(_plan(settings, container), Asterisk(version=parsed, user=None), say)


def run_plan(settings: Settings) -> RunPlan:
    """What `run` will do under these settings. Raises SettingsError for settings it cannot serve."""
    if settings.ari.url or settings.ami.host or settings.spool.cel or settings.spool.queue_log:
        raise SettingsError("ari.url, ami.host and spool name another PBX: `run` starts its own; use `daemon`")
    if settings.pbx.systemname in settings.receive.nodes:
        raise SettingsError("receive.nodes names pbx.systemname, which `run` starts itself: use `daemon`")
    return _plan(settings)


def _plan(settings: Settings, container: bool = False) -> RunPlan:
    return RunPlan(
        home=settings.home,
        root=settings.asterisk_root,
        plan=lambda asterisk: pbx_plan(settings, asterisk, container),
        addresses=_addresses(settings),
        web=Address(what="the pages", host=settings.web.host, port=settings.web.port),
        preparations=(
            Preparation(title="prompts", action=lambda plan, step: _prompts(settings, plan, step)),
            Preparation(title="store", action=lambda plan, step: _store(settings, step)),
        ),
        banner=lambda plan: banner(settings, plan),
    )


def agent_lines(settings: Settings) -> Sequence[str]:
    """Who may register, and with what: a table for people."""
    secrets = SecretStore(settings.secrets)
    where = f"{settings.pbx.sip_address}:{settings.pbx.sip_port}"
    rows = [(agent, "—", secrets.agent(agent), f"sip:{agent}@{where}") for agent in settings.pbx.extensions]
    table = [("extension", "state", "password", "address"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def banner(settings: Settings, plan: PbxPlan) -> Sequence[str]:
    """What a newcomer needs to place the first call and find it on the page."""
    where = f"{settings.pbx.sip_address}:{plan.ports.sip}"
    password = SecretStore(settings.secrets).admin_password
    return (
        "",
        f"  dial       sip:{plan.extension}@{where}   (no registration; your From number is the caller's number)",
        f"  pages      http{'s' if settings.web.certificate else ''}://{settings.web.host}:{settings.web.port}/",
        f"  sign in    {ADMIN} / {password}   (the password of the first start)",
        f"  agents     {' and '.join(plan.agents)} register at {where}; passwords: {own_name()} agents",
        f"  logs       {settings.home / 'log'}",
        "",
        *(_demo_lines() if _demo_folder(settings).exists() else ()),
    )


def _demo_lines() -> Sequence[str]:
    rows = [(caller.number, " ".join(caller.tracking_numbers), caller.what) for caller in demo_callers()]
    table = [("call from", "tracking numbers", ""), *rows]
    example = rows[0]
    return (
        *(f"  {number:<12} {tickets:<17} {what}".rstrip() for number, tickets, what in table),
        "",
        f"  no phone?  {own_name()} try-call --from {example[0]} --keys 2,1,{example[1].split()[0]}#",
        "",
    )


def _addresses(settings: Settings) -> Sequence[Address]:
    pbx = settings.pbx
    return (
        Address(what="SIP", host=pbx.sip_host or pbx.host, port=pbx.sip_port, transport="udp"),
        Address(what="SIP", host=pbx.sip_host or pbx.host, port=pbx.sip_port),
        Address(what="ARI", host=pbx.host, port=pbx.ari_port),
        Address(what="AMI", host=pbx.host, port=pbx.ami_port),
    )


def _prompts(settings: Settings, plan: PbxPlan, step: Step) -> None:
    if plan.paths.root is not None:
        add_speech(plan.paths.root, step.tell)
    prefix = find_prefix(plan.paths.root)
    report = prepare(
        PromptBook.load(extra_folder=settings.home / "prompts"),
        plan.paths.sounds,
        {name: find_speaker(voice, prefix) for name, voice in _voices(settings).items()},
        prefix=prefix,
        recordings=settings.home / "recordings",
        progress=_counted(step.tell),
    )
    step.result = f"{report.rendered} clips rendered, {report.kept} kept, {report.recorded} recordings"


def _voices(settings: Settings) -> dict[str, str]:
    return {"fa": settings.ivr.voice_fa, "en": settings.ivr.voice_en}


def _counted(tell: Say) -> Callable[[int, int, str], None]:
    return lambda done, total, _: tell(f"{done} of {total}")


def _store(settings: Settings, step: Step) -> None:
    step.result = asyncio.run(_first_start(settings))


async def _first_start(settings: Settings) -> str:
    """Migrate; on the first start make the admin, and in a new store the demo customers. Repeated if cut short."""
    place = settings.store_place
    new = isinstance(place, Path) and not place.exists()
    async with open_store(place, folding=False, region=settings.region, zone=ZoneInfo(settings.zone)) as store:
        if await store.users.list():
            return str(place)
        if settings.store.url:  # a database is there before anything is in it
            new = await store.writer.submit(lambda tx: tx.db.execute(SQL["customer_codes"]).fetchone()) is None
        if new or _demo_folder(settings).exists():
            zone = ZoneInfo(settings.zone)
            today = utc_now().astimezone(zone).date()
            await load_demo(store.writer, _demo_folder(settings), today, zone=zone, region=settings.region)
        await store.users.create(ADMIN, SecretStore(settings.secrets).admin_password, "admin")
    return f"{place}, new"


def _demo_folder(settings: Settings) -> Path:
    return settings.home / "demo"
