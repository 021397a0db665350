"""A waveform as a drawing that takes its colours from the page it stands in. Pure.

Time runs from left to right in either language, as in every player. The player moves `played` and `needle`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pbx_bridge.spool.waveform import Waveform
from pbx_bridge.web.call.position import Stretch

WIDTH, HEIGHT = 1000, 64
_STRIP = 6  # below the waves: which part of the call is heard
_LEAST = 0.6  # so that silence is a line


def drawing(waveform: Waveform, parts: Sequence[Stretch], length_us: int) -> str:
    """The SVG. Nothing in it comes from outside but numbers."""
    rows = len(waveform.channels)
    waves = "".join(
        f'<path class="wave" d="{_path(levels, (HEIGHT - _STRIP) / rows, row)}"/>'
        for row, levels in enumerate(waveform.channels)
    )
    strips = "".join(_strip(part, length_us) for part in parts) if length_us else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'
        f' aria-hidden="true" focusable="false"><rect class="played" width="0" height="{HEIGHT}"/>{waves}{strips}'
        f'<rect class="needle" width="2" height="{HEIGHT}"/></svg>'
    )


def _path(levels: bytes, height: float, row: int) -> str:
    middle, step = height * (row + 0.5), WIDTH / len(levels)
    # The square root: quiet voices are seen, too.
    halves = (max(_LEAST, (level / 255) ** 0.5 * height / 2) for level in levels)
    return "".join(
        f"M{(place + 0.5) * step:.1f} {middle - half:.1f}V{middle + half:.1f}" for place, half in enumerate(halves)
    )


def _strip(part: Stretch, length_us: int) -> str:
    x, end = part.start_us / length_us * WIDTH, part.end_us / length_us * WIDTH
    place = f'x="{x:.1f}" y="{HEIGHT - _STRIP}" width="{max(2.0, end - x):.1f}" height="{_STRIP}"'
    return f'<rect class="{part.segment.kind.value}" {place}/>'
