"""A sound as it lies on a disk that others may read: sealed, and opened again at any place of it. Blocking.

    head  ─ form and version 8 · id of the key 8 · salt 32 · length of the sound 8
    chunk ─ 65536 bytes of the sound (the last one: what is left), AES-256-GCM, with 16 bytes that prove it

Each file has a key of its own: HKDF-SHA-256 of the master key, with its salt and with the head and the file's name.
The nonce is the chunk's number, so nothing is used twice; a chunk that was changed, moved or taken from another file,
and a head, length or name that is another, cannot be opened. Why so: docs/adr/0018.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pbx_bridge.spool.plain_files import open_plain

ENDING = ".enc"  # after the name of the sound
CHUNK = 65536
_TAG = 16
_FORM = b"PBXBSND\x01"
_HEAD = struct.Struct(">8s8s32sQ")
_PURPOSE = b"pbx_bridge sound"
_ID_PURPOSE = b"pbx_bridge id of a sound key"


class SoundLocked(OSError):
    """Its key cannot be had, so it can be neither sealed nor opened."""


class SoundDamaged(OSError):
    """It is not as it was sealed: cut, changed, renamed, or no sealed sound at all."""


@dataclass(frozen=True, slots=True, repr=False)
class SoundKey:
    """A master key, 32 bytes. It is never told."""

    secret: bytes

    @property
    def id(self) -> str:
        """What sealed files call it: 16 hexadecimal digits that tell nothing of it."""
        return _derived(self.secret, b"", _ID_PURPOSE, 8).hex()


Keys = Callable[[str], SoundKey]
"""The key of an id. Raises SoundLocked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a sealed file says of itself: the id of its key, its salt, and how many bytes the sound has."""

    key_id: str
    salt: bytes
    size: int

    def encoded(self) -> bytes:
        """As it stands in the file."""
        return _HEAD.pack(_FORM, bytes.fromhex(self.key_id), self.salt, self.size)

    def cipher(self, key: SoundKey, name: str) -> AESGCM:
        """What seals and opens the chunks of this file."""
        return AESGCM(_derived(key.secret, self.salt, _PURPOSE + self.encoded() + os.fsencode(name), 32))


def sealed_size(size: int) -> int:
    """Bytes of the file in which a sound of so many lies sealed."""
    return _HEAD.size + size + _TAG * max(1, -(-size // CHUNK))


def sound_size(sealed: int) -> int:
    """Bytes of the sound that lies sealed in a file of so many; -1: none does."""
    body = sealed - _HEAD.size
    size = body - _TAG * max(1, -(-body // (CHUNK + _TAG)))
    return size if size >= 0 and sealed_size(size) == sealed else -1


class Sealer:
    """Writes a sound sealed.

    Args:
        size: of the whole sound, bytes: it stands in the head.
        name: the sound's file name, under which alone it will open.
    """

    def __init__(self, out: BinaryIO, size: int, *, key: SoundKey, name: str) -> None:
        head = Head(key_id=key.id, salt=os.urandom(32), size=size)
        self._out, self._cipher, self._left = out, head.cipher(key, name), size
        self._number, self._held = 0, bytearray()
        out.write(head.encoded())

    def write(self, piece: bytes) -> None:
        """The next bytes of the sound. Raises OSError."""
        self._left -= len(piece)
        self._held += piece
        while len(self._held) >= CHUNK:
            self._seal(bytes(self._held[:CHUNK]))
            del self._held[:CHUNK]

    def finish(self) -> None:
        """What is left. Raises OSError, also where the sound was not as long as was said."""
        if self._left:
            raise SoundDamaged("the sound changed its length while it was sealed")
        if self._held or not self._number:
            self._seal(bytes(self._held))

    def _seal(self, chunk: bytes) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number), chunk, None))
        self._number += 1


class _Opened(io.RawIOBase):
    """A sealed sound as the file it was. One chunk at a time is in memory."""

    def __init__(self, file: BinaryIO, head: Head, cipher: AESGCM) -> None:
        super().__init__()
        self._file, self._head, self._cipher = file, head, cipher
        self._place, self._number, self._chunk = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._head.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        into = memoryview(buffer).cast("B")
        if self._place >= self._head.size:
            return 0
        number, at = divmod(self._place, CHUNK)
        if number != self._number:
            self._chunk, self._number = self._opened(number), number
        piece = self._chunk[at : at + len(into)]
        into[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()

    def prove(self) -> None:
        """Open the last chunk, which is there in every file. Raises OSError."""
        self._opened(max(0, self._head.size - 1) // CHUNK)

    def _opened(self, number: int) -> bytes:
        self._file.seek(_HEAD.size + number * (CHUNK + _TAG))
        try:
            return self._cipher.decrypt(_nonce(number), self._file.read(CHUNK + _TAG), None)
        except InvalidTag:
            raise SoundDamaged(f"{self._file.name}: it was changed, or is not under its own name") from None


def open_sealed(place: Path, name: str, keys: Keys) -> BinaryIO:
    """A sealed file as the sound it was, to be read and sought in; whatever is wrong with it raises when it is met.

    Of a file that was cut or lengthened, or whose head was changed, nothing at all is told. Raises OSError:
    SoundLocked without its key, SoundDamaged.
    """
    file = open_plain(place)
    try:
        head = _head(file)
        opened = _Opened(file, head, head.cipher(keys(head.key_id), name))
        opened.prove()
    except BaseException:
        file.close()
        raise
    return io.BufferedReader(opened, CHUNK)


def key_of(place: Path) -> str:
    """The id of the key by which a file is sealed. Raises OSError."""
    with open_plain(place) as file:
        return _head(file).key_id


def _head(file: BinaryIO) -> Head:
    text, size = file.read(_HEAD.size), os.fstat(file.fileno()).st_size
    with suppress(struct.error):
        form, key_id, salt, told = _HEAD.unpack(text)
        if form == _FORM and told == sound_size(size):
            return Head(key_id=key_id.hex(), salt=salt, size=told)
    raise SoundDamaged(f"{file.name}: it was cut or lengthened, or is no sealed sound")


def _derived(secret: bytes, salt: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=purpose).derive(secret)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
