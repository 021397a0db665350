"""What is wrong with a flow that can be run, in words an admin understands. Pure: knows no file and no Asterisk."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.flow import Flow, Reading
from pbx_bridge.ivr.lint.conditions import conditions
from pbx_bridge.ivr.lint.services import Services, misused
from pbx_bridge.ivr.lint.speech import Seconds, missing_prompts, too_long
from pbx_bridge.ivr.lint.values import free_texts, unknown_values
from pbx_bridge.ivr.lint.ways import hands_over, leading_to, loops
from pbx_bridge.ivr.nodes import AskNode, LanguageNode, MenuNode, Node, QueueNode, ReturnNode
from pbx_bridge.ivr.nodes.ask import PHONE_END
from pbx_bridge.ivr.nodes.base import KEPT, Listening
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.reading.beside import NOTHING, Beside
from pbx_bridge.ivr.reading.decode import did_you_mean
from pbx_bridge.ivr.reading.finding import Finding, Severity
from pbx_bridge.values import pin, tracking
from pbx_bridge.values.dates import TEHRAN

__all__ = ["Finding", "Severity", "examine", "findings"]


def examine(
    text: bytes,
    book: PromptBook,
    *,
    queues: Collection[str] | None = None,
    mailboxes: Collection[str] | None = None,
    extensions: Collection[str] | None = None,
    services: Services | None = None,
    seconds: Seconds | None = None,
    beside: Beside = NOTHING,
    zone: ZoneInfo = TEHRAN,
) -> Reading:
    """A flow file's flow, None where it cannot be decoded, and everything that is wrong with it.

    Args:
        beside, zone: see `flow.read`; the rest: see `findings`.
    """
    reading = flows.read(text, beside, zone)
    if reading.flow is None:
        return reading
    known = {"queues": queues, "mailboxes": mailboxes, "extensions": extensions}
    found = findings(reading.flow, book, **known, services=services, seconds=seconds)
    return Reading(flow=reading.flow, findings=found)


def findings(
    flow: Flow,
    book: PromptBook,
    *,
    queues: Collection[str] | None = None,
    mailboxes: Collection[str] | None = None,
    extensions: Collection[str] | None = None,
    services: Services | None = None,
    seconds: Seconds | None = None,
) -> tuple[Finding, ...]:
    """Everything that is wrong with a flow, in the order of its lines.

    Args:
        queues, mailboxes, extensions: those of the PBX; None: not known, not checked.
        services: those of the settings; None: not known, not checked.
        seconds: how long a prompt lasts in a language; None: not checked.
    """
    found = [
        *flow.unreachable(),
        *_exits(flow),
        *loops(flow),
        *_asks(flow),
        *_digits(flow),
        *_proofs(flow),
        *_languages(flow),
        *_never_said(flow),
        *_leaving(flow),
        *_targets(flow, "queue", "queue", queues),
        *_targets(flow, "mailbox", "mailbox", mailboxes),
        *_targets(flow, "extensions", "to", extensions),
        *misused(flow, services),
        *missing_prompts(flow, book),
        *unknown_values(flow, book),
        *free_texts(flow, book),
        *conditions(flow),
        *(too_long(flow, book, seconds) if seconds else ()),
    ]
    return tuple(sorted(found, key=lambda finding: (finding.path is not None, finding.line or 0)))


def _warning(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING)


def _exits(flow: Flow) -> Iterator[Finding]:
    """Nodes that no caller comes out of, and questions that no key answers."""
    ends = [name for name, node in flow.nodes.items() if node.leaves_menus or hands_over(node)]
    for name in sorted(flow.reachable() - leading_to(flow, ends)):
        text, do = "from here no way leads to a person or to the end", "lead a way out to a queue or to a hang_up"
        yield flow.finding("no-way-out", text, f"nodes.{name}", do)
    for name, node in flow.nodes.items():
        if isinstance(node, MenuNode | LanguageNode) and not node.keys:
            text, do = "it takes no key, so every caller fails here", "give it keys, or make it a say"
            yield flow.finding("no-keys", text, f"nodes.{name}.keys", do)


def _asks(flow: Flow) -> Iterator[Finding]:
    """Questions whose failure leaves a caller without a person."""
    # A flow that others call gives the caller back to one of them, which is examined with it.
    persons = [name for name, node in flow.nodes.items() if hands_over(node) or isinstance(node, ReturnNode)]
    helped = leading_to(flow, persons)
    for name, node in flow.nodes.items():
        if not isinstance(node, AskNode):
            continue
        for way, target in (("too_many", node.too_many), ("unavailable", node.unavailable)):
            if target is not None and target not in helped:
                text = f"a caller who cannot be helped here ({way}) has no way to a person"
                yield flow.finding("no-person", text, f"nodes.{name}.{way}", "lead it to a queue")


def _digits(flow: Flow) -> Iterator[Finding]:
    """Keys that can never do what they are there for."""
    for name, node in flow.nodes.items():
        if isinstance(node, AskNode):
            yield from _ask_digits(flow, name, node)
            yield from _end_key(flow, name, node)


def _proofs(flow: Flow) -> Iterator[Finding]:
    """Tickets for whoever knows the end of a phone number, of which too few digits are asked for, or too many."""
    asks = [node for node in flow.nodes.values() if isinstance(node, AskNode)]
    for name, node in flow.nodes.items():
        if not (isinstance(node, AskNode) and node.owner and node.owner.startswith(KEPT)):
            continue
        keeping = [ask for ask in asks if ask.keep and f"kept.{ask.keep}" == node.owner]
        if not all(ask.what == "digits" and {ask.least, ask.most} <= set(PHONE_END) for ask in keeping):
            fewest, most = PHONE_END.start, PHONE_END.stop - 1
            text = f"{node.owner} may have other than {fewest} to {most} digits, and proves nothing then"
            do = f"keep it by an ask of digits with shortest: {fewest} and longest: {fewest}"
            yield flow.finding("digits-never-match", text, f"nodes.{name}.owner", do)


def _ask_digits(flow: Flow, name: str, node: AskNode) -> Iterator[Finding]:
    if node.end.isdigit():
        text = f"a number with a {node.end} in it can never be keyed: that key ends it"
        yield flow.finding("digits-never-match", text, f"nodes.{name}.end", 'let "#" or "*" end it')
    if (lengths := _LENGTHS.get(node.what)) is None:
        return
    (fewest, most), numbers = lengths, node.what.replace("tracking", "tracking number") + "s"
    if node.most < most:
        text = f"{numbers} have {fewest} to {most} digits, and only {node.most} are taken"
        cut = flow.finding("digits-never-match", text, f"nodes.{name}.longest", f"make it {most}")
        yield cut if node.most < fewest else _warning(cut)
    if node.least > fewest:
        text = f"{numbers} have {fewest} to {most} digits, and none below {node.least} is taken"
        cut = flow.finding("digits-never-match", text, f"nodes.{name}.shortest", f"make it {fewest}")
        yield cut if node.least > most else _warning(cut)


_LENGTHS = {
    "tracking": (tracking.MIN_DIGITS, tracking.MAX_DIGITS),
    "pin": (pin.SHORTEST, pin.LONGEST),
    "date": (8, 8),
}


def _end_key(flow: Flow, name: str, ask: AskNode) -> Iterator[Finding]:
    """A menu right after a number that takes the number's end key: keyed out of habit, it chooses."""
    for next_name in _next_questions(flow, ask.found):
        node = flow.nodes[next_name]
        if isinstance(node, MenuNode) and ask.end in node.keys:
            text = f"{ask.end} also ends the number in node {name}: keyed once too often there, it chooses this"
            yield _warning(
                flow.finding("end-key-chooses", text, f"nodes.{next_name}.keys.{ask.end}", "take another key")
            )


