"""A call without a PBX: the engine, driven by a caller's moves and a clock of its own. Pure: no I/O, no waiting.

Theory of operation. At most three things are under way for a run: a prompt being said, a timer, a lookup. Each has
the moment at which it ends; `next_event` sets the clock to the first of them and tells the engine. The caller
(simulator_caller.py) decides how long to let things happen before a key is pressed or the call is left. Nothing but
that and the numbers here decides anything, so the same moves always give the same transcript.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, assert_never

from pbx_bridge.calls.call import Outcome
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.errors import PromptError
from pbx_bridge.health import Clock
from pbx_bridge.ivr import engine
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import Answer, SoundFacts
from pbx_bridge.ivr.lookups import Lookups
from pbx_bridge.ivr.nodes import AskNode
from pbx_bridge.ivr.questions import KeepRecording, Question, RecordingTaken
from pbx_bridge.ivr.run import (
    Effect,
    Found,
    GivenBack,
    Gone,
    HandOver,
    HangUp,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Phase,
    Place,
    Play,
    PromptEnded,
    StartTimer,
    StopPlaying,
    TimeUp,
    WriteStep,
)
from pbx_bridge.ivr.trial.moves import WaitEnds
from pbx_bridge.ivr.trial.transcript import Broken, Entered, Entry, Left, Line, Replayed, Said, Told, Transcript

_LOOKUP_SECONDS = 0.05
_CHARACTERS_A_SECOND: Mapping[str, float] = {"fa": 11.0, "en": 18.0}  # measured on the shipped voices
_SHORTEST_PROMPT = 0.5  # so that a flow that says nothing for ever comes to its own end

Finish = Callable[[Coroutine[Any, Any, Answer]], Answer]


class Texts(Protocol):
    """Says prompts as words; a PromptBook does."""

    def text(self, key: str, language: str, values: Mapping[str, object] | None = None) -> str:
        """What is heard. Raises PromptError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """What a case asks of a lookup: its answer after so many seconds, or an error in place of it."""

    seconds: float = _LOOKUP_SECONDS
    fails: bool = False


