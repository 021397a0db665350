"""Phone numbers taken out of text that many may read, such as a log: of each only its last digits stay. Pure.

What is no phone number stays as it is: moments, ids, addresses. In doubt a number is hidden.
"""

from __future__ import annotations

import re

_LAST = 4
_FIGURE = "[0-9۰-۹٠-٩]"
# What looks like a number and is none. Tried first, so that nothing within it is taken for one.
_KEPT = (
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",  # a moment
    r"\d{8}T\d{6}Z",  # one in a file's name
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",  # a UUID
    r"(?<![0-9.])1[0-9]{9}\.[0-9]{1,6}(?![0-9])",  # an id that Asterisk made: when it began, and a count
    r"(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.])",  # an IPv4 address
)
_PHONE = (
    rf"(?:\+|(?<![0-9.])(?=[0۰٠])){_FIGURE}(?:[ .()\-]{{0,2}}{_FIGURE}){{7,}}",  # +98 912 …, (021) 8877 6655
    rf"{_FIGURE}{{8,}}",
)
_ANY = re.compile(rf"(?P<kept>{'|'.join(_KEPT)})|{'|'.join(_PHONE)}")


def hide_numbers(text: str) -> str:
    """The text with phone numbers as `•••4567`."""
    return _ANY.sub(lambda found: found[0] if found["kept"] else _hidden(found[0]), text)


def _hidden(number: str) -> str:
    return "•••" + "".join(filter(str.isdigit, number))[-_LAST:]
