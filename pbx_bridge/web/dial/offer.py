"""Who is offered a call by a click on a number. Pure; whether the call may be made is asked when it is."""

from __future__ import annotations

import re

from pbx_bridge.values import digits
from pbx_bridge.web.viewer import Viewer

_BETWEEN = dict.fromkeys(map(ord, " -/().\u200c\u00a0"))
_NUMBER = re.compile(r"\+?[0-9]{2,15}")


def can_dial(viewer: Viewer, number: str) -> bool:
    """Whether this is a number, for somebody who may call."""
    if not viewer.calls:
        return False
    return _NUMBER.fullmatch(digits.to_ascii(number.strip(" ")).translate(_BETWEEN)) is not None
