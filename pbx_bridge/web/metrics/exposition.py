"""Prometheus' text format, version 0.0.4: how numbers are written. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from pbx_bridge.health import Meter, Tally

TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]
"""Labels and value."""


def gauge(name: str, help_text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """What goes up and down; nothing at all where there is no sample."""
    return _family(name, help_text, "gauge", samples)


def counter(tally: Tally) -> Iterator[str]:
    """What only goes up."""
    samples = ((dict(zip(tally.labels, words, strict=True)), count) for words, count in sorted(tally.counts.items()))
    yield from _head(tally.name, tally.help_text, "counter")
    yield from (_line(tally.name, labels, value) for labels, value in samples)


def total(name: str, help_text: str, value: float) -> Iterator[str]:
    """One number that only goes up."""
    return _family(name, help_text, "counter", [({}, value)])


def histogram(meter: Meter) -> Iterator[str]:
    """Durations in seconds."""
    yield from _head(meter.name, meter.help_text, "histogram")
    bounds = [*(f"{bound:g}" for bound in meter.bounds_s), "+Inf"]
    for bound, count in zip(bounds, accumulate(meter.counts), strict=True):
        yield _line(f"{meter.name}_bucket", {"le": bound}, count)
    yield f"{meter.name}_sum {meter.total_s:.6f}"
    yield f"{meter.name}_count {sum(meter.counts)}"


def _family(name: str, help_text: str, kind: str, samples: Iterable[Sample]) -> Iterator[str]:
    lines = [_line(name, labels, value) for labels, value in samples]
    if lines:
        yield from _head(name, help_text, kind)
        yield from lines


def _head(name: str, help_text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    told = ",".join(f'{label}="{_escaped(word)}"' for label, word in labels.items())
    return f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def _number(value: float) -> str:
    """Whole numbers without an exponent: a size in bytes is to be read."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
