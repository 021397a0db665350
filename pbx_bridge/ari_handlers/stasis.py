"""Who runs which flow: every channel in our Stasis application has one caller's actor, also after a restart.

Nothing is replayed to a client that was away. So after each connect we look at the channels Asterisk holds for us
and go on with each: at its flow node if we know the run, from the start if we do not. A caller in a queue, at
an agent's phone or leaving a message is the dialplan's; the run waits in the store and in `_queued` until it gives
them back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from structlog.contextvars import bind_contextvars

from pbx_bridge.ari_handlers import wire
from pbx_bridge.ari_handlers.caller import Caller, Left, Means, StillThere, context_of
from pbx_bridge.ari_handlers.dead_man import ALIVE_SECONDS
from pbx_bridge.ari_handlers.saying import ChunkEnded
from pbx_bridge.ari_handlers.speech import parse_playback_id
from pbx_bridge.calls.as_told import number_of_channel
from pbx_bridge.errors import AsteriskError
from pbx_bridge.ivr import engine
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.nodes import QueueNode
from pbx_bridge.ivr.run import Effect, GivenBack, Happening, Phase, Place, Resumed, Run

log = structlog.get_logger()

_RETURN = "_return"
_TICK = 0.5  # seconds between looks at the dead-man timers
_SWEEP = 60.0  # seconds between looks for queued callers who are gone
_FAILED_PLAYBACK_WAITS = 0.2  # seconds
_FRESH = 0.5  # seconds taken off a new channel's dead-man timer: it began before we heard of it


class Stasis:
    """The reception desk: hears ARI's events, keeps one actor for each caller.

    Args:
        node: the PBX's systemname. app: our Stasis application.
        forget: writes down that runs are over for good (channels that are gone).
        on_boot: told Asterisk's start-up time after each connect.
    """

    def __init__(
        self,
        means: Means,
        *,
        node: str,
        app: str,
        forget: Callable[[Sequence[str]], Awaitable[None]],
        on_boot: Callable[[wire.Info], Awaitable[None]],
    ) -> None:
        self._means, self._node, self._app = means, node, app
        self.numbers = means.numbers  # the rules for callers from now on
        self._forget, self._on_boot = forget, on_boot
        self._callers: dict[str, Caller] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._queued: dict[str, Run] = {}
        self._generation = 0
        self._leaving = False  # another daemon goes on with the callers
        self._met_in: dict[str, int] = {}

    def remember(self, runs: Mapping[str, Run]) -> None:
        """The runs an earlier life of the daemon left, by channel; call before connecting."""
        self._queued.update(runs)

    # --- the link's side ---

    def opened(self) -> None:
        """A new connection: callers of earlier ones are to be looked after in `recover`."""
        self._generation += 1

    def heard(self, event: wire.Event) -> None:
        """Pass an event to its caller; never waits."""
        if self._leaving:
            return
        match event:
            case wire.StasisStart():
                self._arrived(event.channel, event.args)
            case wire.ChannelDtmfReceived():
                caller = self._callers.get(event.channel.id)
                if caller is not None:
                    caller.key(event.digit, event.timestamp)
            case wire.PlaybackFinished():
                self._playback_finished(event.playback)
            case wire.StasisEnd():
                caller = self._callers.get(event.channel.id)
                if caller is not None:
                    caller.post(Left())
            case _:
                pass

    def _playback_finished(self, playback: wire.Playback) -> None:
        ours = parse_playback_id(playback.id)
        if ours is None:
            return
        channel, number, chunk = ours
        caller = self._callers.get(channel)
        if caller is None:
            return
        if playback.state == "failed":
            # A hang-up fails the playback first and tells StasisEnd a moment later: that is what counts then.
            failed = ChunkEnded(number, chunk, failed=True)
            asyncio.get_running_loop().call_later(_FAILED_PLAYBACK_WAITS, caller.post, failed)
        else:
            caller.post(ChunkEnded(number, chunk))

    async def recover(self) -> None:
        """Look around after a connect: go on with every caller Asterisk holds for us, let go of those who left."""
        if self._leaving:
            return
        await self._on_boot(await self._means.ari.startup())
        channels = {channel.id: channel for channel in await self._means.ari.channels()}
        ours = {name: args for name, channel in channels.items() if (args := self._arguments(channel)) is not None}
        for name, caller in list(self._callers.items()):
            if name not in ours:
                caller.post(Left())
            elif self._met_in.get(name) != self._generation:
                self._met_in[name] = self._generation
                caller.post(Resumed())
        for name, args in ours.items():
            if not self._in_hand(name):
                self._found(channels[name], args)
        await self._let_go_of_absent(channels)

    def _arguments(self, channel: wire.Channel) -> list[str] | None:
        app, *args = channel.dialplan.app_data.split(",")
        return args if channel.dialplan.app_name == "Stasis" and app == self._app else None

    async def _let_go_of_absent(self, channels: Mapping[str, wire.Channel]) -> None:
        absent = [name for name in self._queued if name not in channels]
        for name in absent:
            del self._queued[name]
        if absent:
            await self._forget(absent)

    # --- callers ---

    def _arrived(self, channel: wire.Channel, args: Sequence[str]) -> None:
        if self._in_hand(channel.id):
            return  # met already while looking around
        match list(args):
            case ["in", called, *_]:
                self._queued.pop(channel.id, None)
                self._begin(channel, called)
            case _ if (back := _given_back(args)) is not None:
                self._came_back(channel, back)
            case _:
                log.error("stasis_arguments_unknown", channel=channel.id, args=list(args))
                self._spawn(channel.id, self._send_away(channel.id))

    def _in_hand(self, channel: str) -> bool:
        """True while an actor still serves the channel; one that has handed it over may yet be writing that down."""
        caller = self._callers.get(channel)
        if caller is None:
            return False
        if caller.run.phase is Phase.QUEUED:
            self._queued[channel] = caller.run
            return False
        return True

    def _found(self, channel: wire.Channel, args: Sequence[str]) -> None:
        run = self._queued.get(channel.id)
        back = _given_back(args)
        # Else what gave it back then is told already: the caller has gone on to where the run stands.
        if run is None or (back is not None and engine.awaits(self._flow_of(run), run, back)):
            self._arrived(channel, args)
            return
        del self._queued[channel.id]
        log.info("run_resumed", channel=channel.id, flow_node=run.at)
        self._serve(run, Resumed(), answered=channel.state == "Up", alive_for=0.0)

    def _flow_of(self, run: Run) -> Flow:
        return self._means.flows.of(run.version, run.called).flow

    def _begin(self, channel: wire.Channel, called: str) -> None:
        run, effects = engine.begin(
            self._means.flows.answering(called).flow,
            node=self._node,
            channel=channel.id,
            caller=number_of_channel(self.numbers, channel.name, channel.caller.number),
            caller_name=channel.caller.name,
            called=called,
            now=self._means.clock(),
        )
        self._serve(run, effects, answered=channel.state == "Up", alive_for=ALIVE_SECONDS - _FRESH)

    def _came_back(self, channel: wire.Channel, back: GivenBack) -> None:
        run = self._queued.pop(channel.id, None)
        if run is None:
            log.warning("return_of_unknown_run", channel=channel.id, what=back.what, to=back.to)
            self._spawn(channel.id, self._send_away(channel.id))
            return
        self._serve(run, back, answered=True, alive_for=ALIVE_SECONDS - _FRESH)

    def _serve(self, run: Run, first: Sequence[Effect] | Happening, *, answered: bool, alive_for: float) -> None:
        caller = Caller(run, self._means, answered=answered, alive_for=alive_for)
        self._callers[run.channel] = caller
        self._met_in[run.channel] = self._generation
        self._spawn(run.channel, self._attend(caller, first))

    def _spawn(self, channel: str, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        task.set_name(f"caller-{channel}")
        self._tasks[channel] = task
        task.add_done_callback(lambda _: self._tasks.pop(channel, None) if self._tasks.get(channel) is task else None)

    async def _attend(self, caller: Caller, first: Sequence[Effect] | Happening) -> None:
        channel = caller.run.channel
        bind_contextvars(channel=channel)  # whatever is logged by this task and those it starts is about this call
        try:
            await caller.run_until_over(first)
        except Exception:  # whatever is wrong with us, the caller is helped
            log.exception("caller_failed", channel=channel)
            await self._to_a_person(caller.run)
        finally:
            if self._callers.get(channel) is caller:
                del self._callers[channel]
                self._met_in.pop(channel, None)
                if caller.run.phase is Phase.QUEUED:
                    self._queued[channel] = caller.run

    async def _to_a_person(self, run: Run) -> None:
        channel, flow = run.channel, self._flow_of(run)
        node = flow.nodes[flow.person]
        try:
            if isinstance(node, QueueNode):
                await self._means.ari.continue_at(channel, context_of(Place.QUEUE), node.queue)
        except AsteriskError as error:
            log.warning("caller_left_to_dialplan", channel=channel, reason=str(error))

    async def _send_away(self, channel: str) -> None:
        try:
            await self._means.ari.leave(channel)
        except AsteriskError as error:
            log.warning("channel_not_sent_away", channel=channel, reason=str(error))

    # --- the desk's own task ---

    async def run(self) -> None:
        """Keep dead-man timers running and forget queued callers who hung up. Ends only when cancelled."""
        swept = asyncio.get_running_loop().time()
        try:
            while True:
                await asyncio.sleep(_TICK)
                for caller in list(self._callers.values()):
                    if caller.renewal_due:
                        caller.post(StillThere())
                now = asyncio.get_running_loop().time()
                if self._queued and now - swept > _SWEEP:
                    swept = now
                    await self._sweep()
        finally:
            await self._stop()

    async def _sweep(self) -> None:
        try:
            channels = {channel.id: channel for channel in await self._means.ari.channels()}
        except AsteriskError:
            return
        await self._let_go_of_absent(channels)

    async def _stop(self) -> None:
        """Leave the callers where they are: the next daemon goes on with them, or the dialplan does."""
        self._leaving = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _given_back(args: Sequence[str]) -> GivenBack | None:
    """What Stasis' arguments `queue_return,support,TIMEOUT` say, for each Place; None if they say nothing of it."""
    match args:
        case [word, to, status, *_] if word.endswith(_RETURN):
            return GivenBack(word.removesuffix(_RETURN), to, status)
        case _:
            return None
