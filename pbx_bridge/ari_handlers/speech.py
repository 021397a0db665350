"""From prompts to what ARI plays: the media of a `Play`, cut into chunks short enough for the dead-man timer."""

from __future__ import annotations

from collections.abc import Mapping
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


class Speaker(Protocol):
    """Says prompts: their words, and the files that say them."""

    def text(self, prompt: str, language: str, values: Mapping[str, Any]) -> str:
        """What is heard, as words."""

    def media(self, prompt: str, language: str, values: Mapping[str, Any]) -> tuple[Media, ...]:
        """The files, in order. Raises PromptError when one is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One ARI playback of a prompt. `begins` are the parts whose first file is in it."""

    uris: tuple[str, ...]
    seconds: float
    begins: tuple[Part, ...]


def chunks(play: Play, speaker: Speaker, longest: float = CHUNK_SECONDS) -> tuple[Chunk, ...]:
    """The playbacks that say a Play, each at most `longest` seconds (a single longer file stays whole)."""
    done: list[Chunk] = []
    uris: list[str] = []
    begins: list[Part] = []
    seconds = 0.0
    for part in play.parts:
        for place, media in enumerate(speaker.media(part.prompt, part.language, play.values)):
            if uris and seconds + media.seconds > longest:
                done.append(Chunk(uris=tuple(uris), seconds=seconds, begins=tuple(begins)))
                uris, begins, seconds = [], [], 0.0
            if place == 0:
                begins.append(part)
            uris.append(media.uri)
            seconds += media.seconds
    if uris:
        done.append(Chunk(uris=tuple(uris), seconds=seconds, begins=tuple(begins)))
    return tuple(done)


def playback_id(channel: str, playback: int, chunk: int) -> str:
    """The id we choose for a playback; `parse_playback_id` reads it back from events."""
    return f"pbxb:{playback}:{chunk}:{channel}"


def parse_playback_id(text: str) -> tuple[str, int, int] | None:
    """Channel, playback and chunk of one of our playbacks; None for another's."""
    parts = text.split(":", 3)
    if len(parts) != 4 or parts[0] != "pbxb" or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    return parts[3], int(parts[1]), int(parts[2])
