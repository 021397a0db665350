"""One call of our phone, from either side: its SIP state, its audio, its keys, its end."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import message, sdp
from pbx_bridge.pbx.phone.dialog import ALLOW, Dialog, new_branch, response_to
from pbx_bridge.pbx.phone.digest import Credentials, sign
from pbx_bridge.pbx.phone.message import Address, Headers, Request, Response, Uri
from pbx_bridge.pbx.phone.rtp import Heard, RtpStream
from pbx_bridge.pbx.phone.sdp import KeysBy
from pbx_bridge.pbx.phone.transactions import ServerTransaction

_SDP: Headers = (("Content-Type", "application/sdp"),)


class CallState(enum.Enum):
    """How far a call has come."""

    CALLING = "calling"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a call is over. `by` is `us`, `them` or `network`; `status` the SIP status that said so, else 0."""

    by: str
    status: int = 0
    reason: str = ""


class Wire(Protocol):
    """What a call needs of its phone."""

    def ask(self, request: Request, hop: Uri, on_response: Callable[[Response | None], None]) -> None:
        """Send a request; its answers are called back, None for a time-out."""

    def tell(self, request: Request, hop: Uri) -> None:
        """Send a request that has no answer: an ACK."""

    def over(self, call: PhoneCall) -> None:
        """The call has ended."""