def _next_questions(flow: Flow, first: str) -> Iterator[str]:
    """The nodes that ask next, from a node on."""
    seen: set[str] = set()
    ahead = [first]
    while ahead:
        name = ahead.pop()
        node = flow.nodes[name]
        if name in seen:
            continue
        seen.add(name)
        if isinstance(node, Listening):
            yield name
        elif not hands_over(node):  # a hand-over throws keys away
            ahead += [target for _, target in node.ways_out()]


def _languages(flow: Flow) -> Iterator[Finding]:
    """Language nodes that every caller passes, and languages that nobody can choose."""
    asked = {name: node for name, node in flow.nodes.items() if isinstance(node, LanguageNode)}
    for name, node in asked.items():
        others = asked.keys() - {name}
        if others and name not in _reachable_without(flow, others):
            text = "its keys can never be pressed: the language is always known by then"
            yield flow.finding("digits-never-match", text, f"nodes.{name}.keys", "remove the node")
        for key, language in node.keys.items():
            if list(node.keys.values()).index(language) < list(node.keys).index(key):
                text, do = f"{language} has another key already, and is offered twice", "remove one of the two"
                yield _warning(flow.finding("language-twice", text, f"nodes.{name}.keys.{key}", do))
        for language in set(flow.languages) - set(node.keys.values()):
            text = f"{language} is offered by the flow, and nobody can choose it here"
            yield _warning(flow.finding("language-not-asked", text, f"nodes.{name}.keys", "give it a key"))


def _reachable_without(flow: Flow, barred: Collection[str]) -> set[str]:
    seen: set[str] = set()
    ahead = [flow.start]
    while ahead:
        name = ahead.pop()
        if name not in seen and name not in barred:
            seen.add(name)
            ahead += [target for _, target in flow.nodes[name].ways_out()]
    return seen


def _never_said(flow: Flow) -> Iterator[Finding]:
    """Words for another try where there is only one."""
    for name, node in flow.nodes.items():
        if not isinstance(node, Listening) or node.tries > 1:
            continue
        for field in ("wrong", "silent", "unknown"):
            if getattr(node, field, None) is not None:
                text, do = f"it is never said: after {node.tries} try the caller leaves", "make tries 2 or more"
                yield _warning(flow.finding("never-said", text, f"nodes.{name}.{field}", do))


def _leaving(flow: Flow) -> Iterator[Finding]:
    """Queues with half of a way out by key."""
    for name, node in flow.nodes.items():
        if not isinstance(node, QueueNode):
            continue
        if node.key and not node.key_pressed:
            text, do = f"the key {node.key} leads nowhere", "say with key_pressed where to"
            yield flow.finding("key-leads-nowhere", text, f"nodes.{name}.key", do)
        elif node.key_pressed and not node.key:
            text, do = "no key leads there", "name the key"
            yield flow.finding("key-leads-nowhere", text, f"nodes.{name}.key_pressed", do)


def _targets(flow: Flow, attribute: str, field: str, known: Collection[str] | None) -> Iterator[Finding]:
    """Queues, boxes and phones that the PBX does not have."""
    if known is None:
        return
    what = attribute.removesuffix("s")
    for name, node in flow.nodes.items():
        for target in _named(node, attribute):
            if target not in known:
                text, do = f"the PBX has no {what} {target!r}", did_you_mean(target, known)
                yield flow.finding(f"unknown-{what}", text, f"nodes.{name}.{field}", do)


def _named(node: Node, attribute: str) -> tuple[str, ...]:
    value = getattr(node, attribute, None)
    return value if isinstance(value, tuple) else () if value is None else (str(value),)
