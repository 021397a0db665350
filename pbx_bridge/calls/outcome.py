"""How a call ended: one decision, from what happened in it, in the words of a support lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pbx_bridge.calls.call import Direction, Outcome, Segment, SegmentKind
from pbx_bridge.calls.facts import StepKind
from pbx_bridge.calls.story import Story
from pbx_bridge.calls.timeline import Leg
from pbx_bridge.calls.transfers import transfers_of

# Far end's hangup causes (Q.850). 603 Decline arrives as 21, a cancelled call as 127; dialstatus is not to be
# trusted: it is the last value ever set on the channel.
_REFUSED = {17: Outcome.BUSY, 21: Outcome.REJECTED, 127: Outcome.CANCELLED}
_NEAR = timedelta(seconds=1)  # what ends together is told within this
_NO_ANSWER_CAUSES = frozenset({0, 16, 18, 19, 26})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """All that the outcome depends on.

    Attributes:
        lost: the PBX died with the call.
        fallback: the dialplan had to serve the caller without the menus.
    """

    story: Story
    segments: Sequence[Segment]
    lost: bool
    fallback: bool = False

    def last(self, kind: SegmentKind) -> Segment | None:
        return next((s for s in reversed(self.segments) if s.kind is kind), None)

    @property
    def served(self) -> bool:
        """The IVR's answer was heard to its end."""
        return any(step.kind is StepKind.HEARD and step.data.get("serves") is True for step in self.story.steps)

    @property
    def met_machine(self) -> bool:
        """The caller was led by our dialplan, whoever they are: an agent may call the menu too."""
        return any(s.kind in (SegmentKind.IVR, SegmentKind.WAIT, SegmentKind.VOICEMAIL) for s in self.segments)

    @property
    def wanted_person(self) -> bool:
        """The menus rang a phone for a caller from outside; what an agent asked for rings that agent first."""
        return self.story.direction is Direction.INBOUND and self.last(SegmentKind.RING) is not None

    @property
    def left_voicemail(self) -> bool:
        """A message was left, as far as is known."""
        return any(s.kind is SegmentKind.VOICEMAIL and s.result != "not_left" for s in self.segments)

    @property
    def ended_by(self) -> str:
        """As in Call, of a call that is over."""
        if self.lost:
            return ""
        return "agent" if self.agent_left_first else _ended_by(self.story)

    @property
    def agent_left_first(self) -> bool:
        """The agent hung up, and all that came after it was the flow: a survey. The talk is what was ended."""
        flow, talk = self.last(SegmentKind.IVR), self.last(SegmentKind.TALK)
        if flow is None or talk is None or self.segments[-1] is not flow or talk.ended_at is None:
            return False
        return flow.started_at >= talk.ended_at and _hung_up(self.story, talk.ended_at)

    @property
    def far(self) -> Leg | None:
        """The leg of whoever was called outside, or last of all; None if nobody was."""
        if self.story.customer is not self.story.timeline.root:
            return self.story.customer
        return max(self.story.timeline.others(), key=lambda leg: (leg.started_at, leg.name), default=None)


def outcome_of(ending: Ending) -> Outcome:
    """The outcome of a call that is over."""
    if ending.last(SegmentKind.TALK) is not None:
        return Outcome.ANSWERED
    match ending.story.direction:
        case Direction.INBOUND:
            return _inbound(ending)
        case Direction.INTERNAL if ending.met_machine:
            return _inbound(ending)
        case Direction.OUTBOUND | Direction.INTERNAL:
            return _outbound(ending)


def _inbound(ending: Ending) -> Outcome:
    wait = ending.last(SegmentKind.WAIT)
    if ending.left_voicemail:
        return Outcome.VOICEMAIL
    if wait is not None and wait.result == "abandoned":
        return Outcome.ABANDONED_QUEUE
    if wait is None and ending.served and not ending.wanted_person:
        return Outcome.SELF_SERVED
    if ending.lost:
        return Outcome.LOST
    # Once a call is in a queue, the queue decides; a phone that rang makes it missed too.
    if wait is not None or ending.last(SegmentKind.RING) is not None:
        return Outcome.MISSED
    return _in_the_menus(ending)


def _in_the_menus(ending: Ending) -> Outcome:
    if ending.ended_by == "caller":
        # Without us the dialplan was taking the caller to a person: the wait for one is what they gave up.
        return Outcome.ABANDONED_QUEUE if ending.fallback else Outcome.ABANDONED_IVR
    # Ended by us, and nobody was reached: never taken at all, or sent away by the menu.
    return Outcome.MISSED if ending.met_machine or ending.story.timeline.root.answered_at else Outcome.REJECTED


def _outbound(ending: Ending) -> Outcome:
    if ending.lost:
        return Outcome.LOST
    root, far = ending.story.timeline.root, ending.far
    given_up = root.hung_up_by in root.names
    if far is None:
        return Outcome.CANCELLED if given_up else Outcome.FAILED
    if far.cause in _REFUSED:
        return _REFUSED[far.cause]
    if far.cause in _NO_ANSWER_CAUSES:
        return Outcome.CANCELLED if given_up else Outcome.NO_ANSWER
    return Outcome.FAILED


def cause_of(ending: Ending) -> int | None:
    """The Q.850 cause that tells most of why it ended: the far end's when nobody talked, else the caller's."""
    far, root = ending.far, ending.story.timeline.root
    silent = ending.last(SegmentKind.TALK) is None and ending.story.direction is not Direction.INBOUND
    return far.cause if silent and far is not None and far.cause else root.cause


def _ended_by(story: Story) -> str:
    root, customer = story.timeline.root, story.customer
    if root.hung_up_at is None:
        return ""
    refused = customer is not root and customer.answered_at is None and customer.hung_up_by in customer.names
    by = _source(story, root.hung_up_by or customer.hung_up_by, root.hung_up_at)
    if refused or by in customer.names:
        return "caller"
    if by in root.names or any(by in leg.names and _spoke(leg) for leg in story.timeline.others()):
        return "agent"
    # The caller's last word before a hang-up that Asterisk names nobody for.
    told = [step.data.get("by") for step in story.steps if step.kind is StepKind.ENDED]
    return "caller" if told and told[-1] == "caller" else "system"


def _hung_up(story: Story, at: datetime) -> bool:
    """Whether one of ours put the phone down then; who sends a caller on does that too."""
    if any(abs(made.at - at) < _NEAR for made in transfers_of(story.timeline, story.names)):
        return False
    others = (leg for leg in story.timeline.others() if leg.hung_up_by in leg.names and _spoke(leg))
    return any(leg.hung_up_at is not None and abs(leg.hung_up_at - at) < _NEAR for leg in others)


def _source(story: Story, told: str, at: datetime) -> str:
    """The channel that ended the call: the one told, unless that one was long gone.

    An agent's phone that hangs up after a transfer, while its bridge still stands, is put down as the source on the
    customer's channel and stays there to the end.
    """
    gone = [leg for leg in story.timeline.legs if told in leg.names and leg.ended_at and leg.ended_at < at - _NEAR]
    if not gone:
        return told
    last = [leg for leg in story.timeline.others() if leg.hung_up_at is not None and leg.hung_up_at > at - _NEAR]
    return next((leg.hung_up_by for leg in last if leg.hung_up_by), "")


def _spoke(leg: Leg) -> bool:
    return any(not stay.holding for stay in leg.stays)
