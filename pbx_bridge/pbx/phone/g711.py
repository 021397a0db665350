"""G.711 to 16-bit linear samples (ITU-T G.711), by table; `audioop` left the standard library in Python 3.13."""

from __future__ import annotations

import struct

ALAW_SILENCE = 0xD5
ULAW_SILENCE = 0xFF
# 1 kHz at 0 dBm0, the digital milliwatt of G.711's tables 5 and 6: eight samples.
ALAW_TONE = bytes.fromhex("34212134b4a1a1b4")
ULAW_TONE = bytes.fromhex("1e0b0b1e9e8b8b9e")


def _alaw(code: int) -> int:
    value = code ^ 0x55
    exponent, mantissa = (value >> 4) & 7, value & 15
    level = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 264) << (exponent - 1)
    return level if value & 0x80 else -level


def _ulaw(code: int) -> int:
    value = ~code & 0xFF
    level = (((value & 15) << 3) + 132 << ((value >> 4) & 7)) - 132
    return -level if value & 0x80 else level


_ALAW = tuple(struct.pack("<h", _alaw(code)) for code in range(256))
_ULAW = tuple(struct.pack("<h", _ulaw(code)) for code in range(256))


def alaw_to_linear(data: bytes) -> bytes:
    """Little-endian 16-bit samples of A-law bytes."""
    return b"".join([_ALAW[code] for code in data])


def ulaw_to_linear(data: bytes) -> bytes:
    """Little-endian 16-bit samples of µ-law bytes."""
    return b"".join([_ULAW[code] for code in data])
