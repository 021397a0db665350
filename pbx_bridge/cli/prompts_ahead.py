"""`prompts ahead`: free text (tickets' notes, customers' names) spoken to files before anybody calls."""

from __future__ import annotations

import asyncio
import math
import os
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import place_of
from pbx_bridge.cli.system import prompts
from pbx_bridge.config import Settings, load

if TYPE_CHECKING:
    from pbx_bridge.ivr.ahead import Need
    from pbx_bridge.ivr.phrase import Clip

_LOWEST_PRIORITY = 19  # callers come first


@prompts.command("ahead")
@click.option("--now", is_flag=True, help="Make what is lacking, drop what nobody needs, and wait for it.")
@click.option(
    "--at-most", default=math.inf, metavar="S", help="Begin nothing more after S seconds; default: no limit."
)
@click.pass_context
def prompts_ahead(ctx: click.Context, now: bool, at_most: float) -> None:
    """How much of the free text that callers can hear is spoken to files: tickets' notes, customers' names.

    The daemon makes what the flow in use says, within a minute of each change and at low priority; a caller who comes
    before that does not hear the sentence. Clips are counted; a long note has several. A ticket that was closed more
    than 30 days ago has none.

    Exit status: 0 all are made; 1 some are waiting, or no voice can say them, or nothing could be looked up.

    \b
    Example:
      pbx-bridge prompts ahead --now
    """
    from pbx_bridge.app_flows import loader_of
    from pbx_bridge.ivr.ahead import clips_of, needs_of

    settings = load()
    loader = loader_of(settings)
    lines = ("", *settings.number_rules().flow_names)
    met = [loader.newest(settings.flow_of_line(line), line) for line in lines]
    needed = needs_of((flow, announcer.book) for flow, announcer in met)
    wanted = clips_of(needed, asyncio.run(_texts(settings, needed)))
    said = ", ".join(sorted({need.value for need in needed}))
    names = ", ".join(dict.fromkeys(flow.name for flow, _ in met))
    click.echo(f"flow {names} says {said or 'no free text'}")
    failed = _keep_up(settings, wanted, at_most) if now else 0
    loader.ahead.take(loader.ahead.news())
    waiting = len([clip for clip in wanted if clip not in loader.ahead.clips]) - failed
    click.echo(f"clips: {len(wanted) - waiting - failed} made, {waiting} waiting, {failed} cannot be said")
    ctx.exit(1 if waiting or failed else 0)


async def _texts(settings: Settings, needed: tuple[Need, ...]) -> dict[str, list[str]]:
    from pbx_bridge.health import utc_now
    from pbx_bridge.ivr.ahead import texts_of

    async with place_of(settings).open_existing() as store:
        return await texts_of(needed, store.free_texts, utc_now())


def _keep_up(settings: Settings, wanted: tuple[Clip, ...], at_most: float) -> int:
    """Do it; how many cannot be made."""
    from pbx_bridge.cli.system import speakers_of
    from pbx_bridge.ivr.sounds.ahead import keep_up
    from pbx_bridge.ivr.sounds.speakers import find_prefix
    from pbx_bridge.pbx.paths import find_paths

    os.setpriority(os.PRIO_PROCESS, 0, _LOWEST_PRIORITY)
    prefix = find_prefix(settings.asterisk_root)
    sounds = find_paths(settings.home, settings.asterisk_root).sounds
    done = keep_up(sounds, wanted, speakers_of(settings, prefix), prefix, seconds=at_most)
    click.echo(f"{done.made} made, {done.dropped} dropped")
    return done.failed
