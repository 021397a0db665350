"""A flow made ready to be met: decoded, its texts and sounds there, and the PBX has what it hands callers to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import msgspec

from pbx_bridge.errors import FlowError, PromptError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lint.services import Services, misused
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.releases import FLOW, PROMPTS, Releases
from pbx_bridge.ivr.sounds.ahead import MadeAhead
from pbx_bridge.ivr.sounds.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """Reads flows for one HOME. Everything raises FlowError or PromptError naming what is wrong or missing.

    Attributes:
        releases: those that were deployed.
        prompts: the folder of own texts; it need not exist.
        sounds: the folder of the rendered clips. seen_as: what Asterisk calls it.
        queues: those the PBX has; None where we do not know them. services: those of the settings, likewise.
        zone, region: the company's.
        ahead: free text that was made ahead; whoever wants it heard keeps this up to date.
    """

    releases: Releases
    prompts: Path
    sounds: Path
    seen_as: PurePosixPath
    queues: Collection[str] | None
    zone: ZoneInfo
    region: str = "IR"
    services: Services | None = None
    ahead: MadeAhead

    def newest(self, setting: str, line: str = "") -> tuple[Flow, Announcer]:
        """What was deployed last for a line or, if nothing ever was, what the setting names."""
        current = self.releases.current(line)
        return self.named(setting) if current is None else self.release(current.version)

    def named(self, name_or_path: str) -> tuple[Flow, Announcer]:
        """A shipped flow by name, or any by file, with the texts as they are now."""
        return self._ready(flows.load(name_or_path, self.zone, self.region), self.prompts)

    def release(self, version: str) -> tuple[Flow, Announcer]:
        """A release, with the texts as they were when it was made."""
        if not self.releases.has(version):
            raise FlowError("there is no such release", path=self.releases.folder_of(version))
        folder = self.releases.folder_of(version)
        flow = flows.load(str(folder / FLOW), self.zone, self.region)
        return self._ready(msgspec.structs.replace(flow, version=version), folder / PROMPTS)

    def _ready(self, flow: Flow, texts: Path) -> tuple[Flow, Announcer]:
        unknown = sorted(flow.queues() - set(self.queues)) if self.queues is not None else []
        if unknown:
            known = ", ".join(self.queues or ())
            raise FlowError(
                f"flow {flow.name} hands callers to queue {unknown[0]!r}; the private Asterisk has: {known}"
            )
        for wrong in misused(flow, self.services):
            raise FlowError(f"flow {flow.name}: {wrong.sentence}")
        book = PromptBook.load(extra_folder=texts)
        book.check(flow.prompts(), flow.languages)
        voice = Voice.load(self.sounds, asterisk_folder=self.seen_as, ahead=self.ahead.clips)
        for language in flow.languages:
            for key in sorted(flow.prompts()):
                _check_sounds(book, voice, key, language)
        return flow, Announcer(book, voice)


def _check_sounds(book: PromptBook, voice: Voice, key: str, language: str) -> None:
    missing = voice.missing(book.clips([key], language))
    prompt = book.prompt(key, language)
    if not missing or (prompt.fixed and voice.is_recorded(book.phrase(key, language))):
        return
    reason = f"prompt {key!r} has no sound in {language!r} for {missing[0].text!r}; run: pbx-bridge prompts render"
    raise PromptError(reason, path=prompt.path, line=prompt.line)
