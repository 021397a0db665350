"""One call as a row of the history shows it, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pbx_bridge.calls.facets import Kind, values
from pbx_bridge.store import CallLine
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import words
from pbx_bridge.web.show import left_to_right
from pbx_bridge.web.viewer import CallView, Viewer, call_view

_LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row. Text is clean, not escaped.

    Attributes:
        way: what they wanted, in words; empty if nothing is known of it.
        path: every node of the flow they passed.
        by: who answered, by name if there is one; empty if nobody did.
        extension: of whoever answered, where `by` is a name.
        survey: the mean of what they answered after the talk; empty if nothing.
    """

    view: CallView
    way: str
    path: str
    by: str
    extension: str
    survey: str


def row_of(line: CallLine, who: Viewer, agents: Mapping[str, str]) -> Row:
    """How a viewer sees a call. `agents`: names by extension."""
    name = agents.get(line.agent, "")
    return Row(
        view=call_view(line, who),
        way=way_of(line, who),
        path=arrows([node_word(node, who) for node in values(line.told, Kind.NODE)], who),
        by=who.private(name, 40) if name else who.show.digits(who.private(line.agent, 40)),
        extension=who.show.digits(clean(line.agent, 20)) if name else "",
        survey=survey_of(line, who),
    )


def way_of(line: CallLine, who: Viewer) -> str:
    """What they wanted, in words: what they asked for in order; else the last place in the menus, or the queue."""
    wants = values(line.told, Kind.WANT)
    if wants:
        return arrows([_want(want, line, who) for want in wants], who)
    if queues := values(line.told, Kind.QUEUE):
        return arrows([queue_word(queue, who) for queue in queues], who)
    if nodes := values(line.told, Kind.NODE):
        return node_word(nodes[-1], who)
    return ""


def survey_of(line: CallLine, who: Viewer) -> str:
    """4.5 of 5, as `4.5/5`."""
    told = next(iter(values(line.told, Kind.SURVEY)), "-")
    return "" if told == "-" else left_to_right(who.show.digits(told))


def want_word(want: str, who: Viewer) -> str:
    """The word for what somebody wanted."""
    kind, _, queue = want.partition(":")
    return who.t("want.queue", queue=queue_word(queue, who)) if queue else who.named("want", kind)


def queue_word(queue: str, who: Viewer) -> str:
    """The word for a queue, or its name."""
    return who.named("queue", queue)


def node_word(node: str, who: Viewer) -> str:
    """The word for a flow's node, or its name with spaces."""
    plain = clean(node, _LONGEST).replace("_", " ")
    return words.named(who.language, "flow_node", node, plain)


def arrows(steps: list[str], who: Viewer) -> str:
    """One after the other."""
    return (" ← " if who.show.persian else " → ").join(dict.fromkeys(steps))


def _want(want: str, line: CallLine, who: Viewer) -> str:
    word = want_word(want, who)
    if want == "status" and line.tracking_numbers:
        numbers = " ".join(left_to_right(who.show.tracking(number)) for number in line.tracking_numbers)
        return f"{word} {numbers}"
    return word
