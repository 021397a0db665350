"""`webhook`: a service of the settings is told something, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.fields import ServiceAnswer
from pbx_bridge.ivr.nodes.arguments import ServiceName, Telling
from pbx_bridge.ivr.nodes.base import NodeName
from pbx_bridge.ivr.questions import TellService

if TYPE_CHECKING:
    from pbx_bridge.ivr.turn import Turn


class WebhookNode(Telling, frozen=True, kw_only=True, tag="webhook"):
    """Tells a service values of this call, as JSON. `failed`: it did not take them; without it that is `next` too."""

    service: ServiceName
    next: NodeName
    failed: NodeName | None = None

    @property
    def looks_up(self) -> str:
        """See Kind."""
        return self.service

    def on_enter(self, turn: Turn) -> None:
        """See Kind."""
        run = turn.run
        try:
            values = self.arguments(run)
        except KeyError as unknown:
            self._failed(turn, f"{unknown.args[0]} is not known")
            return
        # What was taken counts up `told`; so a restarted daemon repeats this, and the next time it is another.
        origin = f"{run.node}:{run.channel}:{run.at}:{run.told}"
        turn.look_up(TellService(service=self.service, values=values, origin=origin))

    def on_answer(self, turn: Turn, answer: object) -> None:
        """See Kind."""
        if not isinstance(answer, ServiceAnswer):
            self._failed(turn, "the service knows no such thing")
        elif answer.trouble:
            self._failed(turn, answer.trouble)
        else:
            turn.set(told=turn.run.told + 1)
            turn.step(StepKind.WEBHOOK, service=self.service, result="sent")
            turn.enter(self.next)

    def on_no_answer(self, turn: Turn) -> None:
        """See Kind."""
        self._failed(turn, "no answer")

    def _failed(self, turn: Turn, reason: str) -> None:
        turn.step(StepKind.WEBHOOK, service=self.service, result="failed", reason=reason)
        turn.enter(self.failed or self.next)
