"""The phone: one UDP socket, its transactions, its calls, its registration."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self, assert_never

from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import message
from pbx_bridge.pbx.phone.call import PhoneCall
from pbx_bridge.pbx.phone.dialog import ALLOW, Dialog, from_invite, new_tag, response_to
from pbx_bridge.pbx.phone.digest import Credentials, sign
from pbx_bridge.pbx.phone.message import Headers, Request, Response, Uri
from pbx_bridge.pbx.phone.rtp import RtpStream
from pbx_bridge.pbx.phone.sdp import KeysBy
from pbx_bridge.pbx.phone.transactions import ClientTransaction, ServerTransaction, Timing

_LEAVE_S = 2.0  # how long closing the phone waits for the far ends to agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Ring, then answer after that many seconds."""

    after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Refuse with a SIP status."""

    status: int = 486


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """Ring until somebody calls `answer` or `reject` on the call."""


OnInvite = Answer | Reject | Ring


class Phone:
    """A phone with one number: an async context manager that holds its socket and its tasks.

    Args:
        local_host: address of ours it binds.
        local_port: where it listens; 0 for a free port.
        from_number: its number, as From tells it and as it registers.
        display_name: the name shown to the called party.
        keys: how keys travel.
        on_invite: what it does when called; may be changed at any time.
        timing: SIP's timers; tests shorten them.
        far_host: address of the far end of every call it places, SIP and RTP, in place of the one that end tells. A
            PBX in a container or behind a router tells that by which others reach it.

    Leaving the context hangs up every call, takes back the registration and closes the socket.
    """

    def __init__(
        self,
        *,
        local_host: str = "127.0.0.1",
        local_port: int = 0,
        from_number: str,
        display_name: str = "",
        keys: KeysBy = KeysBy.RTP,
        on_invite: OnInvite | None = None,
        timing: Timing | None = None,
        far_host: str = "",
    ) -> None:
        self.on_invite: OnInvite = on_invite if on_invite is not None else Reject(status=480)
        self.incoming: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._host, self._display, self._keys, self._far_host = local_host, display_name, keys, far_host
        self._user = message.user_part(from_number)
        self._timing = timing if timing is not None else Timing()
        self._credentials: Credentials | None = None
        self._registered: tuple[Uri, Credentials] | None = None
        self._here = (local_host, local_port)
        self._socket: asyncio.DatagramTransport | None = None
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str], ServerTransaction] = {}
        self._calls: dict[tuple[str, str], PhoneCall] = {}
        self._pumps: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._stack = AsyncExitStack()
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        socket, _ = await loop.create_datagram_endpoint(lambda: _Socket(self._receive), local_addr=self._here)
        self._socket = socket
        self._here = (self._host, int(socket.get_extra_info("sockname")[1]))
        await self._stack.enter_async_context(self._group)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for call in tuple(self._calls.values()):
                await call.hang_up(_LEAVE_S)
            with suppress(PhoneError, TimeoutError):
                async with asyncio.timeout(_LEAVE_S):
                    await self.unregister()
        finally:
            for client in self._clients.values():
                client.stop()
            for server in self._servers.values():
                server.stop()
            for task in tuple(self._tasks):
                task.cancel()
            await self._stack.__aexit__(None, None, None)
            if self._socket is not None:
                self._socket.close()

    @property
    def here(self) -> tuple[str, int]:
        """The address and port it listens on."""
        return self._here

    async def dial(self, uri: str) -> PhoneCall:
        """Start a call to `sip:number@host:port`; returns at once, wait on the call. Raises PhoneError."""
        target = message.parse_uri(uri)
        if target is None:
            raise PhoneError(f"{uri!r} is no SIP address")
        dialog = Dialog(
            call_id=f"{secrets.token_hex(12)}@{self._host}",
            local=message.address(
                f"sip:{self._user}@{self._host}:{self._here[1]}", display=self._display, tag=new_tag()
            ),
            remote=message.address(str(target)),
            target=str(target),
            here=self._here,
            user=self._user,
            far_host=self._far_host,
        )
        call = await self._make_call(dialog)
        call.invite()
        return call

    async def call(self, uri: str, timeout_s: float = 10.0) -> PhoneCall:
        """Call and wait for the answer. Raises PhoneError if there is none in `timeout_s`."""
        call = await self.dial(uri)
        try:
            await call.answered(timeout_s)
        except PhoneError:
            await call.hang_up(_LEAVE_S)
            raise
        return call

    async def rung(self, timeout_s: float = 10.0) -> PhoneCall:
        """The next incoming call. Raises PhoneError at the deadline."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self.incoming.get()
        except TimeoutError:
            raise PhoneError(f"nobody called within {timeout_s:g} s") from None

    async def register(self, registrar: str, password: str, *, user: str = "", expires_s: int = 3600) -> None:
        """Register at `sip:host:port`, and answer its challenges from now on; it is not renewed.

        Raises PhoneError with the status of a refusal.
        """
        uri = message.parse_uri(registrar)
        if uri is None:
            raise PhoneError(f"{registrar!r} is no SIP address")
        credentials = Credentials(user=user or self._user, password=password)
        await self._register(uri, credentials, expires_s)
        self._credentials, self._registered = credentials, (uri, credentials)

    async def unregister(self) -> None:
        """Take the registration back; nothing happens if there is none."""
        if self._registered is not None:
            (uri, credentials), self._registered = self._registered, None
            await self._register(uri, credentials, 0)

    async def _register(self, registrar: Uri, credentials: Credentials, expires_s: int) -> None:
        me = f"sip:{self._user}@{registrar.host}:{registrar.port}"
        dialog = Dialog(
            call_id=f"{secrets.token_hex(12)}@{self._host}",
            local=message.address(me, tag=new_tag()),
            remote=message.address(me),
            target=f"sip:{registrar.host}:{registrar.port}",
            here=self._here,
            user=self._user,
        )
        expires: Headers = (("Expires", str(expires_s)),)
        response = await self._asked(dialog.request("REGISTER", extra=expires), registrar)
        if response.status == 401:
            signed = sign(response, credentials, method="REGISTER", uri=dialog.target, cnonce=new_tag())
            if signed is not None:
                response = await self._asked(dialog.request("REGISTER", extra=(*expires, *signed)), registrar)
        if response.status >= 300:
            raise PhoneError(f"the registrar refused: {response.status} {response.reason}", response.status)

    async def _asked(self, request: Request, hop: Uri) -> Response:
        answer: asyncio.Future[Response | None] = asyncio.get_running_loop().create_future()

        def on_response(response: Response | None) -> None:
            if not answer.done() and (response is None or response.status >= 200):
                answer.set_result(response)

        self.ask(request, hop, on_response)
        response = await answer
        if response is None:
            raise PhoneError(f"no answer to {request.method} from {hop.host}:{hop.port}", 408)
        return response

    # What calls need of their phone (call.Wire)

    def ask(self, request: Request, hop: Uri, on_response: Callable[[Response | None], None]) -> None:
        """Send a request; its answers are called back, None for a time-out."""
        key = (message.branch(request), request.method)
        transaction = ClientTransaction(
            request, self._sender(hop.destination), self._timing, on_response, lambda: self._forget_client(key)
        )
        self._clients[key] = transaction
        transaction.start()

    def tell(self, request: Request, hop: Uri) -> None:
        """Send a request that has no answer: an ACK."""
        self._sender(hop.destination)(message.build(request))

    def over(self, call: PhoneCall) -> None:
        """A call has ended."""
        key = (call.dialog.call_id, call.dialog.local_tag)
        self._calls.pop(key, None)
        pump = self._pumps.pop(key, None)
        if pump is not None:
            pump.cancel()

    # The socket

    def _sender(self, destination: tuple[str, int]) -> Callable[[bytes], None]:
        def send(data: bytes) -> None:
            if self._socket is not None and not self._socket.is_closing():
                self._socket.sendto(data, destination)

        return send

    def _receive(self, data: bytes, source: tuple[str, int]) -> None:
        match message.parse(data):
            case Response() as response:
                transaction = self._clients.get((message.branch(response), message.cseq(response)[1]))
                if transaction is not None:
                    transaction.receive(response)
            case Request(method="ACK") as ack:
                self._on_ack(ack)
            case Request() as request:
                self._on_request(request, source)
            case None:
                pass  # no SIP message: not ours to answer
            case _ as never:
                assert_never(never)

    def _on_ack(self, ack: Request) -> None:
        refused = self._servers.get((message.branch(ack), "INVITE"))
        if refused is not None:
            refused.acknowledged()
        call = self._call_of(ack)
        if call is not None:
            call.acknowledged()

    def _on_request(self, request: Request, source: tuple[str, int]) -> None:
        key = (message.branch(request), request.method)
        known = self._servers.get(key)
        if known is not None:
            known.repeat()
            return
        if not key[0] or message.cseq(request)[1] != request.method:
            return  # nothing that could be answered
        call = self._call_of(request)
        unacknowledged = call.unacknowledged if call is not None and request.method == "INVITE" else None
        transaction = ServerTransaction(
            request, self._sender(source), self._timing, lambda: self._forget_server(key), unacknowledged
        )
        self._servers[key] = transaction
        self._dispatch(request, transaction, call)

    def _dispatch(self, request: Request, transaction: ServerTransaction, call: PhoneCall | None) -> None:
        in_dialog = bool(message.parse_address(message.header(request, "to")).tag)
        if request.method == "CANCEL":
            self._on_cancel(request, transaction)
        elif call is not None:
            call.receive(request, transaction)
        elif in_dialog and request.method != "NOTIFY":
            transaction.respond(response_to(request, 481, "Call/Transaction Does Not Exist"))
        elif request.method == "INVITE":
            self._on_invite(request, transaction)
        elif request.method in ("OPTIONS", "NOTIFY"):
            transaction.respond(response_to(request, 200, "OK", extra=(("Allow", ALLOW),)))
        else:
            transaction.respond(response_to(request, 405, "Method Not Allowed", extra=(("Allow", ALLOW),)))

    def _on_cancel(self, request: Request, transaction: ServerTransaction) -> None:
        invite = self._servers.get((message.branch(request), "INVITE"))
        if invite is None:
            transaction.respond(response_to(request, 481, "Call/Transaction Does Not Exist"))
            return
        transaction.respond(response_to(request, 200, "OK"))
        for call in tuple(self._calls.values()):
            if call.dialog.call_id == message.header(request, "call-id"):
                call.cancelled()
        invite.respond(response_to(invite.request, 487, "Request Terminated"))

    def _on_invite(self, request: Request, transaction: ServerTransaction) -> None:
        match self.on_invite:
            case Reject(status=status):
                transaction.respond(
                    response_to(request, status, "Refused", to=from_invite(request, self._here).local)
                )
            case Answer() | Ring() as policy:
                transaction.respond(response_to(request, 100, "Trying"))
                _ = self._spawn(self._take(request, transaction, policy), "phone-incoming")
            case _ as never:
                assert_never(never)

    async def _take(self, request: Request, transaction: ServerTransaction, policy: Answer | Ring) -> None:
        call = await self._make_call(from_invite(request, self._here))
        transaction.on_unacknowledged = call.unacknowledged
        call.offered(transaction, ring=True)
        if transaction.answered:  # taken back while we opened our audio socket
            call.cancelled()
            return
        self.incoming.put_nowait(call)
        if isinstance(policy, Answer):
            await asyncio.sleep(policy.after_s)
            call.answer()

    async def _make_call(self, dialog: Dialog) -> PhoneCall:
        stream = RtpStream()
        port = await stream.open(self._host)
        call = PhoneCall(self, dialog, stream, port, self._keys, self._credentials)
        key = (dialog.call_id, dialog.local_tag)
        self._calls[key] = call
        self._pumps[key] = self._spawn(stream.pump(), "phone-rtp")
        return call

    def _call_of(self, request: Request) -> PhoneCall | None:
        tag = message.parse_address(message.header(request, "to")).tag
        return self._calls.get((message.header(request, "call-id"), tag))

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _forget_client(self, key: tuple[str, str]) -> None:
        self._clients.pop(key, None)

    def _forget_server(self, key: tuple[str, str]) -> None:
        self._servers.pop(key, None)


class _Socket(asyncio.DatagramProtocol):
    """Hands every datagram on; ICMP errors are left to the transactions' timers."""

    def __init__(self, receive: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, addr)
