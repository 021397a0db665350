"""`record`: a message in the caller's own voice, kept for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from msgspec.structs import replace

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.known import Kept, RecordingFacts, SoundFacts
from pbx_bridge.ivr.nodes.arguments import KeptName
from pbx_bridge.ivr.nodes.base import Key, NodeName, PromptKey, Seconds, Tries
from pbx_bridge.ivr.nodes.handing import MOST_HAND_OVERS, HandingOver
from pbx_bridge.ivr.questions import KeepRecording, RecordingTaken
from pbx_bridge.ivr.run import Part, Phase, Place, Run, Take

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

MessageSeconds = Annotated[int, msgspec.Meta(ge=1, le=600)]
Silence = Annotated[int, msgspec.Meta(ge=0, le=60)]
EndKey = Literal["#", "*", "any", "none"]

_SPOKEN = frozenset({"DTMF", "SILENCE", "TIMEOUT"})
_OPTION_OF_END = {"#": "", "*": "t", "any": "y", "none": "x"}  # of Asterisk's Record()
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class RecordNode(HandingOver, frozen=True, kw_only=True, tag="record"):
    """Records what the caller says, and lets them hear it and say it again where it has a `review`.

    The recording belongs to the dialplan (a daemon that dies takes nothing with it), and a take replaces the one
    before under the same name. Silence where the caller is asked what to do with it keeps it: they have spoken.
    """

    place: ClassVar[Place] = Place.RECORD

    longest: MessageSeconds = 120
    silence: Silence = 4
    shortest: Seconds = 1.0
    beep: bool = True
    end: EndKey = "#"
    keep: KeptName | None = None
    review: PromptKey | None = None
    wrong: PromptKey | None = None
    accept_key: Key = "1"
    hear_key: Key = "2"
    again_key: Key = "3"
    tries: Tries = 3
    wait: Seconds = 5.0
    next: NodeName
    empty: NodeName
    unavailable: NodeName

    def __post_init__(self) -> None:
        """Refuse one key for two things."""
        if len({self.accept_key, self.hear_key, self.again_key}) < 3:
            raise ValueError("accept_key, hear_key and again_key are three keys")

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return RecordingTaken.what

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """See Kind."""
        return {"next": ("recording", *([f"kept.{self.keep}"] if self.keep else ()))}

    # --- to the dialplan and back ---

    @property
    def target(self) -> str:
        """See HandingOver: there is one place for all."""
        return ""

    def target_for(self, run: Run) -> str:
        """See HandingOver: the number of the hand-over, so that a take is told from the one before."""
        return str(run.handed)

    def settings(self, run: Run) -> Mapping[str, str]:
        """See HandingOver."""
        options = _OPTION_OF_END[self.end] + ("" if self.beep else "q")
        silence = str(self.silence) if self.silence else ""
        return {"name": run.take.name, "longest": str(self.longest), "silence": silence, "options": options}

    def way_back(self, status: str) -> str:
        """See HandingOver. `status` is Asterisk's RECORD_STATUS of a recording that was none."""
        return self.unavailable

    def on_enter(self, turn: Turn) -> None:
        """See Kind. A take that waits for the caller's decision is gone on with: the daemon was away."""
        stage = turn.run.take.stage if turn.run.take.flow_node == turn.run.at else ""
        if stage == "spoken":
            self._measure(turn)
        elif stage == "keeping":
            self._put_away(turn)
        else:
            turn.set(take=Take())
            super().on_enter(turn)

    def hand_over(self, turn: Turn) -> None:
        """See HandingOver."""
        name = turn.run.take.name or self._new_name(turn.run)
        turn.set(take=Take(name=name, flow_node=turn.run.at, stage="speaking"), tries=0)
        super().hand_over(turn)

    def note_given(self, turn: Turn) -> None:
        """See HandingOver."""
        turn.step(StepKind.HANDED_OVER, what=self.place, to=turn.run.take.name)

    def note_back(self, turn: Turn, to: str, status: str) -> None:
        """See HandingOver."""
        turn.step(StepKind.HANDED_BACK, what=self.place, to=turn.run.take.name, status=status)

    def on_return(self, turn: Turn, status: str) -> None:
        """See Kind."""
        if status in _SPOKEN and turn.run.handed < MOST_HAND_OVERS:
            self._stage(turn, "spoken")
            self._measure(turn)
        else:
            self._stage(turn, "")
            super().on_return(turn, status)

    def _new_name(self, run: Run) -> str:
        # store/messages.py reads it back. One of an inner flow is `call/node`, and a name is no path.
        flow_node = run.at.replace("/", ".")[-80:].lstrip(".")
        return _NOT_IN_A_NAME.sub("-", f"{run.node}_{run.channel}"[:100]) + f"-{run.handed + 1:02}-{flow_node}"

    # --- what was said ---

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        take = turn.run.take
        if not isinstance(answer, SoundFacts):
            turn.step(StepKind.TROUBLE, reason="the recording is not there")
            self._leave(turn, self.unavailable)
        elif take.stage == "keeping":
            self._kept(turn, answer.seconds)
        elif not answer.audible or answer.seconds < self.shortest:
            turn.step(StepKind.RECORDED, name=take.name, seconds=round(answer.seconds, 1), result="empty")
            self._leave(turn, self.empty)
        else:
            turn.set(take=replace(take, seconds=answer.seconds))
            self._said_something(turn)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind. A message that is there and cannot be put away now is put away once the call is over."""
        if turn.run.take.stage == "keeping":
            self._known(turn)
        else:
            self._leave(turn, self.unavailable)

    def _said_something(self, turn: Turn) -> None:
        if self.review is None:
            self._put_away(turn)
        else:
            self._ask(turn, Part(self.review, turn.language))

    def _ask(self, turn: Turn, *parts: Part) -> None:
        turn.set(phase=Phase.COLLECTING)
        if turn.run.keyed:
            self.on_keys(turn)
        else:
            turn.play_parts(parts, listens=True)

    def on_asked(self, turn: Turn) -> None:
        """See Kind."""
        turn.start_timer(self.wait)

    def on_silence(self, turn: Turn) -> None:
        """See Kind."""
        turn.step(StepKind.KEYS, keys="", result="timeout")
        self._put_away(turn)

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        key = turn.take_key()
        known = key in (self.accept_key, self.hear_key, self.again_key)
        turn.step(StepKind.KEYS, keys=key, result="match" if known else "invalid")
        if key == self.hear_key:
            self._play_back(turn)
        elif key == self.again_key:
            self.hand_over(turn)
        elif known:
            self._put_away(turn)
        else:
            self._wrong_key(turn)

    def _play_back(self, turn: Turn) -> None:
        take = turn.run.take
        asked = Part(self.review or "", turn.language)
        self._ask(turn, Part("", turn.language, recording=take.name, seconds=take.seconds), asked)

    def _wrong_key(self, turn: Turn) -> None:
        turn.set(tries=turn.run.tries + 1, keyed="")
        if turn.run.tries >= self.tries:
            self._put_away(turn)
        else:
            said = (self.wrong, self.review) if self.wrong else (self.review,)
            self._ask(turn, *(Part(key, turn.language) for key in said if key))

    # --- what becomes of it ---

    def _measure(self, turn: Turn) -> None:
        turn.look_up(RecordingTaken(turn.run.take.name))

    def _put_away(self, turn: Turn) -> None:
        self._stage(turn, "keeping")
        turn.look_up(KeepRecording(turn.run.take.name))

    def _kept(self, turn: Turn, seconds: float) -> None:
        turn.set(take=replace(turn.run.take, seconds=seconds))
        turn.step(StepKind.RECORDED, name=turn.run.take.name, seconds=round(seconds, 1), result="kept")
        self._known(turn)

    def _known(self, turn: Turn) -> None:
        take = turn.run.take
        turn.set(recording=RecordingFacts(name=take.name, seconds=max(1, round(take.seconds))))
        if self.keep:
            turn.keep(self.keep, Kept("text", take.name))
        self._leave(turn, self.next)

    def _leave(self, turn: Turn, way: str) -> None:
        self._stage(turn, "")
        turn.enter(way)

    def _stage(self, turn: Turn, stage: Literal["", "spoken", "keeping"]) -> None:
        turn.set(take=replace(turn.run.take, stage=stage))
