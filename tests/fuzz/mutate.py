"""Inputs made of real ones: cut, doubled, joined, with hostile words in them. By number, the same ones each time."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LONGEST = 48 * 1024  # bytes; what is too long altogether has tests of its own
_TOKEN = re.compile(rb"[A-Za-z_]+|[0-9]+(?:\.[0-9]+)?")

HOSTILE: tuple[bytes, ...] = (
    b"", b"\0", b"\0" * 40, b"\n", b"\r\n", b"\n\n", b"\r", b"\t", b" ", b"\x1b[31m", b"\xff", b"\xfe\xff",
    b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f", "\u202e".encode(), "\u2028".encode(), "\ufeff".encode(),
    "۱۲۳".encode(), "½".encode(), "Ⅷ".encode(), "گلستان".encode(), b'"', b'""', b'","', b"'", b"\\", b"\\u0000",
    b"\\ud800", b"|", b"||", b":", b": ", b",", b";", b"{", b"}", b"[", b"]", b"{" * 300, b"[" * 3000, b"%s%n",
    b"${x}", b"../..", b"<script>", b"=1+1", b"-", b"-1", b"0", b"-0", b"00", b"1e999", b"NaN", b"Infinity", b"null",
    b"true", b"false", b"0.0000001", b"2147483648", b"9223372036854775808", b"253402300800", b"-62135596801",
    b"9" * 30, b"9" * 5000, b"1" * 400 + b".5", b"A" * 300, b"s", b"h", b"i", b"t",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What a target's inputs are made of.

    Attributes:
        seeds: real inputs.
        words: what means something in this format.
        cut: what its records end with.
    """

    seeds: Sequence[bytes]
    words: Sequence[bytes] = ()
    cut: bytes = b"\n"


def made(stock: Stock, target: str, seed: int, number: int) -> bytes:
    """Input `number`: one of the seeds, spoilt in up to four ways; one in 50 is as it was."""
    chance = random.Random(f"{target}:{seed}:{number}")
    data = chance.choice(stock.seeds)
    if number % 50 == 0:
        return data
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        data = chance.choice(_WAYS)(chance, data, stock)[:LONGEST]
    return data


Way = Callable[[random.Random, bytes, Stock], bytes]


def _some(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 1, 2, 4, 16, 64)))


def _turned(chance: random.Random, data: bytes, _: Stock) -> bytes:
    start, _end = _some(chance, data)
    return data[:start] + bytes((chance.randrange(256),)) + data[start + 1 :]


def _left_out(chance: random.Random, data: bytes, _: Stock) -> bytes:
    start, end = _some(chance, data)
    return data[:start] + data[end:]


def _doubled(chance: random.Random, data: bytes, _: Stock) -> bytes:
    start, end = _some(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 1, 2, 50, 400)) + data[end:]


def _put_in(chance: random.Random, data: bytes, stock: Stock) -> bytes:
    start, end = _some(chance, data)
    return data[:start] + _word(chance, stock) + data[chance.choice((start, end)) :]


def _other_word(chance: random.Random, data: bytes, stock: Stock) -> bytes:
    start = chance.randrange(len(data) + 1)
    found = _TOKEN.search(data, start) or _TOKEN.search(data)
    if found is None:
        return data + _word(chance, stock)
    return data[: found.start()] + _word(chance, stock, found[0]) + data[found.end() :]


def _word(chance: random.Random, stock: Stock, now: bytes = b"") -> bytes:
    words = chance.choice((HOSTILE, stock.words or HOSTILE))
    if now.isdigit() and chance.random() < 0.3:
        return str(int(now[:18]) + chance.choice((-1, 1, -3600, 3600, 10**6))).encode()
    return chance.choice(words)


def _cut_short(chance: random.Random, data: bytes, _: Stock) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _records(chance: random.Random, data: bytes, stock: Stock) -> bytes:
    """Records left out, told twice or in another order."""
    records = data.split(stock.cut)
    first, second = chance.randrange(len(records)), chance.randrange(len(records))
    match chance.randrange(3):
        case 0:
            del records[first]
        case 1:
            records.insert(second, records[first])
        case _:
            records[first], records[second] = records[second], records[first]
    return stock.cut.join(records)


def _joined(chance: random.Random, data: bytes, stock: Stock) -> bytes:
    other = chance.choice(stock.seeds)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


_WAYS: tuple[Way, ...] = (
    _turned, _left_out, _doubled, _put_in, _put_in, _other_word, _other_word, _other_word, _cut_short, _records,
    _joined,
)  # fmt: skip
