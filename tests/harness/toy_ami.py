"""A toy AMI server that can be told to misbehave: split bytes, silence, refusal, a cut connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Fields = dict[str, str]
END = b"\r\n\r\n"


def encode(fields: Fields) -> bytes:
    """A message's bytes."""
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"


@dataclass
class ToyAmi:
    """The server as a test sees it: what it does, and what it was sent.

    Attributes:
        secret: the password it takes.
        mute: actions it never answers, in lower case.
        booted: whether it says FullyBooted after a login.
        members: rows of its QueueStatus. channels: of its CoreShowChannels.
        refusal: what it says to a wrong password.
        refused: actions it refuses, in lower case.
    """

    secret: str = "right"
    mute: set[str] = field(default_factory=set)
    booted: bool = True
    members: list[Fields] = field(default_factory=list)
    channels: list[Fields] = field(default_factory=list)
    refusal: str = "Authentication failed"
    refused: set[str] = field(default_factory=set)
    port: int = 0
    actions: list[Fields] = field(default_factory=list)
    logins: int = 0
    _seen: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        try:
            while True:
                block = (await reader.readuntil(END)).decode()
                action = dict(line.split(": ", 1) for line in block.strip().split("\r\n"))
                self.actions.append(action)
                self._seen.set()
                if action["Action"].lower() not in self.mute:
                    self._answer(writer, action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.remove(writer)
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, action: Fields) -> None:
        tag = {"ActionID": action["ActionID"]}
        if action["Action"].lower() in self.refused:
            writer.write(encode({"Response": "Error", **tag, "Message": "Permission denied"}))
            return
        match action["Action"]:
            case "Login":
                self._log_in(writer, action, tag)
            case "QueueStatus":
                writer.write(encode({"Response": "Success", **tag, "EventList": "start", "Message": "will follow"}))
                for row in self.members:
                    writer.write(encode({"Event": "QueueMember", **tag, **row}))
                writer.write(encode({"Event": "QueueStatusComplete", **tag, "EventList": "Complete"}))
            case "CoreShowChannels":
                writer.write(encode({"Response": "Success", **tag, "EventList": "start", "Message": "will follow"}))
                for row in self.channels:
                    writer.write(encode({"Event": "CoreShowChannel", **tag, **row}))
                writer.write(encode({"Event": "CoreShowChannelsComplete", **tag, "EventList": "Complete"}))
            case "QueueAdd":
                message = "Added interface to queue"
                writer.write(encode({"Response": "Success", **tag, "Message": message}))
            case "Refuse":
                writer.write(encode({"Response": "Error", **tag, "Message": "Permission denied"}))
            case _:
                writer.write(encode({"Response": "Success", **tag, "Ping": "Pong"}))

    def _log_in(self, writer: asyncio.StreamWriter, action: Fields, tag: Fields) -> None:
        if action["Secret"] != self.secret:
            writer.write(encode({"Response": "Error", **tag, "Message": self.refusal}))
            return
        self.logins += 1
        writer.write(encode({"Response": "Success", **tag, "Message": "Authentication accepted"}))
        if self.booted:
            writer.write(encode({"Event": "FullyBooted", "Uptime": "5"}))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        for writer in self._writers:
            writer.write(data)

    def tell(self, **fields: str) -> None:
        """Send an event; the first field names it."""
        self.raw(encode({name[0].upper() + name[1:]: value for name, value in fields.items()}))

    async def drain(self) -> None:
        """Wait until what was sent is on its way."""
        for writer in self._writers:
            await writer.drain()

    def cut(self) -> None:
        """Cut every connection."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def got(self, action: str, times: int = 1, timeout_s: float = 10.0) -> list[Fields]:
        """Wait until an action came that many times."""
        async with asyncio.timeout(timeout_s):
            while True:
                found = [a for a in self.actions if a["Action"] == action]
                if len(found) >= times:
                    return found
                self._seen.clear()
                await self._seen.wait()


@asynccontextmanager
async def toy_ami(
    ami: ToyAmi | None = None, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ToyAmi]:
    """A toy AMI on a free port of 127.0.0.1."""
    ami = ami if ami is not None else ToyAmi()
    server = await asyncio.start_server(ami.serve, "127.0.0.1", port, ssl=tls)
    ami.port = server.sockets[0].getsockname()[1]
    try:
        yield ami
    finally:
        server.close()
        ami.cut()
        await server.wait_closed()
