"""One caller's actor and the reception desk, with Asterisk's verbs written down instead of carried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from pbx_bridge.ari_handlers import dead_man, saying, wire
from pbx_bridge.ari_handlers.caller import Means
from pbx_bridge.ari_handlers.connection import Failed
from pbx_bridge.ari_handlers.repertoire import LoadedFlow, Repertoire
from pbx_bridge.ari_handlers.requests import Ari
from pbx_bridge.ari_handlers.speech import parse_playback_id, playback_id
from pbx_bridge.ari_handlers.stasis import Stasis
from pbx_bridge.calls.fact_text import decode
from pbx_bridge.calls.facts import RawFact, Step, StepKind
from pbx_bridge.errors import AriConflict, AriGone, AriUnavailable, PromptError
from pbx_bridge.health import Meter, utc_now
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.known import Answer, CustomerFacts
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.questions import CustomerOfCaller, Question
from pbx_bridge.ivr.run import Phase, Run
from pbx_bridge.ivr.sounds.voice import Media

SUPPORT = flows.load("support")
TEXTS = PromptBook.load()
INFO = wire.Info(status=wire.Status(startup_time=datetime(2026, 11, 21, tzinfo=UTC)))


class WrittenAri(Ari):
    """Verbs that are written down; each test waits for the one it needs."""

    def __init__(self) -> None:
        self.verbs: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self.done: list[tuple[str, ...]] = []
        self.refuse: dict[str, Exception] = {}
        self.present: list[wire.Channel] = []

    async def _do(self, *verb: str) -> None:
        self.done.append(verb)
        self.verbs.put_nowait(verb)
        if verb[0] in self.refuse:
            raise self.refuse[verb[0]]

    async def until(self, *verb: str) -> tuple[str, ...]:
        async with asyncio.timeout(30):
            while True:
                told = await self.verbs.get()
                if told[: len(verb)] == verb:
                    return told

    async def answer(self, channel: str) -> None:
        await self._do("answer", channel)

    async def set_variable(self, channel: str, name: str, value: str, timeout: float = 5.0) -> None:
        await self._do("set", name, value)

    async def set_in_silence(self, channel: str, name: str, value: str, failed: Failed) -> None:
        await self._do("set", name, value)

    async def play(self, channel: str, playback: str, media: Sequence[str], failed: Failed) -> None:
        await self._do("play", playback, *media)

    async def stop_playback(self, playback: str, failed: Failed) -> None:
        await self._do("stop", playback)

    async def continue_at(self, channel: str, context: str, extension: str) -> None:
        await self._do("continue", context, extension)

    async def leave(self, channel: str) -> None:
        await self._do("leave", channel)

    async def channels(self) -> list[wire.Channel]:
        return self.present

    async def startup(self) -> wire.Info:
        return INFO


@dataclass
class Words:
    """A speaker whose prompts are one file a sentence, each as long as the test says."""

    seconds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def text(self, prompt: str, language: str, values: Mapping[str, Any]) -> str:
        return f"{prompt} in {language}"

    def media(self, prompt: str, language: str, values: Mapping[str, Any]) -> tuple[Media, ...]:
        if prompt in self.broken:
            raise PromptError("no sound")
        lengths = self.seconds.get(prompt, (1.0,))
        return tuple(Media(uri=f"sound:{prompt}/{n}", seconds=length) for n, length in enumerate(lengths))


class OneCustomer:
    """Knows the language of everybody who calls, and nothing else."""

    async def answer(self, question: Question) -> Answer:
        if isinstance(question, CustomerOfCaller):
            return CustomerFacts(code="1001", name="Arman", language="en")
        raise OSError("the CRM is away")


@dataclass
class Desk:
    ari: WrittenAri
    words: Words
    stasis: Stasis
    facts: list[RawFact]
    runs: dict[str, Run]
    forgotten: list[str]
    changed: asyncio.Event

    def steps(self) -> list[Step]:
        decoded = [decode(fact) for fact in self.facts]
        return [fact for fact in decoded if isinstance(fact, Step)]

    def arrive(self, channel: str = "c1", args: tuple[str, ...] = ("in", "100")) -> None:
        self.stasis.heard(wire.StasisStart(channel=channel_of(channel, args), args=args))

    def finished(self, verb: tuple[str, ...], state: str = "done") -> None:
        self.stasis.heard(wire.PlaybackFinished(playback=wire.Playback(id=verb[1], state=state)))

    def press(self, keys: str, channel: str = "c1") -> None:
        for key in keys:
            self.stasis.heard(wire.ChannelDtmfReceived(channel=wire.Channel(id=channel), digit=key))

    def leave(self, channel: str = "c1") -> None:
        self.stasis.heard(wire.StasisEnd(channel=wire.Channel(id=channel)))

    async def kept(self, when: Callable[[], bool]) -> None:
        """Until what was kept makes it so."""
        async with asyncio.timeout(30):
            while not when():
                self.changed.clear()
                await self.changed.wait()

    async def idle(self) -> None:
        """Until the caller is out of our hands."""
        await self.kept(lambda: "c1" in self.runs and self.runs["c1"].phase in (Phase.OVER, Phase.QUEUED))


def channel_of(name: str, args: tuple[str, ...] = ("in", "100"), state: str = "Ring") -> wire.Channel:
    data = ",".join(("pbx_bridge", *args))
    return wire.Channel(
        id=name,
        state=state,
        caller=wire.CallerId("Arman", "09121234567"),
        dialplan=wire.Dialplan(app_name="Stasis", app_data=data),
    )


@asynccontextmanager
async def opened(flow: flows.Flow = SUPPORT) -> AsyncIterator[Desk]:
    ari, words, facts, runs = WrittenAri(), Words(), list[RawFact](), dict[str, Run]()
    forgotten: list[str] = []
    changed = asyncio.Event()

    def keep(told: Sequence[RawFact], run: Run) -> asyncio.Future[None]:
        facts.extend(told)
        runs[run.channel] = msgspec.json.decode(msgspec.json.encode(run), type=Run)
        changed.set()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def forget(channels: Sequence[str]) -> None:
        forgotten.extend(channels)

    async def booted(info: wire.Info) -> None:
        assert info is INFO

    means = Means(
        ari=ari,
        flows=Repertoire(LoadedFlow(flow=flow, texts=TEXTS, speaker=words)),
        lookups=OneCustomer(),
        keep=keep,
        clock=utc_now,
        key_to_play=Meter("m", "h"),
    )
    stasis = Stasis(means, node="pbx1", app="pbx_bridge", forget=forget, on_boot=booted)
    stasis.opened()
    ticker = asyncio.create_task(stasis.run(), name="stasis")
    try:
        yield Desk(ari, words, stasis, facts, runs, forgotten, changed)
    finally:
        ticker.cancel()
        await asyncio.gather(ticker, return_exceptions=True)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened() as made:
        yield made


def test_playback_ids_are_read_back_whatever_the_channel_is_called() -> None:
    assert parse_playback_id(playback_id("pbx1-1.0:x", 7, 2)) == ("pbx1-1.0:x", 7, 2)
    for foreign in ("", "pbxb", "pbxb:1:2", "other:1:2:c", "pbxb:a:2:c"):
        assert parse_playback_id(foreign) is None


async def test_answered_first_then_the_prompts(desk: Desk) -> None:
    desk.arrive()
    welcome = await desk.ari.until("play")
    assert desk.ari.done[0] == ("answer", "c1")
    assert welcome[2:] == ("sound:welcome/0",)
    desk.finished(welcome)
    assert (await desk.ari.until("play"))[2:] == ("sound:menu/0",)


async def test_a_long_prompt_is_played_in_chunks_the_timer_can_cover(desk: Desk) -> None:
    desk.words.seconds["welcome"] = (3.0, 3.0, 3.0, 3.0)
    desk.arrive()
    first = await desk.ari.until("play")
    assert first[2:] == ("sound:welcome/0", "sound:welcome/1")
    desk.finished(first)
    assert (await desk.ari.until("play"))[2:] == ("sound:welcome/2", "sound:welcome/3")
    said = [step for step in desk.steps() if step.kind is StepKind.SAID]
    assert [step.data["prompt"] for step in said] == ["welcome"], "said once, however many chunks"


async def test_the_dead_man_timer_is_set_before_a_chunk_that_would_outlast_it(desk: Desk) -> None:
    desk.words.seconds["welcome"] = (12.0,)
    desk.arrive()
    await desk.ari.until("play")
    timer = desk.ari.done.index(("set", "TIMEOUT(absolute)", "16"))
    assert timer < next(n for n, verb in enumerate(desk.ari.done) if verb[0] == "play")


async def test_the_timer_is_renewed_in_silence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_man, "RENEW_BELOW", 60.0)  # always due
    desk.arrive()
    desk.finished(await desk.ari.until("play"))
    desk.finished(await desk.ari.until("play"))
    await desk.ari.until("set", "TIMEOUT(absolute)", "10")


async def test_a_key_stops_what_is_playing_and_what_follows_is_said(desk: Desk) -> None:
    desk.arrive()
    welcome = await desk.ari.until("play")
    desk.press("1")
    assert await desk.ari.until("stop") == ("stop", welcome[1])
    assert (await desk.ari.until("play"))[2:] == ("sound:ask_tracking/0",)
    desk.finished(welcome)  # Asterisk tells the end of the stopped one: it must change nothing
    desk.press("0")
    await desk.ari.until("stop")


async def test_a_failing_lookup_ends_in_the_queue(desk: Desk) -> None:
    desk.arrive()
    await desk.ari.until("play")
    desk.press("14712965#")
    unavailable = await desk.ari.until("play")
    while unavailable[2] != "sound:unavailable/0":
        unavailable = await desk.ari.until("play")
    desk.finished(unavailable)
    assert await desk.ari.until("continue") == ("continue", "pbxb-queue", "support")
    assert ("set", "CHANNEL(language)", "en") in desk.ari.done
    await desk.idle()
    assert desk.runs["c1"].phase is Phase.QUEUED


async def test_a_hang_up_ends_the_run_and_fails_no_prompt(desk: Desk) -> None:
    desk.arrive()
    welcome = await desk.ari.until("play")
    desk.finished(welcome, state="failed")  # a hang-up fails the playback first
    desk.leave()
    await desk.idle()
    assert [step.kind for step in desk.steps()][-1] is StepKind.ENDED
    assert StepKind.TROUBLE not in {step.kind for step in desk.steps()}
    assert desk.steps()[-1].data == {"by": "caller"}


async def test_a_prompt_that_fails_is_told_and_the_flow_goes_on(desk: Desk) -> None:
    desk.arrive()
    desk.finished(await desk.ari.until("play"), state="failed")
    assert (await desk.ari.until("play"))[2:] == ("sound:menu/0",)
    assert StepKind.TROUBLE in {step.kind for step in desk.steps()}


async def test_a_prompt_without_a_sound_is_passed_over(desk: Desk) -> None:
    desk.words.broken.add("welcome")
    desk.arrive()
    assert (await desk.ari.until("play"))[2:] == ("sound:menu/0",)


async def test_a_playback_whose_end_is_never_told_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saying, "_OVERDUE", 0.01)
    desk.words.seconds["welcome"] = (0.01,)
    desk.arrive()
    await desk.ari.until("play")
    assert (await desk.ari.until("play"))[2:] == ("sound:menu/0",)


@pytest.mark.parametrize("error", [AriGone("gone"), AriConflict("not in Stasis")])
async def test_a_channel_that_is_not_ours_any_more_is_left_alone(desk: Desk, error: Exception) -> None:
    desk.ari.refuse["play"] = error
    desk.arrive()
    await desk.idle()
    assert ("leave", "c1") not in desk.ari.done
    assert desk.steps()[-1].kind is StepKind.ENDED


async def test_without_ari_the_timer_is_not_renewed_until_it_is_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_man, "RENEW_BELOW", 60.0)
    desk.ari.refuse["play"] = AriUnavailable("cut")
    desk.arrive()
    await desk.ari.until("play")
    before = len(desk.ari.done)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(desk.ari.done) == before, "a caller we cannot serve is the dialplan's"
    desk.ari.refuse.clear()
    desk.ari.present = [channel_of("c1")]
    desk.stasis.opened()
    await desk.stasis.recover()
    await desk.ari.until("set", "TIMEOUT(absolute)")
    assert (await desk.ari.until("play"))[2:] == ("sound:welcome/0",)


async def test_a_restarted_desk_goes_on_at_the_same_node() -> None:
    async with opened() as first:
        first.arrive()
        await first.ari.until("play")
        first.press("1")
        asked = await first.ari.until("play")
        await first.kept(lambda: any(s.data.get("prompt") == "ask_tracking" for s in first.steps()))
        kept = dict(first.runs)
    async with opened() as second:
        second.stasis.remember({**kept, "hung-up": kept["c1"]})
        second.ari.present = [channel_of("c1", state="Up")]
        await second.stasis.recover()
        assert await second.ari.until("stop") == ("stop", asked[1]), "what still plays is hushed first"
        assert (await second.ari.until("play"))[2:] == ("sound:ask_tracking/0",)
        assert second.forgotten == ["hung-up"]
        assert ("answer", "c1") not in second.ari.done


async def test_a_queue_gives_the_caller_back_also_after_a_restart(desk: Desk) -> None:
    desk.arrive()
    await desk.ari.until("play")
    desk.press("0")
    to_person = await desk.ari.until("play")
    desk.finished(to_person)
    await desk.ari.until("continue")
    desk.arrive(args=("queue_return", "support", "JOINEMPTY", "", ""))
    nobody = await desk.ari.until("play")
    assert nobody[2:] == ("sound:nobody/0",)
    desk.finished(nobody)
    call_back = await desk.ari.until("play")
    assert call_back[2:] == ("sound:callback_confirm/0",)
    desk.press("1")
    promised = await desk.ari.until("play")
    desk.finished(promised)
    assert await desk.ari.until("leave") == ("leave", "c1")
    await desk.idle()
    assert desk.runs["c1"].phase is Phase.OVER


async def test_a_stranger_from_a_queue_is_sent_on(desk: Desk) -> None:
    desk.arrive("c9", args=("queue_return", "support", "TIMEOUT"))
    assert await desk.ari.until("leave") == ("leave", "c9")
    desk.arrive("c8", args=("what", "is", "this"))
    assert await desk.ari.until("leave") == ("leave", "c8")


async def test_our_own_fault_still_brings_a_person(desk: Desk) -> None:
    desk.words.text = lambda *_: 1 / 0  # type: ignore[method-assign, assignment]
    desk.arrive()
    assert await desk.ari.until("continue") == ("continue", "pbxb-queue", "support")


async def test_callers_gone_while_we_were_away_are_let_go(desk: Desk) -> None:
    desk.arrive()
    await desk.ari.until("play")
    desk.stasis.opened()
    await desk.stasis.recover()  # Asterisk has no channels
    await desk.idle()
    assert desk.steps()[-1].kind is StepKind.ENDED
