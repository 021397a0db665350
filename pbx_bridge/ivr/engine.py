"""The flow engine: `advance(flow, run, happening, now) -> (run, effects)`. Pure: no I/O, no clock, no await.

Theory of operation. A run stands at one flow node in one phase and waits for one of a few happenings; anything
else is late or foreign and changes nothing but the keys typed ahead. Entering a node either waits (a prompt plays,
a lookup runs, a queue holds the caller) or goes straight on to the next; a chain of nodes that never wait is cut
after `_LONGEST_CHAIN` and the caller goes to a person, so that no flow file can hang the daemon.

Keys. A key during a prompt cuts it at once. Keys nobody has used yet stay in `run.keyed` and count for the next
node that listens, without its prompt being said; a failed try throws them away, as does a caller's hand-over.

Numbers. Playbacks, timers and lookups are numbered from one counter. An answer whose number is not the present one
is late: dropped.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, assert_never

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.flow import Flow, Node
from pbx_bridge.ivr.run import (
    Begun,
    ContractFacts,
    CustomerFacts,
    Effect,
    Found,
    Gone,
    HangUp,
    Happening,
    KeyPressed,
    LookUp,
    LookupFailed,
    Part,
    Phase,
    PromptEnded,
    QueueReturned,
    Resumed,
    Run,
    TicketFacts,
    TimeUp,
    ToQueue,
)
from pbx_bridge.ivr.turn import Turn
from pbx_bridge.values import tracking

FILLER_AFTER = 1.5  # seconds of silence before a slow lookup is excused; the promise is 2
GIVE_UP_AFTER = 8.0  # seconds until a lookup counts as failed, the filler included

_LONGEST_CHAIN = 50
_SPOKE_WITH_PERSON = frozenset({"CONTINUE", "COMPLETE"})
_NOBODY = frozenset({"JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "FULL", ""})


def begin(
    flow: Flow, *, node: str, channel: str, caller: str, caller_name: str, called: str, now: datetime
) -> tuple[Run, tuple[Effect, ...]]:
    """A new caller's run and what is to be done first."""
    run = Run(
        node=node,
        channel=channel,
        caller=caller,
        caller_name=caller_name,
        called=called,
        flow=flow.name,
        version=flow.version,
        entered_at=now,
        at=flow.start,
    )
    return advance(flow, run, Begun(), now)


def advance(flow: Flow, run: Run, happening: Happening, now: datetime) -> tuple[Run, tuple[Effect, ...]]:
    """What becomes of a run when something happens to it, and what is to be done about it, in order."""
    if run.phase is Phase.OVER:
        return run, ()
    turn = _Engine(flow, run, now)
    turn.take(happening)
    return turn.run, tuple(turn.effects)


