"""Answers the questions that write: tickets, complaints, callbacks. Their days are those of the customer's zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pbx_bridge.health import Clock, utc_now
from pbx_bridge.ivr.known import Answer, CallbackFacts, ComplaintFacts, TicketFacts
from pbx_bridge.ivr.questions import AskForCallback, FileComplaint, OpenTicket, Question
from pbx_bridge.store.call_body import number_key
from pbx_bridge.store.crm import TicketStatus
from pbx_bridge.store.requests import NewCallback, NewComplaint, NewTicket, RequestBook
from pbx_bridge.values import phone
from pbx_bridge.values.dates import end_of_day


class RequestLookups:
    """Lookups over a RequestBook: the store's, or one in memory for a simulation."""

    QUESTIONS: tuple[type[Question], ...] = (OpenTicket, FileComplaint, AskForCallback)

    def __init__(self, book: RequestBook, *, zone: ZoneInfo, region: str, clock: Clock = utc_now) -> None:
        self._book, self._zone, self._region, self._clock = book, zone, region, clock

    async def answer(self, question: Question) -> Answer:
        """See Lookups."""
        match question:
            case OpenTicket():
                return await self._ticket(question)
            case FileComplaint():
                return await self._complaint(question)
            case AskForCallback():
                return await self._callback(question)
            case _:
                raise ValueError(f"{question.what!r} is nothing that callers leave for people to do")

    async def _ticket(self, asked: OpenTicket) -> TicketFacts | None:
        opened = await self._book.open_ticket(_ticket_of(asked))
        if opened is None:
            return None
        return TicketFacts(
            tracking_number=opened.tracking_number,
            status=TicketStatus.NEW.value,
            updated_on=opened.at.astimezone(self._zone).date(),
        )

    async def _complaint(self, asked: FileComplaint) -> ComplaintFacts | None:
        now = self._clock()
        day = now.astimezone(self._zone).date() + timedelta(days=asked.answer_within_days)
        new = NewComplaint(
            ticket=_ticket_of(asked),
            reason=asked.reason,
            acknowledge_by=now + timedelta(hours=asked.acknowledge_within_hours),
            answer_by=end_of_day(day, self._zone),
            answer_on=day,
        )
        filed = await self._book.file_complaint(new)
        if filed is None:
            return None
        return ComplaintFacts(tracking_number=filed.tracking_number, answer_by=filed.promised_on or day)

    async def _callback(self, asked: AskForCallback) -> CallbackFacts:
        new = NewCallback(
            origin=asked.origin,
            node=asked.node,
            channel=asked.channel,
            number=number_key(asked.number, self._region),
            queue=asked.queue,
            wanted_at=asked.wanted_at,
            customer_code=asked.customer_code,
        )
        promised = await self._book.ask_for_callback(new)
        return callback_facts(promised.number, promised.wanted_at, self._zone, again=promised.again)


def callback_facts(number: str, wanted_at: datetime, zone: ZoneInfo, *, again: bool = False) -> CallbackFacts:
    """What a flow may say of a callback to an E.164 number or an extension."""
    there = wanted_at.astimezone(zone)
    at = there.time().replace(second=0, microsecond=0)
    return CallbackFacts(number=phone.national(number), on=there.date(), at=at, again=again)


def _ticket_of(asked: OpenTicket | FileComplaint) -> NewTicket:
    return NewTicket(
        origin=asked.origin, customer_code=asked.customer_code, subject=asked.subject, message=asked.message
    )
