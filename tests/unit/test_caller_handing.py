"""One caller's actor and the reception desk when a flow gives the caller away, and across a restart in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from test_caller import Desk, channel_of, opened
from test_engine_handing import FLOW

from pbx_bridge.calls.facts import StepKind
from pbx_bridge.ivr.run import Phase, Run


@asynccontextmanager
async def phones_ring() -> AsyncIterator[Desk]:
    """A caller who was given to the phones 101 and 102."""
    async with opened(FLOW) as desk:
        desk.arrive()
        await desk.ari.until("play")
        desk.press("2")
        await desk.ari.until("continue")
        await desk.idle()
        yield desk


@asynccontextmanager
async def restarted(run: Run, *args: str) -> AsyncIterator[Desk]:
    """Another life of the daemon: it knows that run, and Asterisk holds the channel with these arguments for it."""
    async with opened(FLOW) as desk:
        desk.stasis.remember({"c1": run})
        desk.ari.present = [channel_of("c1", args, state="Up")]
        await desk.stasis.recover()
        yield desk


async def test_the_dialplan_is_told_how_long_and_in_which_language() -> None:
    async with phones_ring() as desk:
        assert desk.ari.done[-3:] == [
            ("set", "PBXB_RING", "20"),
            ("set", "CHANNEL(language)", "en"),
            ("continue", "pbxb-dial", "101+102"),
        ]


@pytest.mark.parametrize(
    ("args", "next_verb"),
    [
        (("dial_return", "101+102", "BUSY"), ("play",)),
        (("dial_return", "101+102", "ANSWER"), ("leave", "c1")),
        (("dial_return", "101+102", "CHANUNAVAIL"), ("continue", "pbxb-dial", "101+102")),
        (("fax_return", "", ""), ("continue", "pbxb-queue", "support")),
        (("_return", "", ""), ("continue", "pbxb-queue", "support")),
    ],
)
async def test_given_back_the_caller_goes_on(args: tuple[str, ...], next_verb: tuple[str, ...]) -> None:
    async with phones_ring() as desk:
        desk.arrive(args=args)
        await desk.ari.until(*next_verb)


async def test_given_back_in_the_moment_of_the_restart_it_is_a_return() -> None:
    async with phones_ring() as first:
        run = first.runs["c1"]
    async with restarted(run, "dial_return", "101+102", "BUSY") as second:
        await second.ari.until("play")
        assert StepKind.HANDED_BACK in [step.kind for step in second.steps()]


async def test_a_return_told_before_the_restart_is_not_told_again() -> None:
    async with phones_ring() as first:
        first.arrive(args=("dial_return", "101+102", "BUSY"))
        await first.ari.until("play")
        await first.kept(lambda: first.runs["c1"].at == "busy")
        run = first.runs["c1"]
    async with restarted(run, "dial_return", "101+102", "BUSY") as second:
        assert (await second.ari.until("play"))[2:] == ("sound:queue_timeout/0",)
        kinds = [step.kind for step in second.steps()]
        assert kinds[0] is StepKind.RESUMED
        assert StepKind.HANDED_BACK not in kinds


async def test_stopped_before_the_next_hand_over_was_done_it_is_done() -> None:
    async with phones_ring() as first:
        run = msgspec.structs.replace(first.runs["c1"], at="box", phase=Phase.QUEUED)
    async with restarted(run, "dial_return", "101+102", "NOANSWER") as second:
        await second.ari.until("continue", "pbxb-voicemail", "600")