class _Engine(Turn):
    """What each happening does at each kind of node."""

    # --- happenings ---

    def take(self, happening: Happening) -> None:
        match happening:
            case Begun():
                self.step(StepKind.STARTED, **self._introduction())
                self._enter(self.flow.start)
            case Resumed():
                self._resume()
            case KeyPressed(key):
                self._key(key)
            case PromptEnded(playback, heard):
                self._prompt_ended(playback, heard)
            case TimeUp(timer):
                self._time_up(timer)
            case Found(lookup, answer):
                self._found(lookup, answer)
            case LookupFailed(lookup, reason):
                self._lookup_failed(lookup, reason)
            case QueueReturned(queue, status):
                self._queue_returned(queue, status)
            case Gone(by):
                self._over(by)
            case _:
                assert_never(happening)

    def _introduction(self) -> dict[str, Any]:
        run = self.run
        return {
            "flow": run.flow,
            "version": run.version,
            "caller": run.caller,
            "caller_name": run.caller_name,
            "called": run.called,
        }

    def _resume(self) -> None:
        self.step(StepKind.RESUMED)
        node = self.node if self.run.at in self.flow.nodes else None
        if self.run.phase is Phase.QUEUED and isinstance(node, flows.QueueNode):
            self._hand_over(node)  # we were stopped between deciding and doing
            return
        self.set(keyed="", playback=0, timer=0, lookup=0)
        self._enter(self.run.at if self.run.at in self.flow.nodes else self.flow.person, again=True)

    def _key(self, key: str) -> None:
        if self.run.phase is Phase.QUEUED:
            return
        self.set(keyed=self.run.keyed + key)
        node = self.node
        match self.run.phase:
            case Phase.SAYING:
                self.stop_playing()
                if isinstance(node, flows.SayNode):
                    self._enter(node.next)
                elif isinstance(node, flows.QueueNode):
                    self._hand_over(node)
            case Phase.COLLECTING:
                self.stop_playing()
                self._collect()
            case _:
                pass  # typed ahead: kept for the node that listens next

    def _prompt_ended(self, playback: int, heard: bool) -> None:
        if playback != self.run.playback or not playback:
            return
        node = self.node
        self.set(playback=0)
        if not heard:
            self.step(StepKind.TROUBLE, reason="prompt could not be played to its end")
        match self.run.phase, node:
            case Phase.SAYING, flows.SayNode():
                if heard:
                    self.step(StepKind.HEARD, prompt=node.prompt, playback=playback, serves=node.serves)
                self._enter(node.next)
            case Phase.SAYING, flows.QueueNode():
                self._hand_over(node)
            case Phase.COLLECTING, flows.LanguageNode() | flows.MenuNode() | flows.AskNode():
                self.start_timer(node.wait)
            case _:
                pass  # a filler: the lookup's own timer goes on

    def _time_up(self, timer: int) -> None:
        if timer != self.run.timer or not timer:
            return
        self.set(timer=0)
        node = self.node
        match self.run.phase, node:
            case Phase.LOOKING, _:
                self._lookup_takes_long()
            case Phase.COLLECTING, flows.AskNode() if self.run.keyed:
                self._answer(node, self.run.keyed)
            case Phase.COLLECTING, flows.LanguageNode() | flows.MenuNode() | flows.AskNode():
                self.step(StepKind.KEYS, keys="", result="timeout")
                self._failed(node, silent=True)
            case _:
                pass

    def _queue_returned(self, queue: str, status: str) -> None:
        if not isinstance(self.node, flows.QueueNode):
            self.set(at=self.flow.person)  # we were killed between handing over and writing that down
        node = self.node
        if not isinstance(node, flows.QueueNode):
            return
        self.step(StepKind.QUEUE_RETURN, queue=queue or node.queue, status=status)
        self.set(phase=Phase.SAYING)
        if status in _SPOKE_WITH_PERSON:
            self._hang_up("queue")
        else:
            self._enter(node.nobody if status in _NOBODY else node.timeout)

    # --- entering nodes ---

    def _enter(self, name: str, again: bool = False) -> None:
        self.chain += 1
        if self.chain > _LONGEST_CHAIN:
            self._give_up("the flow goes round in circles")
            return
        if self._too_long(name):
            return
        self.set(at=name, tries=self.run.tries if again else 0, timer=0, lookup=0)
        node = self.node
        match node:
            case flows.CallerNode():
                self._look_up("caller", self.run.caller)
            case flows.LanguageNode():
                self._choose_language(node)
            case flows.MenuNode() | flows.AskNode():
                self._listen(node, (node.prompt,))
            case flows.SayNode():
                self.set(phase=Phase.SAYING)
                self.play((node.prompt,), listens=False, serves=node.serves)
            case flows.ChooseNode():
                self._enter(node.known if self._is_known(node.given) else node.missing)
            case flows.ContractNode():
                self._ask_contract(node)
            case flows.QueueNode():
                self._queue(node)
            case flows.HangUpNode():
                self._hang_up("flow")
            case _:
                assert_never(node)

    def _too_long(self, name: str) -> bool:
        limit = timedelta(minutes=self.flow.longest_minutes)
        target = self.flow.nodes[name]
        if isinstance(target, flows.QueueNode | flows.HangUpNode) or self.now - self.run.entered_at < limit:
            return False
        if isinstance(target, flows.SayNode) and isinstance(self.flow.nodes[target.next], flows.HangUpNode):
            return False  # a last word
        self._give_up("the caller was in the menus for too long")
        return True

    def _give_up(self, reason: str) -> None:
        self.step(StepKind.TROUBLE, reason=reason)
        self.set(at=self.flow.person, tries=0, keyed="", timer=0, lookup=0)
        node = self.node
        if isinstance(node, flows.QueueNode):
            self._hand_over(node)

    def _is_known(self, given: str) -> bool:
        value: Any = self.run.values()
        for name in given.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value is not None

    # --- listening ---

    def _choose_language(self, node: flows.LanguageNode) -> None:
        if self.run.language:
            self._enter(node.next)
        else:
            self._listen(node, ())

    def _listen(self, node: flows.LanguageNode | flows.MenuNode | flows.AskNode, prompts: tuple[str, ...]) -> None:
        self.set(phase=Phase.COLLECTING)
        if self.run.keyed:
            self._collect()
        elif isinstance(node, flows.LanguageNode):
            self.play_parts(tuple(Part(node.prompt, language) for language in node.keys.values()), listens=True)
        else:
            self.play(prompts, listens=True)

    def _collect(self) -> None:
        node = self.node
        match node:
            case flows.LanguageNode() | flows.MenuNode():
                key, rest = self.run.keyed[0], self.run.keyed[1:]
                self.set(keyed=rest, timer=0)
                self._chosen(node, key)
            case flows.AskNode():
                digits, end, rest = self.run.keyed.partition(node.end)
                if end or len(digits) >= node.longest:
                    self.set(keyed=rest if end else digits[node.longest :], timer=0)
                    self._answer(node, digits[: node.longest])
                else:
                    self.start_timer(node.between)
            case _:
                pass

    def _chosen(self, node: flows.LanguageNode | flows.MenuNode, key: str) -> None:
        target = node.keys.get(key)
        self.step(StepKind.KEYS, keys=key, result="match" if target else "invalid")
        if target is None:
            self._failed(node)
        elif isinstance(node, flows.LanguageNode):
            self._speak(target, "key")
            self._enter(node.next)
        else:
            self._enter(target)

    def _answer(self, node: flows.AskNode, digits: str) -> None:
        self.set(keyed="" if self.run.keyed == digits else self.run.keyed, timer=0)
        key = tracking.parse(digits) if node.what == "tracking" else digits if digits.isdigit() else None
        self.step(StepKind.KEYS, keys=digits, result="match" if key else "invalid")
        if key is None:
            self._failed(node)
        else:
            self._look_up(node.what, key)

    def _failed(
        self,
        node: flows.LanguageNode | flows.MenuNode | flows.AskNode,
        silent: bool = False,
        unknown: bool = False,
    ) -> None:
        """Another try with the words that fit, or the way out when there were too many."""
        self.set(tries=self.run.tries + 1, keyed="")
        if self.run.tries >= node.tries:
            self._out_of_tries(node, silent)
            return
        match node:
            case flows.LanguageNode():
                self._listen(node, ())
            case flows.MenuNode():
                word = node.silent if silent else node.wrong
                self._listen(node, (word, node.prompt) if word else (node.prompt,))
            case flows.AskNode():
                self._listen(node, (node.unknown if unknown else node.silent if silent else node.wrong,))
            case _:
                assert_never(node)

    def _out_of_tries(self, node: flows.LanguageNode | flows.MenuNode | flows.AskNode, silent: bool) -> None:
        match node:
            case flows.LanguageNode():
                self._speak(self.flow.default_language, "default")
                self._enter(node.next)
            case flows.MenuNode():
                self._enter(node.silence if silent and node.silence else node.too_many)
            case flows.AskNode():
                self._enter(node.too_many)
            case _:
                assert_never(node)

    def _speak(self, language: str, by: str) -> None:
        self.set(language=language)
        self.step(StepKind.LANGUAGE, language=language, by=by)

    # --- lookups ---

    def _look_up(self, what: str, key: str) -> None:
        number = self.next()
        self.set(phase=Phase.LOOKING, lookup=number, excused=False)
        self.effects.append(LookUp(number, what, key))
        self.start_timer(FILLER_AFTER)

    def _ask_contract(self, node: flows.ContractNode) -> None:
        if self.run.customer is None:
            self._enter(node.unknown)
        else:
            self._look_up("contract", self.run.customer.code)

    def _lookup_takes_long(self) -> None:
        if self.run.excused:
            self._lookup_failed(self.run.lookup, f"no answer within {GIVE_UP_AFTER:g} s")
            return
        self.set(excused=True)
        self.step(StepKind.FILLER, prompt=self.flow.filler)
        self.play((self.flow.filler,), listens=False)
        self.start_timer(GIVE_UP_AFTER - FILLER_AFTER)

    def _found(self, lookup: int, answer: CustomerFacts | TicketFacts | ContractFacts | None) -> None:
        if self.run.phase is not Phase.LOOKING or lookup != self.run.lookup:
            return
        self.set(lookup=0, timer=0)
        self.stop_playing()
        node = self.node
        match node:
            case flows.CallerNode():
                self._met(node, answer)
            case flows.AskNode():
                self._asked(node, answer)
            case flows.ContractNode():
                self._contract(node, answer)
            case _:
                self._enter(self.flow.person)

    def _lookup_failed(self, lookup: int, reason: str) -> None:
        if self.run.phase is not Phase.LOOKING or lookup != self.run.lookup:
            return
        node = self.node
        self.set(lookup=0, timer=0, keyed="")
        self.stop_playing()
        self.step(StepKind.LOOKUP, what=_what(node), result="unavailable", reason=reason)
        if isinstance(node, flows.CallerNode | flows.AskNode | flows.ContractNode):
            self._enter(node.unavailable)
        else:
            self._enter(self.flow.person)

    def _met(self, node: flows.CallerNode, answer: object) -> None:
        if not isinstance(answer, CustomerFacts):
            self.step(StepKind.LOOKUP, what="caller", result="none")
            self._enter(node.unknown)
            return
        self._known_customer(answer, "number")
        self._enter(node.found)

    def _known_customer(self, customer: CustomerFacts, by: str) -> None:
        self.set(customer=customer)
        self.step(StepKind.CUSTOMER, code=customer.code, name=customer.name, by=by)
        if not self.run.language and customer.language in self.flow.languages:
            self._speak(customer.language, "record")

    def _asked(self, node: flows.AskNode, answer: object) -> None:
        match answer:
            case TicketFacts():
                self.set(ticket=answer)
                told = {"result": "found", "tracking_number": answer.tracking_number}
                self.step(StepKind.LOOKUP, what=node.what, **told)
                self._enter(node.found)
            case CustomerFacts():
                self.step(StepKind.LOOKUP, what=node.what, result="found", customer_code=answer.code)
                self._known_customer(answer, "code")
                self._enter(node.found)
            case _:
                self.step(StepKind.LOOKUP, what=node.what, result="none")
                self._failed(node, unknown=True)

    def _contract(self, node: flows.ContractNode, answer: object) -> None:
        if not isinstance(answer, ContractFacts):
            self.step(StepKind.LOOKUP, what="contract", result="none")
            self._enter(node.none)
            return
        self.set(contract=answer)
        standing = "ended" if answer.days_left < 0 else "ending" if answer.days_left <= node.ending_days else "valid"
        told = {"number": answer.number, "ends_on": answer.ends_on.isoformat(), "standing": standing}
        self.step(StepKind.LOOKUP, what="contract", result="found", **told)
        self._enter({"ended": node.ended, "ending": node.ending, "valid": node.valid}[standing])

    # --- leaving ---

    def _queue(self, node: flows.QueueNode) -> None:
        if node.prompt is None:
            self._hand_over(node)
            return
        self.set(phase=Phase.SAYING)
        self.play((node.prompt,), listens=False)

    def _hand_over(self, node: flows.QueueNode) -> None:
        self.stop_playing()
        self.set(phase=Phase.QUEUED, keyed="", timer=0)
        self.step(StepKind.QUEUE, queue=node.queue)
        self.effects.append(ToQueue(node.queue, self.language))

    def _hang_up(self, by: str) -> None:
        self.stop_playing()
        self.effects.append(HangUp())
        self._over(by)

    def _over(self, by: str) -> None:
        if self.run.phase is not Phase.QUEUED:
            self.step(StepKind.ENDED, by=by)
        self.set(phase=Phase.OVER, playback=0, timer=0, lookup=0, keyed="")


def _what(node: Node) -> str:
    match node:
        case flows.AskNode():
            return node.what
        case flows.ContractNode():
            return "contract"
        case _:
            return "caller"
