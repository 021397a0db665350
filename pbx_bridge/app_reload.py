"""Settings taken up by a daemon that runs: at SIGHUP they are read anew, and whatever can change does.

    read ─► checked whole ─► made ready beside what runs ─► taken up, all of it at once

What is wrong anywhere changes nothing. What came of it stands in the log, and is told to whoever asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from aiohttp import web

from pbx_bridge import logs, reloading
from pbx_bridge.ami.link import AmiLink
from pbx_bridge.app_phones import Phones
from pbx_bridge.app_spools import rotation_rules
from pbx_bridge.ari_handlers.stasis import Stasis
from pbx_bridge.config import Settings, change
from pbx_bridge.errors import BridgeError
from pbx_bridge.reloading import Outcome
from pbx_bridge.spool.messages import MessageKeeper
from pbx_bridge.spool.recordings import RecordingKeeper
from pbx_bridge.spool.rotate import Rotator
from pbx_bridge.store import Store
from pbx_bridge.store.house import House
from pbx_bridge.systemd import READY, RELOADING, Supervisor
from pbx_bridge.tls import OwnCertificate
from pbx_bridge.web.server import Showing

log = structlog.get_logger()

_LOOK_S = 60.0  # for a certificate that was renewed


@dataclass(frozen=True, slots=True, kw_only=True)
class Takers:
    """Everything that takes up settings while it runs. `site`: makes the pages that these settings ask for."""

    store: Store
    phones: Phones
    stasis: Stasis
    ami: AmiLink
    recordings: RecordingKeeper
    messages: MessageKeeper
    rotator: Rotator | None
    site: Callable[[Settings], web.Application]


def house_of(settings: Settings) -> House:
    """What the settings tell the store. Raises SettingsError."""
    return House(
        numbers=settings.number_rules(),
        promises=settings.promises_made(),
        retry=settings.retry(),
        audit_days=settings.web.audit_days,
    )


def certificate_of(settings: Settings) -> OwnCertificate | None:
    """What the pages show; None: they speak plain HTTP. Raises SettingsError. Blocking."""
    told = settings.web
    if told.certificate is None or told.key is None:
        return None
    return OwnCertificate(told.certificate, told.key, "web")


class Reloader:
    """Follows the settings. Run `run()` as a task, and `look()` as another; they end only when cancelled."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        takers: Takers,
        showing: Showing,
        certificate: OwnCertificate | None,
    ) -> None:
        self.settings, self._load, self._takers = settings, load, takers
        self._showing, self._certificate = showing, certificate
        self._number = 0

    async def run(self, asked: asyncio.Event, supervisor: Supervisor) -> None:
        """Reload each time that is set."""
        await self._tell(Outcome(pid=os.getpid()))
        while True:
            await asked.wait()
            asked.clear()
            supervisor.tell(RELOADING)
            try:
                await self._tell(await self.reload())
            finally:
                supervisor.tell(READY)

    async def look(self) -> None:
        """Now and then show a certificate that was renewed."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                if self._certificate is not None and await asyncio.to_thread(self._certificate.look):
                    log.info("web_certificate_loaded")
            except BridgeError as error:
                log.warning("web_certificate_not_read", reason=str(error))

    async def reload(self) -> Outcome:
        """Read the settings and take up what can be."""
        self._number += 1
        outcome = partial(Outcome, pid=os.getpid(), number=self._number)
        try:
            told = await asyncio.to_thread(self._load)
            changed = change(self.settings, told)
            await self._take(changed.settings)
        except (BridgeError, OSError) as error:
            log.error("settings_not_reloaded", reason=str(error))
            return outcome(reason=str(error))
        except Exception as error:  # callers are served on with the settings of before
            log.exception("settings_not_reloaded")
            return outcome(reason=f"{type(error).__name__}: {error}")
        log.info("settings_reloaded", taken=changed.taken)
        if changed.waiting:
            log.warning("settings_need_a_restart", reason=", ".join(changed.waiting))
        return outcome(taken=changed.taken, waiting=changed.waiting)

    async def _take(self, settings: Settings) -> None:
        """All of it or nothing: whatever can fail is done before anything is changed.

        Also where no setting is another: files that they name, such as holidays, are read anew.
        """
        phones, takers = self._takers.phones, self._takers
        house = await asyncio.to_thread(house_of, settings)
        dials = await asyncio.to_thread(phones.ready, settings)
        certificate = await asyncio.to_thread(certificate_of, settings)
        site = await asyncio.to_thread(takers.site, settings)
        await self._showing.show(site, certificate.context if certificate else None)
        self.settings, self._certificate = settings, certificate
        takers.store.take_house(house)
        phones.take(dials)
        takers.stasis.numbers = takers.ami.channels.numbers = house.numbers
        takers.recordings.keep_days = settings.recordings.keep_days
        takers.messages.keep_days = settings.messages.keep_days
        if takers.rotator is not None:
            takers.rotator.rules = rotation_rules(settings)
        logs.set_level(settings.log.level)

    async def _tell(self, outcome: Outcome) -> None:
        try:
            await asyncio.to_thread(reloading.tell, self.settings.run, outcome)
        except OSError as error:
            log.warning("reload_not_told", reason=str(error))
