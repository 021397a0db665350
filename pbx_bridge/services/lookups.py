"""What flows ask and tell services, answered by the client."""

from __future__ import annotations

from pbx_bridge.errors import ServiceUnavailable
from pbx_bridge.ivr.fields import ServiceAnswer, read_fields
from pbx_bridge.ivr.known import Answer
from pbx_bridge.ivr.questions import AskService, Question, TellService
from pbx_bridge.services.client import ServiceClient


class ServiceLookups:
    """See ivr.lookups.Lookups. A service that cannot be had is an answer with its reason, for the record."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        try:
            return await self._answer(question)
        except ServiceUnavailable as error:
            return ServiceAnswer(trouble=str(error))

    async def _answer(self, question: Question) -> Answer:
        match question:
            case AskService(service, arguments, gives):
                body = await self._client.ask(service, arguments)
                return None if body is None else read_fields(body, gives)
            case TellService(service, values, origin):
                return ServiceAnswer() if await self._client.tell(service, values, origin) else None
            case _:
                raise ValueError(f"services know nothing of {question.what!r}")
