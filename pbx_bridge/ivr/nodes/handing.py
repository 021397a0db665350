"""What the kinds share that give the caller to the dialplan and go on when it gives them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Kind, NodeName, PromptKey
from pbx_bridge.ivr.run import GivenBack, HandOver, Phase, Place, Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

Extension = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,15}$")]

# QUEUESTATUS of a queue, DIALSTATUS of a phone: a person spoke with the caller, and that talk is over.
SPOKE_WITH_PERSON = frozenset({"CONTINUE", "COMPLETE", "ANSWER"})
MOST_HAND_OVERS = 20  # of one caller; no file can have phones rung for ever


class HandingOver(Kind, frozen=True, kw_only=True):
    """Says something, if it has a `prompt`, and gives the caller to the dialplan."""

    leaves_menus: ClassVar[bool] = True
    place: ClassVar[Place]

    prompt: PromptKey | None = None

    @property
    def target(self) -> str:
        """Which one of its place: a queue's name, a box, extensions with `+` between them, a number."""
        raise NotImplementedError

    def target_for(self, run: Run) -> str:
        """The same for this caller; a kind that always gives to the same one tells `target` only."""
        return self.target

    def settings(self, run: Run) -> Mapping[str, str]:
        """What its context is told, as HandOver says."""
        return {}

    def way_back(self, status: str) -> str:
        """The way out for a caller who was given back with this status, and whom no person spoke with."""
        raise NotImplementedError

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if self.prompt is None:
            self.hand_over(turn)
            return
        turn.set(phase=Phase.SAYING)
        turn.play((self.prompt,), listens=False)

    def on_key(self, turn: Turn) -> None:
        """See Kind."""
        self.hand_over(turn)

    def on_said(self, turn: Turn, playback: int, heard: bool) -> None:
        """See Kind."""
        self.hand_over(turn)

    def on_return(self, turn: Turn, status: str) -> None:
        """See Kind."""
        if status in SPOKE_WITH_PERSON:
            self.on_talked(turn, status)
        elif turn.run.handed >= MOST_HAND_OVERS:
            turn.step(StepKind.TROUBLE, reason="the flow gave the caller away too often")
            turn.hang_up("flow")
        else:
            turn.enter(self.way_back(status))

    def on_talked(self, turn: Turn, status: str) -> None:
        """A person spoke with the caller and hung up first; else the caller would be gone."""
        turn.hang_up(self.place)

    def hand_over(self, turn: Turn) -> None:
        """Now, whatever is being said."""
        turn.stop_playing()
        turn.set(phase=Phase.QUEUED, keyed="", timer=0, handed=turn.run.handed + 1)
        self.note_given(turn)
        turn.effects.append(HandOver(self.place, self.target_for(turn.run), turn.language, self.settings(turn.run)))

    def note_given(self, turn: Turn) -> None:
        """The step that tells of it."""
        turn.step(StepKind.HANDED_OVER, what=self.place, to=self.target_for(turn.run))

    def note_back(self, turn: Turn, to: str, status: str) -> None:
        """The step that tells how it ended; `to` as the dialplan told it."""
        turn.step(StepKind.HANDED_BACK, what=self.place, to=to, status=status)


class HandingToPerson(HandingOver, frozen=True, kw_only=True):
    """Gives the caller to people. With `after`, whoever stays when the person has hung up goes on there."""

    after: NodeName | None = None

    def on_talked(self, turn: Turn, status: str) -> None:
        """See HandingOver."""
        if self.after is None or turn.run.handed >= MOST_HAND_OVERS:
            turn.hang_up(self.place)
        else:
            back = GivenBack(self.place, self.target_for(turn.run), status)
            turn.set(talked=back, talked_at=turn.now)
            turn.enter(self.after)
