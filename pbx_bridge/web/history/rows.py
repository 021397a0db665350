"""One call as a row of the history shows it, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup

from pbx_bridge.calls.call import Direction
from pbx_bridge.calls.facets import Kind, values
from pbx_bridge.store import CallLine
from pbx_bridge.values.hostile import clean
from pbx_bridge.web import icons, words
from pbx_bridge.web.dial.offer import can_dial
from pbx_bridge.web.show import Language, left_to_right
from pbx_bridge.web.viewer import CallView, Viewer, call_view

_LONGEST = 60
_WAYS = 2048  # through the menus, remembered in words: of a month's calls a few hundred differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row; each of its texts is worked out when it is asked for. Text is clean, not escaped.

    Attributes:
        who: looks at it.
        began: when, in their zone.
        name: of whoever answered; empty if nobody did, or nobody knows it.
    """

    view: CallView
    who: Viewer
    began: datetime
    name: str

    @property
    def line(self) -> CallLine:
        """The call."""
        return self.view.call

    @property
    def clock(self) -> str:
        """When it began: time of day."""
        return self.who.show.clock(self.began)

    @property
    def date(self) -> str:
        """When it began: the day."""
        return self.who.show.day(self.began.date())

    @property
    def direction(self) -> str:
        """Its direction's word."""
        return self.who.t(f"direction.{self.line.direction}")

    @property
    def direction_icon(self) -> Markup:
        """Its direction as a picture."""
        return icons.icon(self.line.direction.value)

    @property
    def outcome_icon(self) -> Markup:
        """How it ended, or stands, as a picture."""
        return icons.icon(self.view.icon)

    @property
    def caller(self) -> str:
        """Who called, as the viewer may see it."""
        return self.who.phone(self.line.caller)

    @property
    def called(self) -> str:
        """Whom they called."""
        return self.who.phone(self.line.called)

    @property
    def call_back(self) -> str:
        """What a click on the caller's number sends; empty where there is nothing to click."""
        line = self.line
        if not can_dial(self.who, line.caller):
            return ""
        return f"{clean(line.caller, 40)}|{f'customer:{clean(line.customer_code, 40)}' if line.customer_code else ''}"

    @property
    def call_again(self) -> str:
        """The same of a number that somebody of ours called."""
        line = self.line
        offered = line.direction is Direction.OUTBOUND and can_dial(self.who, line.called)
        return f"{clean(line.called, 40)}|" if offered else ""

    @property
    def customer(self) -> str:
        """The customer's code."""
        return self.who.show.digits(clean(self.line.customer_code, 40))

    @property
    def duration(self) -> str:
        """How long it lasted, or lasts by now."""
        return self.who.show.duration(self.view.duration_us)

    @property
    def wait(self) -> str:
        """How long they waited in queues."""
        return self.who.show.spent(self.line.wait_us)

    @property
    def talk(self) -> str:
        """How long they talked."""
        return self.who.show.spent(self.line.talk_us)

    @property
    def way(self) -> str:
        """What they wanted, in words; empty if nothing is known of it."""
        return way_of(self.line, self.who)

    @property
    def path(self) -> str:
        """Every node of the flow they passed."""
        return _path(self.who.language, values(self.line.told, Kind.NODE))

    @property
    def by(self) -> str:
        """Who answered, by name if there is one; empty if nobody did."""
        if self.name:
            return self.who.private(self.name, 40)
        return self.who.show.digits(self.who.private(self.line.agent, 40))

    @property
    def extension(self) -> str:
        """Of whoever answered, where `by` is a name."""
        return self.who.show.digits(clean(self.line.agent, 20)) if self.name else ""

    @property
    def survey(self) -> str:
        """The mean of what they answered after the talk; empty if nothing."""
        return survey_of(self.line, self.who)


def row_of(line: CallLine, who: Viewer, agents: Mapping[str, str]) -> Row:
    """How a viewer sees a call. `agents`: names by extension."""
    began = who.show.local(line.started_at)
    return Row(view=call_view(line, who), who=who, began=began, name=agents.get(line.agent, ""))


def way_of(line: CallLine, who: Viewer) -> str:
    """What they wanted, in words: what they asked for in order; else the last place in the menus, or the queue."""
    wants = values(line.told, Kind.WANT)
    if wants:
        return _arrows([_want(want, line, who) for want in wants], who.language)
    if queues := values(line.told, Kind.QUEUE):
        return _arrows([queue_word(queue, who) for queue in queues], who.language)
    if nodes := values(line.told, Kind.NODE):
        return node_word(nodes[-1], who)
    return ""


def survey_of(line: CallLine, who: Viewer) -> str:
    """4.5 of 5, as `4.5/5`."""
    told = next(iter(values(line.told, Kind.SURVEY)), "-")
    return "" if told == "-" else left_to_right(who.show.digits(told))


def want_word(want: str, who: Viewer) -> str:
    """The word for what somebody wanted."""
    return _want_word(who.language, want)


def queue_word(queue: str, who: Viewer) -> str:
    """The word for a queue, or its name."""
    return who.named("queue", queue)


def node_word(node: str, who: Viewer) -> str:
    """The word for a flow's node, or its name with spaces."""
    return _node_word(who.language, node)


@lru_cache(_WAYS)
def _want_word(language: Language, want: str) -> str:
    kind, _, queue = want.partition(":")
    if queue:
        return words.word(language, "want.queue", queue=words.named(language, "queue", queue))
    return words.named(language, "want", kind)


@lru_cache(_WAYS)
def _path(language: Language, nodes: tuple[str, ...]) -> str:
    return _arrows([_node_word(language, node) for node in nodes], language)


@lru_cache(_WAYS)
def _node_word(language: Language, node: str) -> str:
    key = f"flow_node.{node}"
    return words.word(language, key) if words.known(key) else clean(node, _LONGEST).replace("_", " ")


def _arrows(steps: Sequence[str], language: Language) -> str:
    """One after the other."""
    return (" ← " if language is Language.FA else " → ").join(dict.fromkeys(steps))


def _want(want: str, line: CallLine, who: Viewer) -> str:
    word = want_word(want, who)
    if want == "status" and line.tracking_numbers:
        numbers = " ".join(left_to_right(who.show.tracking(number)) for number in line.tracking_numbers)
        return f"{word} {numbers}"
    return word