def at_once(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """The result of a lookup in memory, which never waits for anything."""
    try:
        answer.send(None)
    except StopIteration as done:
        found: Answer = done.value
        return found
    answer.close()
    raise RuntimeError("a lookup of a simulation must not wait")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a simulated caller meets.

    Attributes:
        lookups: what is looked up, by the simulation's clock. finish: how such a lookup is brought to its end.
        delays: by what is looked up (`caller`, `tracking`, a service's name, …); the rest answers quickly.
    """

    flow: Flow
    texts: Texts
    lookups: Callable[[Clock], Lookups]
    finish: Finish = at_once
    delays: Mapping[str, Delay] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who calls, and when (aware). `language`: spoken from the begin on; empty: the flow finds out."""

    caller: str
    now: datetime
    called: str = "100"
    language: str = ""


@dataclass(frozen=True, slots=True)
class _Due:
    at: datetime
    happening: Happening


class Simulation:
    """One call. `transcript` grows with it; `now` is its clock."""

    def __init__(self, stage: Stage, visitor: Visitor) -> None:
        self._stage = stage
        self.now = self._began = visitor.now
        self._entries: list[Entry] = []
        self._playing: _Due | None = None
        self._timer: _Due | None = None
        self._lookup: _Due | None = None
        self._lookups = stage.lookups(lambda: self.now)
        self._node = ""
        self._served = self._talked = self._left = False
        self._handed: HandOver | None = None  # where the caller is now, or was when they left
        self._been: set[Place] = set()
        self._spoken = 0.0  # seconds of the last message
        self._kept_message = False
        self.run, effects = engine.begin(
            stage.flow,
            node="pbx",
            channel="1",
            caller=visitor.caller,
            caller_name="",
            called=visitor.called,
            now=visitor.now,
            language=visitor.language,
        )
        self._carry_out(effects)

    # --- what it is like now ---

    @property
    def transcript(self) -> Transcript:
        """Everything until now."""
        return tuple(self._entries)

    @property
    def over(self) -> bool:
        """The call has ended."""
        return self.run.phase is Phase.OVER

    @property
    def waits(self) -> bool:
        """The caller was handed over: waits in a queue, a phone rings for them, a mailbox listens."""
        return self.run.phase is Phase.QUEUED

    @property
    def is_secret(self) -> bool:
        """What is keyed now may stand nowhere."""
        node = self._stage.flow.nodes[self.run.at]
        return isinstance(node, AskNode) and node.is_secret

    @property
    def asks(self) -> bool:
        """The flow listens for keys, and has used all that came."""
        return self.run.phase is Phase.COLLECTING and not self.run.keyed

    @property
    def ends(self) -> str:
        """Where it stands: e.g. `queue support` while waiting there, else the outcome in the record's word."""
        if self.waits and self._handed is not None:
            return f"{self._handed.what} {'' if self.records else self._handed.to}".rstrip()
        return self._outcome.value

    @property
    def _outcome(self) -> Outcome:
        """As calls/outcome.py decides for a caller from outside."""
        if self._talked:
            return Outcome.ANSWERED
        if Place.VOICEMAIL in self._been or self._kept_message:
            return Outcome.VOICEMAIL
        if self._left and self._handed is not None and self._handed.what is Place.QUEUE:
            return Outcome.ABANDONED_QUEUE
        if self._served and Place.QUEUE not in self._been:
            return Outcome.SELF_SERVED
        if self._been:
            return Outcome.MISSED
        return Outcome.ABANDONED_IVR if self._left or not self.over else Outcome.MISSED

    # --- what can happen ---

    def next_event(self) -> Happening | None:
        """Let the next thing under way come to its end, and tell it; None when nothing is under way."""
        due = self._next_due()
        if due is None:
            return None
        self.now = due.at
        self._happen(due.happening)
        return due.happening

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass, and everything that ends in it."""
        until = self.now + timedelta(seconds=seconds)
        while (due := self._next_due()) is not None and due.at <= until:
            self.next_event()
        self.now = until

    def press(self, key: str) -> None:
        """Press one key; in a queue it counts if it is the one that leads out of it."""
        if self.takes(key):
            self._come_back("KEY")
        else:
            self._happen(KeyPressed(key))

    def takes(self, key: str) -> bool:
        """Whether the caller waits in a queue that this key leads out of."""
        return self.waits and self._handed is not None and self._handed.settings.get("key") == key

    @property
    def records(self) -> bool:
        """What the caller says is recorded for a flow."""
        return self.waits and self._handed is not None and self._handed.what is Place.RECORD

    def speak(self, seconds: float) -> None:
        """Say something for so long, then end it; 0: keep silent until that ends it."""
        if self._handed is None:
            return
        told = self._handed.settings
        longest, silence = float(told["longest"]), float(told["silence"] or told["longest"])
        self._spoken = min(seconds, longest)
        if seconds:
            self.pass_time(self._spoken)
            self._come_back("DTMF" if seconds < longest else "TIMEOUT")
        else:
            self.pass_time(min(silence, longest))
            self._come_back("SILENCE" if silence < longest else "TIMEOUT")

    def hang_up(self) -> None:
        """The caller leaves; a message that they have spoken is kept."""
        self._left = True
        self._kept_message |= self.run.take.stage in ("spoken", "keeping") and self._spoken > 0
        self.tell(Left())
        self._happen(Gone())

    def come_back(self, ends: WaitEnds) -> bool:
        """It ends where the caller was handed to; False if it cannot end so there."""
        told = ends.at(self._handed.what) if self._handed is not None else None
        if self._handed is None or told is None:
            return False
        status, seconds = told
        self.pass_time(seconds)
        self._talked = self._talked or ends.word == "answered"
        if status == "INVALID":
            self._been.discard(Place.VOICEMAIL)
        self._come_back(status)
        return True

    def tell(self, line: Line) -> None:
        """Add a line to the transcript."""
        self._entries.append(Entry(at=(self.now - self._began).total_seconds(), line=line))

    def _come_back(self, status: str) -> None:
        handed, self._handed = self._handed, None
        if handed is not None:
            self._happen(GivenBack(handed.what, handed.to, status))

    def _next_due(self) -> _Due | None:
        """The first of what is under way; a lookup's answer before a timer of the same moment."""
        self._forget()
        due = [one for one in (self._playing, self._lookup, self._timer) if one is not None]
        return min(due, key=lambda one: one.at, default=None)

    def _forget(self) -> None:
        """Drop what the run no longer waits for."""
        self._playing = self._playing if self.run.playback else None
        self._timer = self._timer if self.run.timer else None
        self._lookup = self._lookup if self.run.lookup else None

    def _happen(self, happening: Happening) -> None:
        match happening:
            case PromptEnded():
                self._playing = None
            case TimeUp():
                self._timer = None
            case Found() | LookupFailed():
                self._lookup = None
            case _:
                pass
        self.run, effects = engine.advance(self._stage.flow, self.run, happening, self.now)
        self._carry_out(effects)

    # --- what the run wants done ---

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self._do(effect)
        if not self.over:
            self._enter(self.run.at)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Play():
                self._enter(self.run.at)
                self._play(effect)
            case StopPlaying():
                self._playing = None
            case StartTimer(timer=timer, seconds=seconds):
                self._timer = self._in(seconds, TimeUp(timer))
            case LookUp(lookup=number, question=question):
                self._enter(self.run.at)
                self._look_up(number, question)
            case HandOver():
                self._handed = effect
                if effect.what is not Place.RECORD:
                    self._been.add(effect.what)
            case HangUp():
                pass  # the step that tells it is written, too
            case WriteStep(kind=kind, flow_node=node, data=data):
                self._enter(node)
                self._served = self._served or (kind is StepKind.HEARD and data.get("serves") is True)
                self._kept_message |= kind is StepKind.RECORDED and data["result"] == "kept"
                self.tell(Told(kind=kind, data=data))
            case _:
                assert_never(effect)

    def _enter(self, node: str) -> None:
        if node != self._node:
            self._node = node
            self.tell(Entered(node=node))

    def _play(self, play: Play) -> None:
        seconds, heard = 0.0, True
        for part in play.parts:
            if part.recording:
                seconds += part.seconds
                self.tell(Replayed(seconds=part.seconds))
                continue
            try:
                text = self._stage.texts.text(part.prompt, part.language, play.values)
            except PromptError as error:
                heard = False
                self.tell(Broken(reason=str(error)))
                continue
            if not text:  # every sentence of it is left out
                continue
            seconds += max(_SHORTEST_PROMPT, len(text) / _CHARACTERS_A_SECOND.get(part.language, 15.0))
            told = Said(
                playback=play.playback,
                prompt=part.prompt,
                language=part.language,
                text=text,
                listens=play.listens,
            )
            self.tell(told)
        self._playing = self._in(max(seconds, _SHORTEST_PROMPT), PromptEnded(play.playback, heard and seconds > 0))

    def _look_up(self, number: int, question: Question) -> None:
        delay = self._stage.delays.get(question.called, Delay())
        self._lookup = self._in(delay.seconds, self._answer(number, question, delay))

    def _answer(self, number: int, question: Question, delay: Delay) -> Happening:
        if delay.fails:
            return LookupFailed(number, "told to fail")
        if isinstance(question, RecordingTaken | KeepRecording):  # nobody but the caller knows what was said
            return Found(number, SoundFacts(seconds=self._spoken, audible=self._spoken > 0))
        try:
            return Found(number, self._stage.finish(self._lookups.answer(question)))
        except Exception as error:  # whatever a CRM does, a caller is helped
            return LookupFailed(number, type(error).__name__)

    def _in(self, seconds: float, happening: Happening) -> _Due:
        return _Due(self.now + timedelta(seconds=seconds), happening)
