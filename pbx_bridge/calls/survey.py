"""What callers answered when they were asked about a talk, and about whose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pbx_bridge.calls.call import Segment, SegmentKind, SurveyAnswer
from pbx_bridge.calls.facts import Step, StepKind

_HIGHEST = 9  # one key


def survey_of(steps: Iterable[Step], segments: Sequence[Segment]) -> tuple[SurveyAnswer, ...]:
    """Every question that was asked, once for each talk, in the order they were first asked.

    A question has a step when it begins, without an answer, and another when it is answered; after a restart it
    begins anew. The agent is whoever talked last before: only the fold knows who of a queue or a group that was.
    """
    found: dict[tuple[str, str, datetime | None], SurveyAnswer] = {}
    for step in steps:
        if step.kind is StepKind.SURVEY and (told := _read(step)) is not None:
            talk = _talk_before(segments, step.at)
            agent = talk.party if talk is not None and talk.party else told.agent
            key = (step.flow_node, told.question, talk.started_at if talk is not None else None)
            if key not in found or told.answer is not None:
                found[key] = SurveyAnswer(
                    question=told.question,
                    answer=told.answer,
                    scale=told.scale,
                    queue=told.queue,
                    agent=agent,
                    at=told.at,
                )
    return tuple(found.values())


def _read(step: Step) -> SurveyAnswer | None:
    """What one step tells; None if that is nothing that we write."""
    match step.data:
        case {"question": str(question), "answer": int() | None as answer, "scale": int(scale)} if (
            question and 1 <= scale <= _HIGHEST and (answer is None or 1 <= answer <= scale)
        ):
            queue, agent = (str(step.data.get(name) or "") for name in ("queue", "agent"))
            return SurveyAnswer(question=question, answer=answer, scale=scale, queue=queue, agent=agent, at=step.at)
        case _:
            return None


def _talk_before(segments: Sequence[Segment], moment: datetime) -> Segment | None:
    """The talk that ended last before then."""
    talks = [one for one in segments if one.kind is SegmentKind.TALK and one.started_at < moment]
    return max(talks, key=lambda one: (one.ended_at or moment, one.started_at), default=None)
