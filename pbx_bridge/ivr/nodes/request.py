"""What the kinds share that leave something for people to do: its origin, and what they take from kept values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import KEPT

if TYPE_CHECKING:
    from pbx_bridge.ivr.known import Kept
    from pbx_bridge.ivr.questions import Question
    from pbx_bridge.ivr.run import Run
    from pbx_bridge.ivr.turn import Turn

KeptValue = Annotated[
    str, msgspec.Meta(pattern=r"^kept\.[a-z][a-z0-9_]{0,39}$", description="kept.NAME, a value that the flow keeps")
]
Subject = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="a text of 1 to 200 letters")]


MOST_REQUESTS = 10  # of one call; who wants to leave more speaks with a person, or fills our lists on purpose


def leave(turn: Turn, question: Question, unavailable: str) -> None:
    """Ask for one more thing, unless the caller left too many: then they go that way."""
    if turn.run.requests < MOST_REQUESTS:
        turn.look_up(question)
    else:
        turn.step(StepKind.TROUBLE, reason="the caller left too many things in one call")
        turn.enter(unavailable)


def origin_of(run: Run) -> str:
    """What asks for the next thing: the same when the node is entered anew, another once it has been done."""
    return f"{run.node}:{run.channel}:{run.at}:{run.requests}"


def kept_of(run: Run, name: str) -> Kept | None:
    """The value of `kept.NAME`, if there is one."""
    return run.kept.get(name.removeprefix(KEPT))


def text_of(run: Run, told: str) -> str:
    """A constant as it stands, or the text of `kept.NAME`; empty where nothing was kept."""
    if not told.startswith(KEPT):
        return told
    kept = kept_of(run, told)
    return kept.text if kept else ""


def kept_in(**fields: str | None) -> Iterator[tuple[str, str]]:
    """Those of these fields that name a kept value, for `Kind.reads`."""
    for field, told in fields.items():
        if told is not None and told.startswith(KEPT):
            yield field, told
