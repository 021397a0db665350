"""Answers what flows ask of recorded messages: what is in one, and that it be kept."""

from __future__ import annotations

from typing import ClassVar

from pbx_bridge.ivr.known import SoundFacts
from pbx_bridge.ivr.questions import KeepRecording, Question, RecordingTaken
from pbx_bridge.spool.messages import MessageKeeper


class MessageLookups:
    """See ivr/lookups.py."""

    QUESTIONS: ClassVar[tuple[type[Question], ...]] = (RecordingTaken, KeepRecording)

    def __init__(self, keeper: MessageKeeper) -> None:
        self._keeper = keeper

    async def answer(self, question: Question) -> SoundFacts | None:
        """See Lookups. Raises OSError, StoreError."""
        match question:
            case RecordingTaken(name):
                sound = await self._keeper.listen(name)
                return SoundFacts(seconds=sound.seconds, audible=sound.audible) if sound else None
            case KeepRecording(name):
                message = await self._keeper.keep(name)
                return SoundFacts(seconds=message.seconds, audible=True)
            case _:
                raise ValueError(f"messages know nothing of {question.what!r}")
