"""SIP transactions over UDP: send again until answered, answer again when asked again (RFC 3261 section 17).

One object per transaction, driven by received messages and the loop's timers. A 2xx to an INVITE is kept in the
same object until its ACK came (RFC 6026's accepted state), which puts every repetition in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pbx_bridge.pbx.phone import message
from pbx_bridge.pbx.phone.message import Request, Response

Send = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """RFC 3261's T1 and T2 in seconds; a transaction is given up after 64 x T1."""

    t1: float = 0.5
    t2: float = 4.0

    @property
    def give_up(self) -> float:
        """Timers B, F and H."""
        return 64 * self.t1


class _Resender:
    """Sends the same bytes again, at growing distances, until stopped."""

    def __init__(self, send: Send, timing: Timing, *, longest: float | None) -> None:
        self._send, self._timing, self._longest = send, timing, longest
        self._again: asyncio.TimerHandle | None = None
        self._interval = timing.t1
        self._data = b""

    def start(self, data: bytes) -> None:
        """Send now and then again."""
        self.stop()
        self._data, self._interval = data, self._timing.t1
        self._send(data)
        self._schedule()

    def slow_down(self) -> None:
        """After a provisional answer a request is repeated each T2 only."""
        self._interval = self._timing.t2

    def stop(self) -> None:
        """Send no more."""
        if self._again is not None:
            self._again.cancel()
            self._again = None

    def _schedule(self) -> None:
        self._again = asyncio.get_running_loop().call_later(self._interval, self._repeat)

    def _repeat(self) -> None:
        self._send(self._data)
        self._interval = self._interval * 2 if self._longest is None else min(self._interval * 2, self._longest)
        self._schedule()


class ClientTransaction:
    """A request of ours until its final answer.

    Args:
        on_response: called with each answer, and with None once if no final one came in time; a repeated 2xx to an
            INVITE is given again, so that it can be acknowledged again.
        on_gone: called once, when nothing more can belong to this transaction.
    """

    def __init__(
        self,
        request: Request,
        send: Send,
        timing: Timing,
        on_response: Callable[[Response | None], None],
        on_gone: Callable[[], None],
    ) -> None:
        self.request = request
        self._send, self._timing, self._on_response, self._on_gone = send, timing, on_response, on_gone
        self._invite = request.method == "INVITE"
        # Timer A doubles without bound, timer E up to T2.
        self._resender = _Resender(send, timing, longest=None if self._invite else timing.t2)
        self._final: Response | None = None
        self._end: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Send the request."""
        self._resender.start(message.build(self.request))
        self._end_after(self._timing.give_up, self._time_out)

    def receive(self, response: Response) -> None:
        """Take an answer that carries our branch."""
        if response.status < 200:
            self._provisional(response)
        elif self._final is None:
            self._settle(response)
        elif self._invite and response.status >= 300:
            self._send(message.build(self._ack(response)))
        elif self._invite:
            self._on_response(response)

    def stop(self) -> None:
        """Forget it: no more sending, no more calls back."""
        self._resender.stop()
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _provisional(self, response: Response) -> None:
        if self._final is not None:
            return
        if self._invite:
            self._resender.stop()
            if self._end is not None:  # ringing may take as long as the caller lets it
                self._end.cancel()
        else:
            self._resender.slow_down()
        self._on_response(response)

    def _settle(self, response: Response) -> None:
        self._final = response
        self._resender.stop()
        self._end_after(self._timing.give_up if self._invite else self._timing.t2, self._gone)
        if self._invite and response.status >= 300:
            self._send(message.build(self._ack(response)))
        self._on_response(response)

    def _time_out(self) -> None:
        self._resender.stop()
        self._on_response(None)
        self._gone()

    def _gone(self) -> None:
        self.stop()
        self._on_gone()

    def _end_after(self, seconds: float, what: Callable[[], None]) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(seconds, what)

    def _ack(self, response: Response) -> Request:
        kept = [(n, v) for n, v in self.request.headers if n.lower() in ("from", "call-id", "max-forwards", "route")]
        number, _ = message.cseq(self.request)
        headers = (
            ("Via", message.header(self.request, "via")),
            ("To", message.header(response, "to")),
            ("CSeq", f"{number} ACK"),
            *kept,
        )
        return Request(method="ACK", uri=self.request.uri, headers=headers)


class ServerTransaction:
    """A request of the far end's, until it has our final answer.

    Args:
        on_unacknowledged: called when the 2xx to an INVITE was never acknowledged; may be set later.
        on_gone: called once, when nothing more can belong to this transaction.
    """

    def __init__(
        self,
        request: Request,
        send: Send,
        timing: Timing,
        on_gone: Callable[[], None],
        on_unacknowledged: Callable[[], None] | None = None,
    ) -> None:
        self.request = request
        self._send, self._timing = send, timing
        self._on_gone, self.on_unacknowledged = on_gone, on_unacknowledged
        self._invite = request.method == "INVITE"
        self._resender = _Resender(send, timing, longest=timing.t2)  # timer G
        self._last = b""
        self._final = 0
        self._end: asyncio.TimerHandle | None = None

    @property
    def answered(self) -> bool:
        """Whether a final answer was sent."""
        return self._final > 0

    def respond(self, response: Response) -> None:
        """Answer; a second final answer is ignored."""
        if self.answered:
            return
        self._last = message.build(response)
        if response.status < 200:
            self._send(self._last)
            return
        self._final = response.status
        if self._invite:
            self._resender.start(self._last)
        else:
            self._send(self._last)
        self._end = asyncio.get_running_loop().call_later(self._timing.give_up, self._give_up)

    def repeat(self) -> None:
        """The far end sent its request again."""
        if self._last:
            self._send(self._last)

    def acknowledged(self) -> None:
        """The ACK came."""
        self._resender.stop()
        self.on_unacknowledged = None

    def stop(self) -> None:
        """Forget it."""
        self._resender.stop()
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _give_up(self) -> None:
        self.stop()
        unacknowledged = self.on_unacknowledged
        self._on_gone()
        if unacknowledged is not None and 200 <= self._final < 300:
            unacknowledged()
