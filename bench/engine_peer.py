"""The peer of the flow engine: the same flow as a machine of `transitions`, the state machine library one would take.

It is made from the flow's own nodes and goes the same ways, says the same prompts. It does less: it writes no steps,
fills no prompt with values, numbers nothing (so it could not tell a late answer), and its callers cannot be stored
and taken up again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from transitions import Machine, State

from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.known import ContractFacts, CustomerFacts, TicketFacts
from pbx_bridge.ivr.nodes import (
    AskNode,
    CallerNode,
    ChooseNode,
    ContractNode,
    HangUpNode,
    LanguageNode,
    MenuNode,
    QueueNode,
    SayNode,
)
from pbx_bridge.ivr.run import Found, GivenBack, Gone, Happening, KeyPressed, LookupFailed, PromptEnded, TimeUp
from pbx_bridge.values import tracking

OVER = "over"
_NEW = "new"
_KEYS = "0123456789*#"
_SPOKE = frozenset({"CONTINUE", "COMPLETE"})

Trigger = tuple[str, object]
Event = Any  # an EventData: `model` is a Line, `args` what the happening told
Callback = Callable[[Event], Any]


class Line:
    """A caller: what is known of them, and the prompts begun."""

    state: str
    trigger: Callable[..., bool]

    def __init__(self) -> None:
        self.language = self.held = self.keyed = ""
        self.tries = 0
        self.excused = False
        self.customer: CustomerFacts | None = None
        self.ticket: TicketFacts | None = None
        self.prompts: list[str] = []


def trigger_of(happening: Happening) -> Trigger:
    """What the machine is told of a happening."""
    match happening:
        case KeyPressed(key):
            return f"key_{key}", None
        case PromptEnded():
            return "said", None
        case TimeUp():
            return "time_up", None
        case Found(_, answer):
            return "found", answer
        case LookupFailed():
            return "failed", None
        case GivenBack(_, _, status):
            return "back", status
        case Gone():
            return "gone", None
        case _:
            raise NotImplementedError(happening)


def machine(flow: Flow) -> Machine:
    """The flow as a machine without callers; `add_model` brings one, its trigger `begin` starts the call."""
    made = _Maker(flow)
    for name, node in flow.nodes.items():
        match node:
            case CallerNode():
                made.caller(name, node)
            case LanguageNode():
                made.language(name, node)
            case MenuNode():
                made.menu(name, node)
            case AskNode():
                made.ask(name, node)
            case SayNode():
                made.say(name, node)
            case ChooseNode():
                made.choose(name, node)
            case ContractNode():
                made.contract(name, node)
            case QueueNode():
                made.queue(name, node)
            case HangUpNode():
                made.way("go", name, OVER)
                made.state(name, _go)
            case _:
                made.state(name)  # where no caller of ours comes: another prompt than the engine's would tell
    return made.machine()


class _Maker:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._states = [State(_NEW), State(OVER)]
        self._ways: list[dict[str, Any]] = []
        self.way("begin", _NEW, flow.start)

    def machine(self) -> Machine:
        self.way("gone", "*", OVER)
        return Machine(
            model=None,
            states=self._states,
            transitions=self._ways,
            initial=_NEW,
            auto_transitions=False,
            send_event=True,
        )

    def state(self, name: str, *on_enter: Callback) -> None:
        self._states.append(State(name, on_enter=list(on_enter)))

    def way(self, trigger: str, source: str, dest: str | None, **more: Any) -> None:
        self._ways.append({"trigger": trigger, "source": source, "dest": dest, **more})

    # --- the kinds ---

    def caller(self, name: str, node: CallerNode) -> None:
        self.state(name)
        self.way("found", name, node.found, conditions=_is(CustomerFacts), before=_meet)
        self.way("found", name, node.unknown)
        self._lookup_fails(name, node.unavailable)

    def language(self, name: str, node: LanguageNode) -> None:
        prompts = [node.prompt] * len(node.keys)
        self.state(name, _anew, lambda event: _go(event) if event.model.language else _listen(event, prompts))
        self.way("go", name, node.next)
        for key, language in node.keys.items():
            self.way(f"key_{key}", name, node.next, before=_speaks(language))
        speaks = _speaks(self._flow.default_language)
        for trigger in [f"key_{key}" for key in _KEYS if key not in node.keys] + ["time_up"]:
            self.way(trigger, name, node.next, conditions=_last_try(node.tries), before=speaks)
            self.way(trigger, name, None, after=_fails(prompts))
        self.way("said", name, None)

    def menu(self, name: str, node: MenuNode) -> None:
        self.state(name, _anew, lambda event: _listen(event, [node.prompt]))
        for key in _KEYS:
            if key in node.keys:
                self.way(f"key_{key}", name, node.keys[key])
            else:
                self.way(f"key_{key}", name, node.too_many, conditions=_last_try(node.tries))
                self.way(f"key_{key}", name, None, after=_fails([node.wrong, node.prompt]))
        self.way("time_up", name, node.silence or node.too_many, conditions=_last_try(node.tries))
        self.way("time_up", name, None, after=_fails([node.silent, node.prompt] if node.silent else [node.prompt]))
        self.way("said", name, None)

    def ask(self, name: str, node: AskNode) -> None:
        looking = f"{name}/looking"
        self.state(looking)
        self.state(name, lambda event: _listen(event, [node.prompt]) if event.transition.source != looking else None)

        def is_good(event: Event) -> bool:
            keyed = event.model.keyed
            return bool(tracking.parse(keyed)) if node.what == "tracking" else keyed.isdigit()

        def is_whole(event: Event) -> bool:
            return len(event.model.keyed) + 1 >= node.most

        for key in _KEYS.replace(node.end, ""):
            self.way(f"key_{key}", name, None, unless=is_whole, after=_collects(key))
            self.way(f"key_{key}", name, looking, before=[_collects(key), _looks])
        for trigger in (f"key_{node.end}", "time_up"):
            self.way(trigger, name, looking, conditions=[_keyed, is_good], before=_looks)
            self.way(trigger, name, node.too_many, conditions=_last_try(node.tries))
            self.way(trigger, name, None, conditions=_keyed, after=_fails([node.wrong]))
            self.way(trigger, name, None, after=_fails([node.silent]))
        self.way("said", name, None)
        self.way("found", looking, node.found, conditions=_is(TicketFacts, CustomerFacts), before=_meet)
        self.way("found", looking, node.too_many, conditions=_last_try(node.tries))
        self.way("found", looking, name, after=_fails([node.unknown or node.wrong]))
        self._lookup_fails(looking, node.unavailable or node.too_many)

    def say(self, name: str, node: SayNode) -> None:
        self.state(name, _says(node.prompt))
        self._cut(name, node.next)
        self.way("said", name, self._entry(node.next))

    def choose(self, name: str, node: ChooseNode) -> None:
        def known(event: Event) -> bool:
            value = event.model
            for part in (node.given or "").split("."):
                value = getattr(value, part, None)
            return value is not None

        self.state(name, _go)
        self.way("go", name, node.known, conditions=known)
        self.way("go", name, node.missing)

    def contract(self, name: str, node: ContractNode) -> None:
        self.state(name, lambda event: None if event.model.customer else _go(event))
        self.way("go", name, node.unknown)

        def ends_within(days: int) -> Callback:
            return lambda event: event.args[0].days_left <= days

        self.way("found", name, node.none, unless=_is(ContractFacts))
        self.way("found", name, node.ended, conditions=ends_within(-1))
        self.way("found", name, node.ending, conditions=ends_within(node.ending_days))
        self.way("found", name, node.valid)
        self._lookup_fails(name, node.unavailable)

    def queue(self, name: str, node: QueueNode) -> None:
        queued = f"{name}/queued"
        self.state(queued)
        if node.prompt is not None:
            self.state(name, _says(node.prompt))
            self.way("said", name, queued)
            self._cut(name, queued)
        self.way("back", queued, OVER, conditions=lambda event: event.args[0] in _SPOKE)
        self.way("back", queued, self._entry(node.timeout), conditions=lambda event: event.args[0] == "TIMEOUT")
        self.way("back", queued, self._entry(node.nobody))

    # --- what several have ---

    def _entry(self, name: str) -> str:
        node = self._flow.nodes[name]
        return f"{name}/queued" if isinstance(node, QueueNode) and node.prompt is None else name

    def _cut(self, name: str, dest: str) -> None:
        for key in _KEYS:
            self.way(f"key_{key}", name, self._entry(dest) if dest in self._flow.nodes else dest, before=_holds(key))

    def _lookup_fails(self, name: str, dest: str) -> None:
        self.way("failed", name, dest)
        self.way("time_up", name, dest, conditions=lambda event: event.model.excused)
        self.way("time_up", name, None, after=_excuses(self._flow.filler))
        self.way("said", name, None)


def _go(event: Event) -> None:
    event.model.trigger("go")


def _anew(event: Event) -> None:
    event.model.tries = 0


def _listen(event: Event, prompts: Sequence[str]) -> None:
    line = event.model
    line.tries, line.keyed = 0, ""
    if line.held:
        key, line.held = line.held, ""
        line.trigger(f"key_{key}")
    else:
        line.prompts += prompts


def _looks(event: Event) -> None:
    event.model.excused = False


def _meet(event: Event) -> None:
    line, answer = event.model, event.args[0]
    if isinstance(answer, TicketFacts):
        line.ticket = answer
    else:
        line.customer, line.language = answer, line.language or answer.language


def _keyed(event: Event) -> bool:
    return bool(event.model.keyed)


def _is(*kinds: type) -> Callback:
    return lambda event: isinstance(event.args[0], kinds)


def _last_try(tries: int) -> Callback:
    return lambda event: event.model.tries + 1 >= tries


def _says(prompt: str) -> Callback:
    return lambda event: event.model.prompts.append(prompt)


def _fails(prompts: Sequence[str]) -> Callback:
    def fails(event: Event) -> None:
        line = event.model
        line.tries, line.keyed = line.tries + 1, ""
        line.prompts += prompts

    return fails


def _speaks(language: str) -> Callback:
    return lambda event: setattr(event.model, "language", language)


def _holds(key: str) -> Callback:
    return lambda event: setattr(event.model, "held", key)


def _collects(key: str) -> Callback:
    return lambda event: setattr(event.model, "keyed", event.model.keyed + key)


def _excuses(filler: str) -> Callback:
    def excuses(event: Event) -> None:
        line = event.model
        line.excused = True
        line.prompts.append(filler)

    return excuses
