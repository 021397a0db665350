"""From prompts to what ARI plays: the media of a `Play`, cut into chunks short enough for the dead-man timer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pbx_bridge.ivr.run import Part, Play

CHUNK_SECONDS = 7.0  # the dialplan's dead-man timer runs 10 s and cannot be lengthened while a playback runs


class Media(Protocol):
    """One file: its ARI media URI and its length in seconds."""

    @property
    def uri(self) -> str: ...
    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recorded:
    """What the caller recorded. It stays whole: ARI can begin in the middle of it, but not end there."""

    uri: str
    seconds: float


class Speaker(Protocol):
    """Says prompts: their words, and the files that say them."""

    def text(self, prompt: str, language: str, values: Mapping[str, Any]) -> str:
        """What is heard, as words."""

    def media(self, prompt: str, language: str, values: Mapping[str, Any]) -> tuple[Media, ...]:
        """The files, in order; none if there is nothing to be heard now. Raises PromptError when one is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One ARI playback of a prompt.

    Attributes:
        begins: the parts whose first file is in it. texts: their words, as they are heard.
    """

    uris: tuple[str, ...]
    seconds: float
    begins: tuple[Part, ...]
    texts: tuple[str, ...]


def chunks(play: Play, speaker: Speaker, longest: float = CHUNK_SECONDS) -> tuple[Chunk, ...]:
    """The playbacks that say a Play, each at most `longest` seconds (a single longer file stays whole)."""
    done: list[Chunk] = []
    media: list[Media] = []
    begins: list[tuple[Part, str]] = []
    for part in play.parts:
        for place, file in enumerate(_media(part, play, speaker)):
            if media and sum(one.seconds for one in media) + file.seconds > longest:
                done.append(_chunk(media, begins))
                media, begins = [], []
            if place == 0:
                begins.append((part, _text(part, play, speaker)))
            media.append(file)
    return (*done, _chunk(media, begins)) if media else tuple(done)


def _media(part: Part, play: Play, speaker: Speaker) -> Sequence[Media]:
    if part.recording:
        return (_Recorded(uri=f"recording:{part.recording}", seconds=part.seconds),)
    return speaker.media(part.prompt, part.language, play.values)


def _text(part: Part, play: Play, speaker: Speaker) -> str:
    return "" if part.recording else speaker.text(part.prompt, part.language, play.values)


def _chunk(media: Sequence[Media], begins: Sequence[tuple[Part, str]]) -> Chunk:
    return Chunk(
        uris=tuple(file.uri for file in media),
        seconds=sum(file.seconds for file in media),
        begins=tuple(part for part, _ in begins),
        texts=tuple(text for _, text in begins),
    )


def playback_id(channel: str, playback: int, chunk: int) -> str:
    """The id we choose for a playback; `parse_playback_id` reads it back from events."""
    return f"pbxb:{playback}:{chunk}:{channel}"


def parse_playback_id(text: str) -> tuple[str, int, int] | None:
    """Channel, playback and chunk of one of our playbacks; None for another's."""
    parts = text.split(":", 3)
    if len(parts) != 4 or parts[0] != "pbxb" or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    return parts[3], int(parts[1]), int(parts[2])
