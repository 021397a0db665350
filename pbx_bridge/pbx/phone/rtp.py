"""RTP of one G.711 call (RFC 3550), with keys as telephone events (RFC 4733).

Sends 20 ms of silence at a time, because a far end that hears nothing waits for it (Asterisk's Answer up to
0.5 s); counts what arrives and keeps it when asked to.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import wave
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from pbx_bridge.errors import PhoneError
from pbx_bridge.pbx.phone import g711
from pbx_bridge.pbx.phone.sdp import PCMA, PCMU, TELEPHONE_EVENT, Media

PACKET_S = 0.02
SAMPLES = 160  # in one packet of 20 ms at 8 kHz
_EVENTS = "0123456789*#ABCD"
_END_PACKETS = 3  # RFC 4733 2.5.1.4: the end is told three times
_VOLUME = 10  # -10 dBm0
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_LONGEST_GAP = 8000 * 600  # a jump of the clock by more than ten minutes is not silence to be filled in
_MOST_KEPT = 8000 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One RTP packet."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def build(packet: Packet) -> bytes:
    """The datagram of a packet."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    return _HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


def parse(datagram: bytes) -> Packet | None:
    """The packet in a datagram; None for anything that is not RTP version 2."""
    if len(datagram) < _HEADER.size or datagram[0] >> 6 != 2:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
    start = _HEADER.size + 4 * (first & 15)
    if first & 0x10:
        if len(datagram) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4])
    end = len(datagram) - (datagram[-1] if first & 0x20 else 0)
    if start > end:
        return None
    return Packet(
        payload_type=second & 0x7F,
        marker=bool(second & 0x80),
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=datagram[start:end],
    )


