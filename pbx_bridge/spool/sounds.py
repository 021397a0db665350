"""The sounds of one call: the recordings of its talks, and the messages its caller left. For whoever looks at it.

Where a file lies is told by the store's rows alone; a page's address names a sound by a key made of its identity.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import BinaryIO, Protocol

import structlog

from pbx_bridge.calls.call import Call
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.spool.recording_files import RecordingFiles
from pbx_bridge.spool.recordings import Shelf
from pbx_bridge.spool.waveform import Waveform, Waveforms
from pbx_bridge.store.messages import Message
from pbx_bridge.store.recordings import Recording, RecordingState

log = structlog.get_logger()

_MOST_MESSAGES = 20  # of one call


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One sound of a call.

    Attributes:
        key: names it in an address.
        message: what a caller said for people; False: a talk.
        file: its name. path: where its folder has it; empty if there is nothing to be heard.
        started_at: aware UTC; of a talk, when its recording was begun, which is before the sound.
        length_us: microseconds.
        sha256: checksum, hexadecimal.
        locked: its file is there, sealed, and cannot be opened.
    """

    key: str
    message: bool
    file: str
    path: str
    state: RecordingState
    started_at: datetime
    length_us: int
    sha256: str
    locked: bool = False

    @property
    def is_there(self) -> bool:
        """Whether it can be heard."""
        return self.state is RecordingState.PRESENT and not self.locked


class MessageBook(Protocol):
    """The messages on record."""

    async def get(self, name: str) -> Message | None:
        """One message. Raises StoreError."""


class CallSounds:
    """The sounds of calls as they are at this moment.

    Args:
        shelf, files: the recordings of talks. messages, message_files: what callers left.
    """

    def __init__(
        self, shelf: Shelf, files: RecordingFiles, messages: MessageBook, message_files: RecordingFiles
    ) -> None:
        self._shelf, self._files = shelf, files
        self._messages, self._message_files = messages, message_files
        self._waveforms = Waveforms()

    async def of_call(self, call: Call) -> list[Sound]:
        """Those of a call there is something to say of, in order of time. Raises StoreError."""
        shown = [sound_of(one) for one in await self._shelf.of_call(call.call_id) if one.is_shown]
        talks = await asyncio.to_thread(lambda: [self._as_it_opens(one) for one in shown]) if shown else []
        found = [await self._messages.get(name) for name in _names(call)]
        known = [message for message in found if message is not None]
        told = await asyncio.to_thread(lambda: [self._spoken(message) for message in known]) if known else []
        return sorted([*talks, *told], key=lambda sound: (sound.started_at, sound.key))

    async def of_message(self, name: str) -> Sound | None:
        """The message of that name; None: there is none on record. Raises StoreError."""
        message = await self._messages.get(name) if name else None
        return None if message is None else await asyncio.to_thread(self._spoken, message)

    def open(self, sound: Sound) -> BinaryIO:
        """The sound, to be read and sought in. Blocking.

        Raises OSError: there is none, no plain file of the folder, or none that can be opened.
        """
        return self._files_of(sound).open(sound.path)

    async def waveform(self, sound: Sound) -> Waveform | None:
        """Its waveform; None: it has none."""
        return await self._waveforms.of(partial(self.open, sound), sound.sha256)

    def _files_of(self, sound: Sound) -> RecordingFiles:
        return self._message_files if sound.message else self._files

    def _as_it_opens(self, sound: Sound) -> Sound:
        """The sound, and whether its file can be opened; why not stands in the log. Blocking."""
        why = self._files_of(sound).why_locked(sound.path) if sound.is_there else ""
        if why:
            log.error("sound_cannot_be_opened", file=sound.file, reason=why)
        return replace(sound, locked=bool(why))

    def _spoken(self, message: Message) -> Sound:
        state = RecordingState.EXPIRED
        if message.path:
            state = RecordingState.PRESENT if self._message_files.has(message.path) else RecordingState.GONE
        sound = Sound(
            key=_key("message", message.name),
            message=True,
            file=f"{message.name}.wav",
            path=message.path,
            state=state,
            started_at=message.made_at,
            length_us=message.length_us,
            sha256=message.sha256,
        )
        return self._as_it_opens(sound)


def sound_of(recording: Recording) -> Sound:
    """A recording of a talk as a sound."""
    return Sound(
        key=_key(recording.node, recording.file),
        message=False,
        file=recording.file,
        path=recording.path,
        state=recording.state,
        started_at=recording.started_at,
        length_us=recording.length_us,
        sha256=recording.sha256,
    )


def _names(call: Call) -> Iterable[str]:
    told = (step.data.get("name") for step in call.steps if step.kind == StepKind.RECORDED)
    return list(dict.fromkeys(name for name in told if isinstance(name, str) and name))[:_MOST_MESSAGES]


def _key(*identity: str) -> str:
    return hashlib.blake2b("\n".join(identity).encode("utf-8", "replace"), digest_size=8).hexdigest()
