"""Digits as people type them: Persian ۰-۹ and Arabic ٠-٩ beside 0-9."""

from __future__ import annotations

_TO_ASCII = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_TO_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def to_ascii(text: str) -> str:
    """The same text with every Persian or Arabic digit as 0-9."""
    return text.translate(_TO_ASCII)


def to_persian(text: str) -> str:
    """The same text with every 0-9 as a Persian digit, for showing."""
    return text.translate(_TO_PERSIAN)
