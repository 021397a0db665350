"""`language`: ask for the language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Key, Language, Listening, NodeName, PromptKey, Tries
from pbx_bridge.ivr.run import Part

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class LanguageNode(Listening, frozen=True, kw_only=True, tag="language"):
    """Asks for the language unless it is known already. Each language's prompt is said in that language."""

    prompt: PromptKey
    keys: dict[Key, Language]
    next: NodeName
    tries: Tries = 2

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        if turn.run.language:
            turn.enter(self.next)
        else:
            self.listen(turn)

    def ask(self, turn: Turn, prompts: tuple[str, ...]) -> None:
        """See Listening."""
        turn.play_parts(tuple(Part(self.prompt, language) for language in self.keys.values()), listens=True)

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        key = turn.take_key()
        language = self.keys.get(key)
        turn.step(StepKind.KEYS, keys=key, result="match" if language else "invalid")
        if language is None:
            self.failed(turn)
        else:
            turn.speak(language, "key")
            turn.enter(self.next)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """See Listening."""
        self.listen(turn)

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """See Listening."""
        turn.speak(turn.flow.default_language, "default")
        turn.enter(self.next)
