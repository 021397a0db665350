"""Small pictures, one shape a meaning, so that nothing is told by colour alone. Pure.

Classes: `f` is filled, `l` is a line, `k` a line drawn out of a filled shape.
"""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

_SHAPES = {
    "answered": '<circle class="f" cx="8" cy="8" r="7"/><path class="k" d="M4.7 8.3l2.2 2.2 4.4-4.8"/>',
    "self_served": (
        '<rect class="f" x="1" y="1" width="14" height="14" rx="4"/>'
        '<path class="k" d="M5 5h.01M8 5h.01M11 5h.01M5 8h.01M8 8h.01M11 8h.01M8 11h.01"/>'
    ),
    "abandoned_ivr": '<path class="l" d="M9.5 2H3v12h6.5"/><path class="l" d="M6.5 8h8m-3-3l3 3-3 3"/>',
    "abandoned_queue": '<path class="l" d="M4 1.8h8M4 14.2h8M5 2v2.6L8 8l3-3.4V2M5 14v-2.6L8 8l3 3.4V14"/>',
    "missed": '<path class="l" d="M1.8 4.5L8 10.7l6.2-6.2M1.8 4.5h4.4M1.8 4.5v4.4"/>',
    "voicemail": (
        '<circle class="l" cx="4.2" cy="8" r="2.8"/><circle class="l" cx="11.8" cy="8" r="2.8"/>'
        '<path class="l" d="M4.2 10.8h7.6"/>'
    ),
    "callback": '<path class="l" d="M6 2.5L2.5 6 6 9.5M2.8 6H10a3.7 3.7 0 010 7.5H7"/>',
    "rejected": '<circle class="l" cx="8" cy="8" r="6.2"/><path class="l" d="M3.7 12.3l8.6-8.6"/>',
    "busy": '<circle class="f" cx="8" cy="8" r="7"/><path class="k" d="M4.5 8h7"/>',
    "no_answer": '<path class="l" d="M3.5 11.5V7a4.5 4.5 0 019 0v4.5M2 11.5h12M6.7 14h2.6"/>',
    "failed": ('<path class="f" d="M8 .8L15.2 8 8 15.2.8 8z"/><path class="k" d="M5.9 5.9l4.2 4.2m0-4.2l-4.2 4.2"/>'),
    "lost": '<path class="l" d="M9 1.5L3.5 9H8l-1 5.5L12.5 7H8z"/>',
    "live": '<circle class="l" cx="8" cy="8" r="6.5"/><circle class="f dot" cx="8" cy="8" r="3"/>',
    "degraded": '<path class="f" d="M8 1.2l7 13H1z"/><path class="k" d="M8 6v3.8M8 12.1h.01"/>',
    "inbound": '<path class="l" d="M13 3L4 12m0-6.5V12h6.5"/>',
    "outbound": '<path class="l" d="M3 13l9-9m-6.5 0H12v6.5"/>',
    "internal": '<path class="l" d="M2 5.5h11m-3-3l3 3M14 10.5H3m3 3l-3-3"/>',
}

_SAME = {
    "good": "answered",
    "up": "answered",
    "cancelled": "rejected",
    "down": "failed",
    "look": "degraded",
}


@cache
def icon(name: str, size: str = "") -> Markup:
    """The picture of a name, for a template; of an unknown one an empty picture."""
    shape = _SHAPES.get(_SAME.get(name, name), "")
    return Markup(  # noqa: S704 - nothing in it comes from outside
        f'<svg class="icon {size}" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">'
    ) + Markup(f"{shape}</svg>")  # noqa: S704
