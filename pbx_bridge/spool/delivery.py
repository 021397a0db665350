"""What the sender of a PBX's spools and its receiver say to each other: msgpack over HTTPS, one exchange at a time.

    sender                                      receiver
    GET  /spool/v1                        ──►
                                          ◄──   Welcome: how far each file is kept, what was being read, its time
    POST /spool/v1  Delivery              ──►   decodes, journals rows and cursors in one transaction
                                          ◄──   Receipt: all of it is on disk; its time

The receiver alone knows how far it is, so a sender keeps nothing: whatever is cut or killed, it asks and goes on.
A piece that does not begin where the file is kept up to is refused, one that is kept already is passed over.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

PATH = "/spool/v1"
TYPE = "application/msgpack"
MOST_BYTES = 3 * 1024 * 1024  # of a delivery: a piece of each source, of a megabyte at most, and what is said of them

Source = Literal["cel", "queue"]
File = Annotated[str, msgspec.Meta(pattern=r"^(cel|queue):[0-9a-f]{16}(-[0-9]{1,6})?$")]
Offset = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
Micros = Annotated[int, msgspec.Meta(ge=0, lt=1 << 52)]
Sentence = Annotated[str, msgspec.Meta(max_length=500)]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A file is kept up to there, in bytes."""

    source: Source
    file: File
    offset: Offset


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """Where to go on.

    Attributes:
        now: the receiver's time, in microseconds since 1970.
        following: the file of each source that was being read when it was last known.
    """

    node: str
    now: Micros
    kept: tuple[Kept, ...] = ()
    following: dict[Source, File] = {}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Whole records as they stand in a file from `offset` on; or the end of one, if nothing more comes."""

    source: Source
    file: File
    offset: Offset
    data: bytes

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.offset + len(self.data)


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is gone before it was read to its end; see Loss."""

    source: Source
    file: File
    offset: Offset
    size: Offset | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a source stands at the sender once this delivery is kept; see Reading. `behind`: bytes it still has."""

    source: Source
    caught_up: bool = False
    trouble: Sentence = ""
    vain: bool = False
    file: File | Literal[""] = ""
    behind: Offset = 0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What is new. `heard_at`: the receiver's time that the sender had heard before it looked at its files."""

    heard_at: Micros
    pieces: Annotated[tuple[Piece, ...], msgspec.Meta(max_length=2)] = ()
    standings: Annotated[tuple[Standing, ...], msgspec.Meta(max_length=2)] = ()
    losses: Annotated[tuple[Lost, ...], msgspec.Meta(max_length=1000)] = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """All of a delivery is kept. `now`: as in Welcome."""

    now: Micros


encode = msgspec.msgpack.Encoder().encode
_welcome = msgspec.msgpack.Decoder(Welcome)
_receipt = msgspec.msgpack.Decoder(Receipt)
_delivery = msgspec.msgpack.Decoder(Delivery)


def decode_welcome(data: bytes) -> Welcome:
    """Raises msgspec.DecodeError."""
    return _welcome.decode(data)


def decode_receipt(data: bytes) -> Receipt:
    """Raises msgspec.DecodeError."""
    return _receipt.decode(data)


def decode_delivery(data: bytes) -> Delivery:
    """Raises msgspec.DecodeError."""
    return _delivery.decode(data)
