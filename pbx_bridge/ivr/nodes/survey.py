"""`survey`: what the caller thinks of it, in one key a question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.nodes.base import Listening, NodeName, PromptKey
from pbx_bridge.ivr.run import Place, Run

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn

QuestionName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Scale = Annotated[int, msgspec.Meta(ge=2, le=9)]
SurveyTries = Annotated[int, msgspec.Meta(ge=1, le=2)]

_LATE_END = "#"  # many press it after any key they are asked for


class SurveyQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question, answered by one key from 1 to `scale`. `name` is what its answers are counted under."""

    name: QuestionName
    prompt: PromptKey
    scale: Scale = 5


class SurveyNode(Listening, frozen=True, kw_only=True, tag="survey"):
    """Asks one question after the other; who gives no answer to one is asked the next.

    That a question begins is a step of its own, so that a caller who leaves, or a daemon that dies, leaves it on the
    record without an answer. Keys typed ahead do not count: nobody answers what they have not heard.
    """

    questions: Annotated[tuple[SurveyQuestion, ...], msgspec.Meta(min_length=1, max_length=9)]
    next: NodeName
    wrong: PromptKey | None = None
    tries: SurveyTries = 2

    def __post_init__(self) -> None:
        """Refuse two questions of one name: their answers could not be told apart."""
        names = [question.name for question in self.questions]
        if len(set(names)) < len(names):
            raise ValueError("two questions have the same name")

    def prompts(self) -> Iterator[str]:
        """See Kind."""
        yield from (question.prompt for question in self.questions)
        yield from super().prompts()

    def on_enter(self, turn: Turn) -> None:
        """See Kind. Who comes again without another talk before is not asked what they answered."""
        turn.set(keyed="")
        self._go_on(turn, self._done(turn.run))

    def on_keys(self, turn: Turn) -> None:
        """See Kind."""
        key = turn.take_key()
        turn.set(keyed="")
        question = self._question(turn.run)
        if key in "123456789"[: question.scale]:
            turn.set(late_end=_LATE_END)
            self._note(turn, int(key))
            self._next(turn)
        else:
            turn.step(StepKind.KEYS, keys=key, result="invalid")
            self.failed(turn)

    def again(self, turn: Turn, *, silent: bool, unknown: bool) -> None:
        """See Listening."""
        word = () if silent or self.wrong is None else (self.wrong,)
        self.listen(turn, *word, self._question(turn.run).prompt)

    def out_of_tries(self, turn: Turn, *, silent: bool) -> None:
        """See Listening. It stays without an answer."""
        self._next(turn)

    def _next(self, turn: Turn) -> None:
        turn.set(tries=0)
        self._go_on(turn, self._done(turn.run) + 1)

    def _go_on(self, turn: Turn, done: int) -> None:
        turn.set(surveyed=(turn.run.at, turn.run.handed, done))
        if done >= len(self.questions):
            turn.enter(self.next)
        else:
            self._note(turn, None)
            self.listen(turn, self._question(turn.run).prompt)

    def _done(self, run: Run) -> int:
        """How many of the questions are behind this caller since their last talk."""
        at, handed, done = run.surveyed
        return done if (at, handed) == (run.at, run.handed) else 0

    def _question(self, run: Run) -> SurveyQuestion:
        return self.questions[self._done(run)]

    def _note(self, turn: Turn, answer: int | None) -> None:
        question, (queue, agent) = self._question(turn.run), _of_whom(turn.run)
        turn.step(
            StepKind.SURVEY, question=question.name, answer=answer, scale=question.scale, queue=queue, agent=agent
        )


def _of_whom(run: Run) -> tuple[str, str]:
    """The queue and the agent of the last talk, as far as we know; who of several answered, CEL tells."""
    match run.talked:
        case None:
            return "", ""
        case back if back.what == Place.QUEUE:
            return back.to, ""
        case back:
            return "", "" if "+" in back.to else back.to
