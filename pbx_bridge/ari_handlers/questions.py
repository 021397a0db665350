"""Questions that agents ask a colleague first, from the page: who waits meanwhile, who was asked. Pure.

The dialplan records whoever is asked (pbxb-asked-… of extensions.conf.j2). When the agent hands a caller over, that
channel stays with the caller, whose own recording goes on and has the rest: then the question's is to be stopped.
While the daemon is away nobody stops it, and the end of the talk is in two files; nothing is lost. Somebody whom an
agent called has no recording of their own: there the question's goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pbx_bridge.ami.channels import Channel, ChannelTable, Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, by the channels that matter. `before`: those that there were when it began."""

    waiting: frozenset[str]
    before: frozenset[str]
    asked: frozenset[str] = frozenset()


class Questions:
    """Those that go on, by the agent's channel."""

    def __init__(self, table: ChannelTable) -> None:
        self._table = table
        self._asked: dict[str, Question] = {}

    def begin(self, agent: str, waiting: Iterable[str]) -> None:
        """The agent of this channel asks somebody; the others wait."""
        before = frozenset(one.channel for one in self._group_of(agent))
        self._asked[agent] = Question(waiting=frozenset(waiting), before=before)

    def waiting(self, agent: str) -> frozenset[str]:
        """Who waits while that agent asks; nobody: they ask nothing."""
        question = self._asked.get(agent)
        return question.waiting if question is not None else frozenset()

    def over(self) -> list[str]:
        """The channels whose recording is to be stopped: their agent has handed the caller over to them."""
        if not self._asked or not self._table.fresh:
            return []
        living = {one.channel: one for one in self._table.all()}
        found: list[str] = []
        for agent, question in list(self._asked.items()):
            if agent in living:
                self._asked[agent] = self._seen(agent, question)
                continue
            del self._asked[agent]
            if any(_came_in(living.get(name)) for name in question.waiting):
                found += [name for name in sorted(question.asked) if name in living]
        return found

    def _seen(self, agent: str, question: Question) -> Question:
        there = {one.channel for one in self._group_of(agent) if not one.inner and one.bridge}
        return replace(question, asked=question.asked | (there - question.before))

    def _group_of(self, agent: str) -> Group:
        return next((group for group in self._table.groups() if any(one.channel == agent for one in group)), ())


def _came_in(channel: Channel | None) -> bool:
    """Whether it called us: what the dialplan records is the channel that a call begins with."""
    return channel is not None and channel.linkedid == channel.channel
