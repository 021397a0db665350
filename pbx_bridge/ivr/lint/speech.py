"""What is wrong with what a flow says: prompts missing, unused, or too long before a key is asked for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pbx_bridge.errors import PromptError
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.lint.ways import hands_over, is_listening
from pbx_bridge.ivr.nodes import LanguageNode, Node
from pbx_bridge.ivr.prompt_text import Choice
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.reading.decode import nearest
from pbx_bridge.ivr.reading.finding import Finding, Severity

Seconds = Callable[[str, str], float]  # of a prompt in a language

LONGEST_S = 30.0  # that a caller listens before a key can help them


# --- missing and unused -------------------------------------------------------------------------------------------


def missing_prompts(flow: Flow, book: PromptBook) -> Iterator[Finding]:
    """Prompts without a text in a language that callers may hear them in; each once."""
    seen: set[tuple[str, str]] = set()
    for _, at, key, languages in said(flow):
        for language in languages:
            if (key, language) not in seen:
                seen.add((key, language))
                yield from _prompt(flow, book, key, language, at)


def unused_prompts(book: PromptBook, used: Collection[str], *, shipped: Path) -> Iterator[Finding]:
    """Texts that no flow says.

    Args:
        used: what is said, as flows name it.
        shipped: the folder of texts that are there for whoever wants them: not findings.
    """
    needed = set(used) | {key for said in used for key in _chosen(book, said)}
    for language in book.languages:
        for key in sorted(book.keys(language) - needed):
            prompt = book.prompt(key, language)
            if prompt.path.parent != shipped:
                yield Finding(
                    code="unused-prompt",
                    text=f"prompt {key!r} is said by no flow",
                    do="remove it, or name it in a node",
                    path=prompt.path,
                    line=prompt.line,
                    severity=Severity.WARNING,
                )


def said(flow: Flow) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Every (node, place, prompt, languages it may be said in); the filler belongs to no node."""
    yield "", "filler", flow.filler, flow.languages
    for name, node in flow.nodes.items():
        for key in node.prompts():
            told = tuple(node.keys.values()) if isinstance(node, LanguageNode) else flow.languages
            yield name, _place(name, node, key), key, told


def _place(name: str, node: Node, key: str) -> str:
    ways = {way for way, _ in node.ways_out()}
    fields = (field for field in node.__struct_fields__ if field not in ways and getattr(node, field) == key)
    return ".".join(("nodes", name, *list(fields)[:1]))


def _prompt(flow: Flow, book: PromptBook, key: str, language: str, at: str) -> Iterator[Finding]:
    if key not in book.keys(language):
        somewhere = any(key in book.keys(other) for other in book.languages)
        near = "" if somewhere else nearest(key, book.keys(language))
        text, do = (
            f"prompt {key!r} is missing in language {language!r}",
            near or f"write it in prompts/{language}.yaml",
        )
        yield flow.finding("prompt-missing", text, at, do)
        return
    try:
        book.check([key], [language])
    except PromptError as error:
        path = Path(error.path) if error.path else None
        yield Finding(code="prompt-broken", text=error.reason, at=at, path=path, line=error.line)


def _chosen(book: PromptBook, key: str) -> Iterator[str]:
    """The prompts that a value in this one may choose."""
    for language in book.languages:
        if key in book.keys(language):
            for part in book.prompt(key, language).parts:
                if isinstance(part, Choice):
                    yield from book.family(part.family)


# --- too long -----------------------------------------------------------------------------------------------------


def too_long(flow: Flow, book: PromptBook, seconds: Seconds) -> Iterator[Finding]:
    """Questions that are too long, or come after too much that is only told."""
    for name, node in flow.nodes.items():
        if not is_listening(node):
            continue
        own = {language: _own(flow, book, node, language, seconds) for language in flow.languages}
        if over := _over(own):
            text, do = f"the question alone lasts {over}; a caller gives up", f"keep it under {LONGEST_S:g} s"
            yield flow.finding("long-prompt", text, f"nodes.{name}.prompt", do)
    yield from _long_ways(flow, book, seconds)


def _long_ways(flow: Flow, book: PromptBook, seconds: Seconds) -> Iterator[Finding]:
    order = _in_order(flow)
    told: dict[str, dict[str, float]] = {name: dict.fromkeys(flow.languages, 0.0) for name in order}
    for name in order:
        node = flow.nodes[name]
        if is_listening(node):
            if over := _over(told[name]):
                text = f"a caller listens for {over} before the first key is asked for here"
                do = f"keep what is said on the way under {LONGEST_S:g} s, or ask earlier"
                yield flow.finding("long-before-key", text, f"nodes.{name}", do)
        elif not hands_over(node):
            for language, before in told[name].items():
                until = before + _own(flow, book, node, language, seconds)
                for _, target in node.ways_out():
                    told[target][language] = max(told[target][language], until)


def _in_order(flow: Flow) -> list[str]:
    """The nodes so that each comes after those that tell something before it; none where they go in circles."""
    before: dict[str, set[str]] = {name: set() for name in flow.nodes}
    for name, node in flow.nodes.items():
        if not is_listening(node) and not hands_over(node):
            for _, target in node.ways_out():
                before[target].add(name)
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError:
        return []  # a finding of its own


def _own(flow: Flow, book: PromptBook, node: Node, language: str, seconds: Seconds) -> float:
    """Seconds that a node speaks before it listens or goes on."""
    key = getattr(node, "prompt", None)
    if key is None:
        return 0.0
    languages = node.keys.values() if isinstance(node, LanguageNode) else (language,)
    return sum(seconds(key, each) for each in languages if key in book.keys(each))


def _over(seconds: dict[str, float]) -> str:
    """The languages in which it is too long."""
    return ", ".join(f"{length:.0f} s in {language}" for language, length in seconds.items() if length > LONGEST_S)
