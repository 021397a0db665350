"""What `pbx-bridge messages` does, beside a daemon that may run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pbx_bridge.errors import InputError
from pbx_bridge.health import utc_now
from pbx_bridge.spool.messages import expire
from pbx_bridge.spool.recording_files import NO_KEYS, RecordingFiles
from pbx_bridge.spool.sound_keys import SoundKeys
from pbx_bridge.store.calls_text import moment_of
from pbx_bridge.store.commands import Place
from pbx_bridge.store.messages import Message
from pbx_bridge.values.hostile import on_terminal

Show = Callable[[str], None]

_LINE = "{:<19}  {:<16}  {:<20}  {:>7}  {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePlace:
    """Where messages are: the store, Asterisk's folder and ours, for how many days (0: for ever), what opens them."""

    store: Place
    spool: Path
    kept: Path
    keep_days: int
    keys: SoundKeys = NO_KEYS

    @property
    def files(self) -> RecordingFiles:
        """The two folders."""
        return RecordingFiles(self.spool, self.kept, self.keys)


async def show_messages(place: MessagePlace, show: Show, *, since: str | None) -> None:
    """Show every message, oldest first. Raises InputError, StoreError."""
    start = moment_of(since, place.store.zone)
    async with place.store.open_existing() as store:
        show(_LINE.format("recorded", "caller", "flow node", "seconds", "file"))
        async for message in store.messages.since(start):
            show(_line(place, message))


async def expire_messages(place: MessagePlace, show: Show, *, dry_run: bool) -> None:
    """Remove the messages whose time is up, or only show them. Raises StoreError, InputError."""
    count = size = 0
    async with place.store.open_existing() as store:
        try:
            async for message in expire(store.messages, place.files, place.keep_days, utc_now(), dry_run=dry_run):
                show(_line(place, message))
                count, size = count + 1, size + message.size
        except OSError as error:
            raise InputError(str(error.strerror or error), path=error.filename) from error
    show(f"{count} messages, {size} bytes {'would be removed' if dry_run else 'removed'}")


def _line(place: MessagePlace, message: Message) -> str:
    line = _LINE.format(
        f"{message.made_at.astimezone(place.store.zone):%Y-%m-%d %H:%M:%S}",
        message.caller or "-",
        message.origin.flow_node,
        f"{message.seconds:.1f}",
        str(place.files.found(message.path)) if message.path else "expired",
    )
    return on_terminal(line)
