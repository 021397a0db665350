"""`menu`: one key out of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Key, Listening, NodeName, PromptKey

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class MenuNode(Listening, frozen=True, kw_only=True, tag="menu"):
    """One key out of several. After `tries` wrong keys or silences: `too_many` (`silence` if it was silence)."""

    prompt: PromptKey
    keys: dict[Key, NodeName]
    wrong: PromptKey
    silent: PromptKey | None = None
    too_many: NodeName
    silence: NodeName | None = None

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        self.listen(turn, self.prompt)

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        key = turn.take_key()
        target = self.keys.get(key)
        turn.step(StepKind.KEYS, keys=key, result="match" if target else "invalid")
        if target is None:
            self.failed(turn)
        else:
            turn.enter(target)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """See Listening."""
        word = self.silent if silent else self.wrong
        self.listen(turn, *((word, self.prompt) if word else (self.prompt,)))

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """See Listening."""
        turn.enter(self.silence if silent and self.silence else self.too_many)
