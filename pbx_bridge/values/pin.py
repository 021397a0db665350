"""PINs of customers: kept as salted hashes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

SHORTEST, LONGEST = 4, 8

# scrypt, RFC 7914. A PIN has few digits, so no cost keeps it from someone who has the store; what guards it on the
# phone are the limits on tries. This makes it unreadable in a backup at a cost that callers do not notice: 3 ms.
_COST, _BLOCK, _SALT = 1024, 8, 12
_NOBODY = "00" * _SALT + "$" + "00" * 32


def hashed(pin: str) -> str:
    """What is kept of a PIN. Raises ValueError if it is none."""
    if not (pin.isascii() and pin.isdigit() and SHORTEST <= len(pin) <= LONGEST):
        raise ValueError(f"a PIN is {SHORTEST} to {LONGEST} digits")  # which one must stand in no error
    salt = secrets.token_bytes(_SALT)
    return f"{salt.hex()}${_digest(pin, salt)}"


def matches(pin: str, kept: str) -> bool:
    """Whether it is that PIN; takes as long when there is none (`kept` is empty)."""
    salt, _, digest = (kept or _NOBODY).partition("$")
    return hmac.compare_digest(_digest(pin, bytes.fromhex(salt)), digest) and bool(kept)


def _digest(pin: str, salt: bytes) -> str:
    return hashlib.scrypt(pin.encode(), salt=salt, n=_COST, r=_BLOCK, p=1, dklen=32).hex()
