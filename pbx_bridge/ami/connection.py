"""One AMI connection, from connect to lost. The only file that knows panoramisk.

panoramisk 1.4 parses messages and pairs answers with actions; everything else of it is replaced here, because:

1. it decodes each TCP segment by itself and so loses a letter split between two: we decode incrementally;
2. its async callbacks run as loose tasks, out of order: we take each event synchronously into one queue;
3. it sends an unanswered action again after a reconnect: we fail it when the connection is lost;
4. it never notices an unanswered ping or action: every wait here has a deadline;
5. its `close` leaves a reconnect pending: this never reconnects, its owner makes a new one;
6. its messages are slow to make: an event that answers nobody is taken apart here.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from pbx_bridge.errors import AmiRefused, AmiUnavailable, AsteriskError
from pbx_bridge.tls import Trust

Fields = dict[str, str]

_PAUSE_AT = 2000  # events waiting: stop reading, and with it Asterisk's sending
_RESUME_AT = 200
_LONGEST_MESSAGE = 1 << 20
_END = "\r\n\r\n"  # of a message
_silent = logging.getLogger(f"{__name__}.panoramisk")
_silent.disabled = True  # it logs whole actions, the login's secret among them


class _Factory:
    """What panoramisk's protocol expects of its manager; nothing of it acts."""

    forgetable_actions: tuple[str, ...] = ()
    save_stream = None

    def __init__(self) -> None:
        self.awaiting_actions: deque[Any] = deque()

    def dispatch(self, event: Any) -> None:
        """Events are taken in `_Protocol.handle_message`, in the order they came."""

    def connection_lost(self, exc: Any) -> None:
        """Told by `_Protocol.close`."""


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """panoramisk's parser with the repairs named above."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Fields | None] = asyncio.Queue()  # bounded by pausing the socket
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # what came of a message so far
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory, self.log, self.encoding = _Factory(), _silent, "utf8"

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        *messages, self._rest = (self._rest + self._decoder.decode(data)).split(_END)
        for text in messages:
            if _is_plain_event(text):
                self._take(_fields_of(text))
            elif (message := Message.from_line(text.strip())) is not None:
                self.handle_message(message)
        if len(self._rest) > _LONGEST_MESSAGE:
            self.close()

    def handle_message(self, message: Any) -> None:
        _name_once(message)
        if "event" in message:
            self._take(_fields(message))
        super().handle_message(message)

    def _take(self, event: Fields) -> None:
        if self.closed:
            return
        self.inbox.put_nowait(event)
        if self.inbox.qsize() >= _PAUSE_AT and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    async def next_event(self) -> Fields | None:
        event = await self.inbox.get()
        if self._paused and self.inbox.qsize() <= _RESUME_AT and not self.closed:
            self._paused = False
            self.transport.resume_reading()
        return event

    def forget(self, action: Any) -> None:
        for key in (action.id, action.action_id):
            self.responses.pop(key, None)

    def close(self) -> None:
        if self.closed:
            return
        for action in self.responses.values():
            if not action.future.done():
                action.future.set_exception(AmiUnavailable("the AMI connection was lost"))
        self.responses.clear()
        super().close()
        self.transport.abort()  # a frozen far end never takes what a plain close would still send
        self.inbox.put_nowait(None)


class AmiConnection:
    """A logged-in AMI connection. Make it with `open`; when it is lost, it stays lost."""

    def __init__(self, protocol: Any, deadline_s: float) -> None:
        self._protocol, self._deadline_s = protocol, deadline_s

    @classmethod
    async def open(
        cls, host: str, port: int, user: str, secret: str, *, deadline_s: float = 5.0, trust: Trust | None = None
    ) -> Self:
        """Connect and log in, over TLS if there is somebody to trust.

        Raises:
            AmiUnavailable: nobody listens, no answer within `deadline_s`, or it is not who we trust.
            AmiRefused: wrong user or secret.
            SettingsError: what we trust cannot be read.
        """
        loop, context = asyncio.get_running_loop(), trust.context if trust is not None else None
        try:
            async with asyncio.timeout(deadline_s):
                transport, protocol = await loop.create_connection(_Protocol, host, port, ssl=context)
        except TimeoutError as error:
            raise AmiUnavailable(f"no AMI at {host}:{port}: no answer") from error
        except OSError as error:
            reason = trust.reason(error) if trust is not None else str(error)
            raise AmiUnavailable(f"no AMI at {host}:{port}: {reason}") from error
        connection = cls(protocol, deadline_s)
        try:
            _check_certificate(transport, trust, f"{host}:{port}")
            await connection._log_in(user, secret)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _log_in(self, user: str, secret: str) -> None:
        try:
            await self.send("Login", {"Username": user, "Secret": secret, "Events": "on"})
        except AsteriskError as error:
            # Other refusals pass by themselves, e.g. "Asterisk is shutting down".
            if "Authentication failed" in str(error):
                raise AmiRefused(f"AMI refused user {user!r}: wrong user or password") from error
            raise

    async def send(
        self, action: str, fields: Mapping[str, str] | None = None, deadline_s: float | None = None
    ) -> Fields:
        """Send an action and wait for its answer; it is never sent twice. Field names of the answer are lower case.

        A list that follows the answer comes as events.

        Raises:
            AmiUnavailable: the connection is or gets lost, or no answer came in time.
            AsteriskError: Asterisk answered with an error; the message is Asterisk's.
            ValueError: a name or value holds CR, LF or NUL, or cannot be written in UTF-8.
        """
        told = {"Action": action, **(fields or {})}
        _check(told)
        if self._protocol.closed:
            raise AmiUnavailable("the AMI connection is closed")
        # as_list is told: left to itself panoramisk waits for ever for the rest of some answers (QueueAdd).
        sent = Action(told, as_list=False)
        try:
            async with asyncio.timeout(self._deadline_s if deadline_s is None else deadline_s):
                answer = await self._protocol.send(sent, as_list=False)
        except TimeoutError:
            raise AmiUnavailable(f"AMI did not answer {action} in time") from None
        finally:
            self._protocol.forget(sent)
        if not answer.success:
            raise AsteriskError(f"AMI refused {action}: {answer.message}")
        return _fields(answer)

    async def event(self) -> Fields | None:
        """The next event in the order they came, field names in lower case; None when the connection is lost."""
        event: Fields | None = await self._protocol.next_event()
        return event

    def close(self) -> None:
        """End it at once; waiting actions fail with AmiUnavailable."""
        self._protocol.close()


def _check_certificate(transport: asyncio.BaseTransport, trust: Trust | None, where: str) -> None:
    """Before anything is sent, the password above all. Raises AmiUnavailable."""
    if trust is None:
        return
    if reason := trust.check(transport.get_extra_info("ssl_object").getpeercert(binary_form=True)):
        raise AmiUnavailable(f"no AMI at {where}: {reason}")


def _name_once(message: Any) -> None:
    """A field that comes more than once keeps its first value: none of ours may, and panoramisk stumbles over it."""
    for name, value in list(message.items()):
        if isinstance(value, list):
            message[name] = value[0]


def _is_plain_event(text: str) -> bool:
    """An event that answers no action: nothing of panoramisk is needed for it, which takes ten times as long."""
    return text.startswith("Event: ") and not text.startswith("Event: Shutdown") and "ActionID: " not in text


def _fields_of(text: str) -> Fields:
    fields: Fields = {}
    for line in text.split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon:
            fields.setdefault(name.lower(), value)
    return fields


def _fields(message: Any) -> Fields:
    return {name.lower(): str(value) for name, value in message.items()}


def _check(fields: Mapping[str, str]) -> None:
    for name, value in fields.items():
        if any(c in "\r\n\0" for c in name + value) or ":" in name or not name:
            raise ValueError(f"the AMI field {name!r} holds a line break")
        value.encode()  # UnicodeEncodeError is a ValueError
