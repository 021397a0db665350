"""`calls survey`: what callers thought of the talks they had."""

from __future__ import annotations

import asyncio
from typing import Literal

import click

from pbx_bridge.cli.base import place_of
from pbx_bridge.cli.record import calls
from pbx_bridge.config import load


@calls.command("survey")
@click.option("--since", metavar="T", help="Only calls that began since T: 2h, 3d, 2026-11-21, 1405/08/30 14:30.")
@click.option("--by", type=click.Choice(["agent", "queue"]), help="A line for each agent, or for each queue.")
def calls_survey(since: str | None, by: Literal["agent", "queue"] | None) -> None:
    """What callers answered after their talks: for each question the mean, of how many, and how many gave no answer.

    A caller who was asked and left, or kept silent, counts as no answer and not in the mean. Exit status 0; 1 if the
    store cannot be read or --since is no time.

    \b
    Examples:
      pbx-bridge calls survey --since 30d
      pbx-bridge calls survey --by agent
    """
    from pbx_bridge.store import survey_command  # the other commands start faster without it

    asyncio.run(survey_command.show_survey(place_of(load()), click.echo, since=since, by=by))