@dataclass(slots=True)
class Heard:
    """What arrived on a call: counts always, audio only while it is recorded."""

    packets: int = 0
    keys: str = ""
    recording: bool = False
    _audio: list[tuple[int, int, int, bytes]] = field(default_factory=list)
    _kept: int = 0
    _last_event: int | None = None

    def take(self, packet: Packet, events: int) -> None:
        """Count a packet; keep its audio or its key."""
        self.packets += 1
        if packet.payload_type == events:
            self._take_event(packet)
        elif self.recording and packet.payload_type in (PCMA, PCMU) and self._kept < _MOST_KEPT:
            self._kept += len(packet.payload)
            self._audio.append((packet.ssrc, packet.timestamp, packet.payload_type, packet.payload))

    def _take_event(self, packet: Packet) -> None:
        if len(packet.payload) >= _EVENT.size and packet.timestamp != self._last_event:
            self._last_event = packet.timestamp
            event = packet.payload[0]
            self.keys += _EVENTS[event] if event < len(_EVENTS) else ""

    def samples(self) -> bytes:
        """The recorded audio as little-endian 16-bit samples at 8 kHz; gaps in the far end's clock are silence."""
        pieces, expected, source = [], None, None
        for ssrc, timestamp, payload_type, payload in self._audio:
            gap = (timestamp - expected) & 0xFFFFFFFF if expected is not None and ssrc == source else 0
            if gap < _LONGEST_GAP:
                pieces.append(bytes(2 * gap))
            pieces.append((g711.alaw_to_linear if payload_type == PCMA else g711.ulaw_to_linear)(payload))
            expected, source = (timestamp + len(payload)) & 0xFFFFFFFF, ssrc
        return b"".join(pieces)

    def save(self, path: Path) -> None:
        """Write the recorded audio as a wav file."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(self.samples())


@dataclass(slots=True)
class _Key:
    """A key being pressed: its event code, how many packets it lasts, and who waits for its end."""

    code: int
    packets: int
    gap: int
    done: asyncio.Future[None]
    sent: int = 0
    begun_at: int = 0


class RtpStream(asyncio.DatagramProtocol):
    """One RTP socket: open it, tell it the far end with `towards`, and run `pump` as a task."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.speaking = False  # a tone goes out instead of silence
        self._far: Media | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._keys: deque[_Key] = deque()
        self._sequence = secrets.randbelow(1 << 16)
        self._timestamp = secrets.randbelow(1 << 32)
        self._ssrc = secrets.randbelow(1 << 32)
        self._first = True
        self._ready = asyncio.Event()

    async def open(self, host: str) -> int:
        """Bind a free port of `host`; returns it."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Close the socket; keys not sent yet are given up."""
        if self._transport is not None:
            self._transport.close()
        for key in self._keys:
            if not key.done.done():
                key.done.set_exception(PhoneError("the call ended before every key was sent"))
        self._keys.clear()

    def towards(self, far: Media) -> None:
        """Send to that place from now on."""
        self._far = far
        self._ready.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a packet from the far end."""
        packet = parse(data)
        if packet is not None:
            self.heard.take(packet, TELEPHONE_EVENT)

    def error_received(self, exc: Exception) -> None:
        """A closed far port answers with ICMP errors; the signalling tells when a call is over."""

    async def pump(self) -> None:
        """Send a packet each 20 ms for ever; the task's owner cancels it."""
        await self._ready.wait()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._send_next()
            due += PACKET_S
            late = loop.time() - due
            if late > 1.0:  # the process was stopped: do not send the past in one burst
                due += late
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def press(self, keys: str, *, tone_s: float = 0.1, gap_s: float = 0.1) -> None:
        """Send keys one after the other; returns when the last one has been let go.

        Raises:
            PhoneError: an unknown key, a far end that takes no events, or the call ended first.
        """
        if self._far is None or self._far.events is None:
            raise PhoneError("the far end takes no keys by RTP")
        loop, waits = asyncio.get_running_loop(), []
        packets, gap = max(2, round(tone_s / PACKET_S)), max(1, round(gap_s / PACKET_S))
        for key in keys.upper():
            if key not in _EVENTS:
                raise PhoneError(f"{key!r} is no key of a phone")
            waits.append(loop.create_future())
            self._keys.append(_Key(code=_EVENTS.index(key), packets=packets, gap=gap, done=waits[-1]))
        await asyncio.gather(*waits)

    def _send_next(self) -> None:
        if self._far is None or self._transport is None or self._transport.is_closing() or not self._far.port:
            return
        while self._keys and self._keys[0].done.done():
            self._keys.popleft()
        if self._keys and self._keys[0].sent < self._keys[0].packets + _END_PACKETS - 1:
            self._send_event(self._keys[0])
        else:
            if self._keys:
                self._rest(self._keys[0])
            self._send(self._far.codec, self._timestamp, self._sound(self._far.codec), marker=self._first)
            self._first = False
        self._timestamp = (self._timestamp + SAMPLES) & 0xFFFFFFFF

    def _sound(self, codec: int) -> bytes:
        if self.speaking:
            return (g711.ALAW_TONE if codec == PCMA else g711.ULAW_TONE) * (SAMPLES // len(g711.ALAW_TONE))
        return bytes([g711.ALAW_SILENCE if codec == PCMA else g711.ULAW_SILENCE]) * SAMPLES

    def _rest(self, key: _Key) -> None:
        key.gap -= 1
        if key.gap <= 0 and not key.done.done():
            key.done.set_result(None)

    def _send_event(self, key: _Key) -> None:
        # Every packet of one key carries the time at which it went down; only the duration grows.
        if key.sent == 0:
            key.begun_at = self._timestamp
        ending = key.sent >= key.packets - 1
        duration = SAMPLES * min(key.sent + 1, key.packets)
        payload = _EVENT.pack(key.code, (0x80 if ending else 0) | _VOLUME, duration)
        events = self._far.events if self._far is not None else None
        if events is not None:
            self._send(events, key.begun_at, payload, marker=key.sent == 0)
        key.sent += 1

    def _send(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool) -> None:
        far, transport = self._far, self._transport
        if far is None or transport is None:
            return
        packet = Packet(
            payload_type=payload_type,
            marker=marker,
            sequence=self._sequence,
            timestamp=timestamp,
            ssrc=self._ssrc,
            payload=payload,
        )
        transport.sendto(build(packet), (far.host, far.port))
        self._sequence = (self._sequence + 1) & 0xFFFF
