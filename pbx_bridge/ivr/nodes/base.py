"""What every kind of flow node is: frozen data with a few hooks, each called by the engine when something happens.

A kind is one file here. Its fields of the type `NodeName` are its ways out and those of the type `PromptKey` what it
says: linter, drawing and checks read them from the types, so a new kind needs nothing but its file and its place in
the union (see __init__.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.run import Phase

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

NodeName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
PromptKey = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}$")]
Key = Annotated[str, msgspec.Meta(pattern=r"^[0-9*#]$")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=60)]
Tries = Annotated[int, msgspec.Meta(ge=1, le=9)]
KEPT = "kept."  # before the names that a flow gives to values of its own

# As the PBX has it, FreePBX's and Issabel's are numbers; not what the dialplan has as an extension of its own.
QueueName = Annotated[str, msgspec.Meta(pattern=r"^(?![A-Za-z]$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """One step of a flow. The hooks do nothing unless a kind says otherwise.

    Attributes:
        leaves_menus: entering it takes the caller out of the menus, however long they were there.
        excuses: a lookup of it that takes long is waited for, with the filler; else it counts as failed by then.
        looks_up: what a lookup of this node is called on the record.
    """

    leaves_menus: ClassVar[bool] = False
    excuses: ClassVar[bool] = True

    @property
    def looks_up(self) -> str:
        """What its lookup asks for, for the record."""
        return ""

    def ways_out(self) -> Iterator[tuple[str, str]]:
        """Every (way out, target node); the keys of a menu by their key."""
        for name in _fields(type(self), NodeName):
            value = getattr(self, name)
            if isinstance(value, Mapping):
                yield from value.items()
            elif value is not None:
                yield name, value

    def place_of(self, way: str) -> str:
        """Where a way out stands inside the node's part of the file, as far as the kind itself knows."""
        return way

    def leading(self, to: Callable[[str], str]) -> Self:
        """The same with its ways out leading to other names."""
        changed: dict[str, Any] = {}
        for name in _fields(type(self), NodeName):
            value = getattr(self, name)
            if isinstance(value, Mapping):
                changed[name] = {way: to(target) for way, target in value.items()}
            elif value is not None:
                changed[name] = to(value)
        return msgspec.structs.replace(self, **changed)

    def prompts(self) -> Iterator[str]:
        """Every prompt it can say."""
        for name in _fields(type(self), PromptKey):
            if (key := getattr(self, name)) is not None:
                yield key

    def makes_known(self) -> Mapping[str, tuple[str, ...]]:
        """By way out, what is known from there on: `ticket`, `customer`, `kept.amount`."""
        return {}

    def tells(self) -> Mapping[str, tuple[str, ...]]:
        """By field of a prompt, the values that it has learnt itself whenever it says that one."""
        return {}

    def reads(self) -> Iterator[tuple[str, str]]:
        """Every (field, value of the run) that it needs beside those of its prompts."""
        yield from ()

    # --- hooks ---

    def on_enter(self, turn: Turn) -> None:
        """The caller comes here."""
        raise NotImplementedError

    def on_key(self, turn: Turn) -> None:
        """A key cut short what was said without asking."""

    def on_said(self, turn: Turn, playback: int, heard: bool) -> None:
        """What was said without asking is over."""

    def on_asked(self, turn: Turn) -> None:
        """The question is over; the caller may answer."""

    def on_keys(self, turn: Turn) -> None:
        """There are keys to be used."""

    def on_silence(self, turn: Turn) -> None:
        """No key came in time."""

    def on_answer(self, turn: Turn, answer: object) -> None:
        """What a lookup found; None: there is no such thing."""
        turn.enter(turn.flow.person)

    def on_no_answer(self, turn: Turn) -> None:
        """A lookup failed or took too long."""
        turn.enter(turn.flow.person)

    def on_return(self, turn: Turn, status: str) -> None:
        """The dialplan gave the caller back; `status` as in GivenBack."""

    def is_last_word(self, turn: Turn) -> bool:
        """Whether the call ends after it by itself."""
        return False


class Listening(Kind, frozen=True, kw_only=True):
    """Asks for keys, and again when they are wrong or none come.

    Attributes:
        tries: failures, wrong keys and silences together, before the way out.
        wait: seconds of silence after the prompt that count as one failure.
    """

    tries: Tries = 3
    wait: Seconds = 5.0

    def listen(self, turn: Turn, *prompts: str) -> None:
        """Say these unless keys are there already, and take keys."""
        turn.set(phase=Phase.COLLECTING)
        if turn.run.keyed:
            self.on_keys(turn)
        else:
            self.ask(turn, prompts)

    def ask(self, turn: Turn, prompts: tuple[str, ...]) -> None:
        """Say the question."""
        turn.play(prompts, listens=True)

    def on_asked(self, turn: Turn) -> None:
        """See Kind."""
        turn.start_timer(self.wait)

    def on_silence(self, turn: Turn) -> None:
        """See Kind."""
        turn.step(StepKind.KEYS, keys="", result="timeout")
        self.failed(turn, silent=True)

    def failed(self, turn: Turn, *, silent: bool = False, unknown: bool = False) -> None:
        """Another try with the words that fit, or the way out when there were too many."""
        turn.set(tries=turn.run.tries + 1, keyed="")
        if turn.run.tries >= self.tries:
            self.out_of_tries(turn, silent=silent)
        else:
            self.again(turn, silent=silent, unknown=unknown)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """Ask once more."""
        raise NotImplementedError

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """Leave."""
        raise NotImplementedError


def source_of(name: str) -> str:
    """What a value comes from: `ticket` for `ticket.status`; what the flow keeps stands alone, as `kept.amount`."""
    return name if name.startswith(KEPT) else name.partition(".")[0]


@cache
def _fields(kind: type[Kind], wanted: Any) -> tuple[str, ...]:
    """The fields that hold such names, in the order in which they are declared."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(name for name in kind.__struct_fields__ if _holds(hints[name], wanted))


def _holds(hint: Any, wanted: Any) -> bool:
    if hint == wanted:
        return True
    if get_origin(hint) is dict:
        return bool(get_args(hint)[1] == wanted)
    return get_origin(hint) in _UNIONS and any(_holds(part, wanted) for part in get_args(hint))


_UNIONS = (Union, type(int | str))