class PhoneCall:
    """A call. Made by `Phone.dial` or by an INVITE; every wait takes a deadline and raises PhoneError at it."""

    def __init__(
        self, wire: Wire, dialog: Dialog, stream: RtpStream, port: int, keys: KeysBy, credentials: Credentials | None
    ) -> None:
        self.dialog = dialog
        self.state = CallState.CALLING
        self.ending: Ending | None = None
        self._wire, self._stream, self._port, self._keys, self._credentials = wire, stream, port, keys, credentials
        self._session, self._version = secrets.randbelow(1 << 31), 0
        self._changed = asyncio.Event()
        self._invite: Request | None = None  # ours
        self._offered: ServerTransaction | None = None  # theirs, until it is answered and acknowledged
        self._provisional = self._leaving = self._cancelled = self._signed = False
        self._ack: Request | None = None

    # What a caller of the phone sees

    @property
    def far(self) -> Address:
        """The other party, as SIP names it: hostile text."""
        return message.parse_address(self.dialog.remote)

    @property
    def heard(self) -> Heard:
        """What came in."""
        return self._stream.heard

    def record(self) -> None:
        """Keep the audio that comes in from now on."""
        self._stream.heard.recording = True

    def speak(self) -> None:
        """Send a tone from now on, where silence went."""
        self._stream.speaking = True

    def hush(self) -> None:
        """Send silence again."""
        self._stream.speaking = False

    async def ringing(self, timeout_s: float = 10.0) -> None:
        """Wait until the far end rings or answers. Raises PhoneError if it refuses, or at the deadline."""
        await self._until(lambda: self.state is not CallState.CALLING, timeout_s, "no ringing")
        self._refuse_ended()

    async def answered(self, timeout_s: float = 10.0) -> None:
        """Wait until the far end answers. Raises PhoneError if it refuses, or at the deadline."""
        done = (CallState.ANSWERED, CallState.ENDED)
        await self._until(lambda: self.state in done, timeout_s, "no answer")
        self._refuse_ended()

    async def ended(self, timeout_s: float = 60.0) -> Ending:
        """Wait until the call is over. Raises PhoneError at the deadline."""
        await self._until(lambda: self.ending is not None, timeout_s, "the call goes on")
        return self.ending or Ending(by="network")

    async def press(self, keys: str, *, tone_s: float = 0.1, gap_s: float = 0.1) -> None:
        """Press keys one after the other. Raises PhoneError if they cannot be sent."""
        if self._keys is KeysBy.RTP:
            await self._stream.press(keys, tone_s=tone_s, gap_s=gap_s)
            return
        for key in keys:
            body = f"Signal={key}\r\nDuration={round(tone_s * 1000)}\r\n".encode()
            response = await self._request("INFO", (("Content-Type", "application/dtmf-relay"),), body)
            if response is None or response.status >= 300:
                raise PhoneError("the far end takes no keys by SIP INFO", response.status if response else 0)
            await asyncio.sleep(gap_s)

    async def hang_up(self, timeout_s: float = 5.0) -> None:
        """End the call, whatever its state, and wait for the far end to agree; returns at the deadline anyway."""
        match self.state:
            case CallState.ANSWERED:
                await self._bye(timeout_s)
            case CallState.CALLING | CallState.RINGING:
                self._leave()
                try:
                    await self.ended(timeout_s)
                except PhoneError:
                    self._end(Ending(by="us", reason="no answer to CANCEL"))
            case CallState.ENDED:
                pass

    async def hold(self) -> None:
        """Put the far end on hold. Raises PhoneError if it refuses."""
        await self._reinvite("sendonly")

    async def resume(self) -> None:
        """Take the far end from hold. Raises PhoneError if it refuses."""
        await self._reinvite("sendrecv")

    def answer(self) -> None:
        """Answer an incoming call; nothing happens if it is over or answered."""
        if self._offered is None or self.state not in (CallState.CALLING, CallState.RINGING):
            return
        self._respond(self._offered, 200, "OK", extra=_SDP, body=self._describe("sendrecv"))
        self._set(CallState.ANSWERED)

    def reject(self, status: int = 486) -> None:
        """Refuse an incoming call with that SIP status."""
        if self._offered is not None and self.state in (CallState.CALLING, CallState.RINGING):
            self._respond(self._offered, status, "Busy Here" if status == 486 else "Refused")
            self._end(Ending(by="us", status=status))

    def redirect(self, uri: str) -> None:
        """Refuse an incoming call with 302: whoever calls shall try that address."""
        if self._offered is not None and self.state in (CallState.CALLING, CallState.RINGING):
            to = self.dialog.local
            contact: Headers = (("Contact", f"<{uri}>"),)
            self._offered.respond(response_to(self._offered.request, 302, "Moved Temporarily", to=to, extra=contact))
            self._end(Ending(by="us", status=302))

    async def transfer(self, refer_to: str) -> int:
        """Ask the far end to go elsewhere by REFER (RFC 3515); the status of its answer, 0 if none came."""
        headers: Headers = (("Refer-To", f"<{refer_to}>"), ("Referred-By", self.dialog.contact))
        response = await self._request("REFER", headers)
        return response.status if response is not None else 0

    # Outgoing

    def invite(self) -> None:
        """Send the INVITE: once, by the phone."""
        self._send_invite(())

    def _send_invite(self, extra: Headers) -> None:
        hop = self.dialog.next_hop()
        if hop is None:
            raise PhoneError(f"{self.dialog.target!r} is no SIP address")
        self._invite = self.dialog.request("INVITE", extra=(*_SDP, *extra), body=self._describe("sendrecv"))
        self._wire.ask(self._invite, hop, self._on_invite_answer)

    def _on_invite_answer(self, response: Response | None) -> None:
        if response is None:
            self._end(Ending(by="network", status=408, reason="no answer to INVITE"))
        elif response.status < 200:
            self._on_provisional(response)
        elif response.status < 300:
            self._on_accepted(response)
        elif response.status in (401, 407) and self._credentials is not None and not self._signed:
            self._sign_in(response, self._credentials)
        else:
            self._end(Ending(by="us" if self._leaving else "them", status=response.status, reason=response.reason))

    def _on_provisional(self, response: Response) -> None:
        self._provisional = True
        self.dialog.early_tag = message.parse_address(message.header(response, "to")).tag
        if response.status >= 180 and self.state is CallState.CALLING:
            self._set(CallState.RINGING)
        self._listen(response.body)
        if self._leaving:
            self._cancel()

    def _on_accepted(self, response: Response) -> None:
        number, _ = message.cseq(response)
        if self._ack is None:
            self.dialog.establish(response)
            self._ack = self.dialog.ack(number)
            self._acknowledge()
            if self._leaving or not self._listen(response.body):
                self._end(Ending(by="us", reason="left" if self._leaving else "no audio in the answer"), bye=True)
            else:
                self._set(CallState.ANSWERED)
        elif message.parse_address(message.header(response, "to")).tag == self.dialog.remote_tag:
            self._acknowledge()

    def _acknowledge(self) -> None:
        hop = self.dialog.next_hop()
        if hop is not None and self._ack is not None:
            self._wire.tell(self._ack, hop)

    def _sign_in(self, response: Response, credentials: Credentials) -> None:
        self._signed = True
        extra = sign(response, credentials, method="INVITE", uri=self.dialog.target, cnonce=new_branch())
        if extra is None:
            self._end(Ending(by="them", status=response.status, reason="it asks for a sign-in we do not know"))
        else:
            self._send_invite(extra)

    def _leave(self) -> None:
        self._leaving = True
        if self._offered is not None:
            self.reject(480)
        elif self._provisional:
            self._cancel()

    def _cancel(self) -> None:
        hop = self.dialog.next_hop()
        if self._invite is None or hop is None or self._cancelled:
            return
        number, _ = message.cseq(self._invite)
        kept = [
            (n, v) for n, v in self._invite.headers if n in ("Via", "Max-Forwards", "From", "To", "Call-ID", "Route")
        ]
        headers = (*kept, ("CSeq", f"{number} CANCEL"))
        self._cancelled = True
        self._wire.ask(Request(method="CANCEL", uri=self._invite.uri, headers=headers), hop, lambda _: None)

    # Incoming

    def offered(self, transaction: ServerTransaction, *, ring: bool) -> None:
        """Take the INVITE that made this call."""
        self._offered = transaction
        self._listen(transaction.request.body)
        if ring:
            self._respond(transaction, 180, "Ringing")
            self._set(CallState.RINGING)

    def receive(self, request: Request, transaction: ServerTransaction) -> None:
        """Take a request inside this dialog (no ACK, no CANCEL)."""
        number, _ = message.cseq(request)
        if number <= self.dialog.received:
            self._respond(transaction, 500, "Out of order")
            return
        self.dialog.received = number
        match request.method:
            case "BYE":
                self._respond(transaction, 200, "OK")
                self._end(Ending(by="them"))
            case "INVITE":
                self._on_reinvite(request, transaction)
            case "INFO" | "NOTIFY" | "OPTIONS":
                self._take_info(request)
                self._respond(transaction, 200, "OK")
            case _:
                self._respond(transaction, 405, "Method Not Allowed", extra=(("Allow", ALLOW),))

    def acknowledged(self) -> None:
        """The ACK to our 2xx came."""
        if self._offered is not None:
            self._offered.acknowledged()

    def cancelled(self) -> None:
        """The far end took its INVITE back."""
        if self._offered is not None and self.state in (CallState.CALLING, CallState.RINGING):
            self._respond(self._offered, 487, "Request Terminated")
            self._end(Ending(by="them", status=487, reason="cancelled"))

    def unacknowledged(self) -> None:
        """Our 2xx was never acknowledged: RFC 3261 13.3.1.4 asks for a BYE."""
        self._end(Ending(by="network", reason="no ACK"), bye=True)

    def _on_reinvite(self, request: Request, transaction: ServerTransaction) -> None:
        self._offered = transaction
        self._listen(request.body)
        offered = sdp.parse(request.body)
        direction = "sendrecv" if offered is None or offered.sends else "sendonly"
        self._respond(transaction, 200, "OK", extra=_SDP, body=self._describe(direction))

    def _take_info(self, request: Request) -> None:
        if request.method == "INFO" and "dtmf-relay" in message.header(request, "content-type").lower():
            for line in request.body.decode("ascii", "replace").splitlines():
                name, _, value = line.partition("=")
                if name.strip().lower() == "signal":
                    self.heard.keys += value.strip()[:1]

    # Both

    def _respond(
        self, transaction: ServerTransaction, status: int, reason: str, *, extra: Headers = (), body: bytes = b""
    ) -> None:
        headers = (("Contact", self.dialog.contact), *extra)
        transaction.respond(
            response_to(transaction.request, status, reason, to=self.dialog.local, extra=headers, body=body)
        )

    def _describe(self, direction: str) -> bytes:
        self._version += 1
        return sdp.describe(
            self.dialog.here[0],
            self._port,
            keys=self._keys,
            session=self._session,
            version=self._version,
            direction=direction,
        )

    def _listen(self, body: bytes) -> bool:
        far = sdp.parse(body) if body else None
        if far is not None:
            self._stream.towards(replace(far, host=self.dialog.far_host or far.host))
        return far is not None

    async def _reinvite(self, direction: str) -> None:
        response = await self._request("INVITE", _SDP, self._describe(direction))
        if response is None or response.status >= 300:
            raise PhoneError("the far end refused to change the call", response.status if response else 0)

    async def _request(self, method: str, extra: Headers = (), body: bytes = b"") -> Response | None:
        """Ask inside the dialog; the final answer, None at a time-out. Raises PhoneError if the call is over."""
        if self.state is not CallState.ANSWERED:
            raise PhoneError(f"the call is {self.state.value}")
        answer: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()
        hop = self.dialog.next_hop()
        if hop is None:
            raise PhoneError(f"{self.dialog.target!r} is no SIP address")

        def on_response(response: Response | None) -> None:
            if response is not None and response.status < 200:
                return
            if response is not None and method == "INVITE" and response.status < 300:
                self._wire.tell(self.dialog.ack(message.cseq(response)[0]), hop)
                self._listen(response.body)
            if not answer.done():
                answer.set_result(response)

        self._wire.ask(self.dialog.request(method, extra=extra, body=body), hop, on_response)
        return await answer

    async def _bye(self, timeout_s: float) -> None:
        if self._leaving:
            return
        self._leaving = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._request("BYE")
        self._end(Ending(by="us"))

    def _end(self, ending: Ending, *, bye: bool = False) -> None:
        if self.ending is not None:
            return
        hop = self.dialog.next_hop()
        if bye and hop is not None:
            self._wire.ask(self.dialog.request("BYE"), hop, lambda _: None)
        self.ending = ending
        self._stream.close()
        self._set(CallState.ENDED)
        self._wire.over(self)

    def _set(self, state: CallState) -> None:
        self.state = state
        self._changed.set()

    def _refuse_ended(self) -> None:
        if self.ending is not None:
            told = f"{self.ending.status} {self.ending.reason}".strip("0 ") or "hung up"
            raise PhoneError(f"the call ended: {told}", self.ending.status)

    async def _until(self, done: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise PhoneError(f"{otherwise} within {timeout_s:g} s") from None
