"""What callers may meet: the newest flow for those who come, and every older one for those who began with it.

A release taken into use (ivr/releases.py) is loaded beside the callers and swapped in when it is whole. One that
cannot be loaded changes nothing: the flow before goes on, and whoever deployed it is told why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from pbx_bridge.ari_handlers.speech import Speaker
from pbx_bridge.errors import FlowError, PromptError
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.releases import InUse, Releases

log = structlog.get_logger()

_LOOK_S = 0.5  # between looks at the history of releases
_MOST = 20  # versions kept in memory; older ones are read again when a caller needs one


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFlow:
    """A flow, its texts, and who says them."""

    flow: Flow
    texts: PromptBook
    speaker: Speaker


class Repertoire:
    """Every flow version that callers are in.

    Args:
        newest: of the main line, which answers all numbers that no other line has.
        lines: of each other line, by its name. line_of: the name of the line that answers a number of ours.
    """

    def __init__(
        self,
        newest: LoadedFlow,
        lines: Mapping[str, LoadedFlow] = MappingProxyType({}),
        line_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._lines = {"": newest, **lines}
        self._line_of = line_of
        self._known = {loaded.flow.version: loaded for loaded in self._lines.values()}

    @property
    def newest(self) -> LoadedFlow:
        """What a new caller of the main line meets."""
        return self._lines[""]

    @property
    def lines(self) -> Mapping[str, LoadedFlow]:
        """What new callers of each line meet, by its name; the main line, whose name is empty, is first."""
        return self._lines

    def answering(self, called: str) -> LoadedFlow:
        """What a new caller meets who called a number of ours."""
        return self._lines.get(self._line_of(called), self.newest)

    def named(self, flow: str) -> LoadedFlow:
        """What new callers of the flow of that name meet; of the main line, where no line has it."""
        return next((loaded for loaded in self._lines.values() if loaded.flow.name == flow), self.newest)

    def of(self, version: str, called: str = "") -> LoadedFlow:
        """What a caller goes on with; where that version is gone, what answers the number they called."""
        return self._known.get(version) or self.answering(called)

    def knows(self, version: str) -> bool:
        """Whether this version is loaded."""
        return version in self._known

    def add(self, loaded: LoadedFlow, *, newest: bool, line: str = "") -> None:
        """A version for callers who began with it or, if `newest`, for those who come from now on to a line."""
        self._known.pop(loaded.flow.version, None)
        self._known[loaded.flow.version] = loaded
        if newest:
            self._lines[line] = loaded
        met = {each.flow.version for each in self._lines.values()}
        for version in list(self._known)[:-_MOST]:
            if version not in met:
                del self._known[version]


class Deployer:
    """Takes into the repertoire what is deployed.

    Args:
        load: loads a kept release by its version; called in a thread. Raises FlowError, PromptError.
    """

    def __init__(self, repertoire: Repertoire, releases: Releases, load: Callable[[str], LoadedFlow]) -> None:
        self._repertoire, self._releases, self._load = repertoire, releases, load

    async def look_up(self, versions: Iterable[str]) -> None:
        """Load the versions that callers of an earlier life of the daemon began with, as far as they are kept."""
        for version in sorted({version for version in versions if not self._repertoire.knows(version)}):
            if not self._releases.has(version):
                log.warning("flow_version_gone", version=version)
                continue
            try:
                self._repertoire.add(await asyncio.to_thread(self._load, version), newest=False)
            except (FlowError, PromptError) as error:
                log.warning("flow_version_not_loaded", version=version, reason=str(error))

    async def run(self) -> None:
        """Take into use what is deployed. Ends only when cancelled."""
        seen: tuple[int, int] | None = None
        while True:
            stamp = await asyncio.to_thread(self._look)
            if stamp != seen:
                seen = stamp
                for line in self._repertoire.lines:
                    await self._take_current(line)
            await asyncio.sleep(_LOOK_S)

    def _look(self) -> tuple[int, int]:
        return self._releases.stamp

    async def _take_current(self, line: str) -> None:
        version, now = "", self._repertoire.lines[line].flow.version
        try:
            current = await asyncio.to_thread(self._releases.current, line)
            version = current.version if current is not None else ""
            if version in ("", now):
                self._tell(InUse(version=now, line=line))
                return
            loaded = await asyncio.to_thread(self._load, version)
        except (FlowError, PromptError) as error:
            log.error("flow_not_taken", version=version, line=line, reason=str(error))
            self._tell(InUse(version=version, error=str(error), line=line))
            return
        self._repertoire.add(loaded, newest=True, line=line)
        log.info("flow_taken", flow=loaded.flow.name, version=version, line=line)
        self._tell(InUse(version=version, line=line))

    def _tell(self, told: InUse) -> None:
        try:
            self._releases.answer(told)
        except FlowError as error:
            log.warning("flow_in_use_not_told", reason=str(error))
