"""What services say in a simulated call: what its case tells; a service that it does not tell of is not there."""

from __future__ import annotations

from collections.abc import Mapping

from pbx_bridge.ivr.fields import ServiceAnswer, read_fields
from pbx_bridge.ivr.known import Answer
from pbx_bridge.ivr.questions import AskService, Question, TellService

_NOT_THERE = ServiceAnswer(trouble="no service is there in a trial")


class ToldServices:
    """Answers for services, see ivr.lookups.Lookups.

    Args:
        answers: what each says, as its JSON would; None: it knows no such thing.
    """

    def __init__(self, answers: Mapping[str, object] | None = None) -> None:
        self._answers = answers or {}

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        match question:
            case AskService(service, _, gives) if service in self._answers:
                body = self._answers[service]
                return None if body is None else read_fields(body, gives)
            case TellService(service) if service in self._answers:
                return None if self._answers[service] is None else ServiceAnswer()
            case AskService() | TellService():
                return _NOT_THERE
            case _:
                raise ValueError(f"services know nothing of {question.what!r}")
