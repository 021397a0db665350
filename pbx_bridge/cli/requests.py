"""What callers left for people to do: tickets, complaints, callbacks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import cli, place_of
from pbx_bridge.config import load

if TYPE_CHECKING:
    from pbx_bridge.store.complaint_steps import Handling


@cli.group()
def tickets() -> None:
    """The tickets on record."""


@tickets.command("list")
@click.option("--open", "unfinished", is_flag=True, help="Only those that are neither resolved nor closed.")
def tickets_list(unfinished: bool) -> None:
    """Tickets, the newest first: imported ones, and those that callers opened. Times are in the company's zone.

    \b
    Example:
      pbx-bridge tickets list --open
    """
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    asyncio.run(requests_commands.show_tickets(place_of(load()), click.echo, unfinished=unfinished))


@tickets.command("assign")
@click.argument("number")
@click.option("--to", metavar="NAME", default="", help="The user who has it from now on; without it: nobody.")
def tickets_assign(number: str, to: str) -> None:
    """A ticket or complaint is given to somebody of ours. Exit status 1 if it cannot be.

    \b
    Example:
      pbx-bridge tickets assign 4712083 --to sara
    """
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    asyncio.run(requests_commands.assign_ticket(place_of(load()), click.echo, number, to))


@tickets.command("status")
@click.argument("number")
@click.argument("status")
def tickets_status(number: str, status: str) -> None:
    """A ticket goes to another state; callers hear it at once. A complaint has commands of its own.

    STATUS is in_progress, waiting_customer, resolved, closed or reopen.

    \b
    Example:
      pbx-bridge tickets status 4712083 resolved
    """
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    asyncio.run(requests_commands.move_ticket(place_of(load()), click.echo, number, status))


@cli.group()
def complaints() -> None:
    """The complaints on record, and what is done about them."""


@complaints.command("list")
@click.option("--late", is_flag=True, help="Only those with a missed deadline; exit status 1 if there are any.")
@click.pass_context
def complaints_list(ctx: click.Context, late: bool) -> None:
    """Complaints, the nearest deadline first. Times are in the company's zone.

    \b
    Examples:
      pbx-bridge complaints list
      pbx-bridge complaints list --late
    """
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    found = asyncio.run(requests_commands.show_complaints(place_of(load()), click.echo, late=late))
    ctx.exit(1 if late and found else 0)


@complaints.command("acknowledge")
@click.argument("number")
@click.option("--done", metavar="TEXT", default="", help="What was done so far; kept with the complaint.")
def complaints_acknowledge(number: str, done: str) -> None:
    """The customer was told that their complaint is being looked at. Exit status 1 if that was so before.

    \b
    Example:
      pbx-bridge complaints acknowledge 4712083
    """
    from pbx_bridge.store.complaint_steps import Handling  # the other commands start faster without it

    _handle(number, Handling.ACKNOWLEDGE, done)


@complaints.command("answer")
@click.argument("number")
@click.option("--done", metavar="TEXT", required=True, help="What was done about it; kept with the complaint.")
def complaints_answer(number: str, done: str) -> None:
    """The customer has the answer to their complaint. Acknowledges it, too, if nobody did.

    \b
    Example:
      pbx-bridge complaints answer 4712083 --done "line mended, a month refunded"
    """
    from pbx_bridge.store.complaint_steps import Handling  # the other commands start faster without it

    _handle(number, Handling.ANSWER, done)


@complaints.command("close")
@click.argument("number")
@click.option("--done", metavar="TEXT", default="", help="What else there is to say; kept with the complaint.")
@click.option("--satisfied", metavar="WORD", default="", help="What the complainant said: yes, partly, no, unknown.")
def complaints_close(number: str, done: str, satisfied: str) -> None:
    """The complaint is over: the customer agrees, or nothing more can be done. It must have been answered.

    \b
    Example:
      pbx-bridge complaints close 4712083 --satisfied yes
    """
    from pbx_bridge.store.complaint_steps import Handling  # the other commands start faster without it

    _handle(number, Handling.CLOSE, done, satisfied)


@complaints.command("reopen")
@click.argument("number")
@click.option("--done", metavar="TEXT", default="", help="What the customer says; kept with the complaint.")
def complaints_reopen(number: str, done: str) -> None:
    """The customer is not content with the answer: the complaint is open again, with the time that was left.

    \b
    Example:
      pbx-bridge complaints reopen 4712083 --done "the line is slow again"
    """
    from pbx_bridge.store.complaint_steps import Handling  # the other commands start faster without it

    _handle(number, Handling.REOPEN, done)


def _handle(number: str, what: Handling, done: str, satisfied: str = "") -> None:
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    place = place_of(load())
    asyncio.run(requests_commands.handle_complaint(place, click.echo, number, what, done, satisfied))


@cli.group()
def callbacks() -> None:
    """The callers who were promised a call."""


@callbacks.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are done as well, after the others.")
def callbacks_list(everything: bool) -> None:
    """Open callbacks, the longest wanted first. Times are in the company's zone.

    \b
    Example:
      pbx-bridge callbacks list
    """
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    asyncio.run(requests_commands.show_callbacks(place_of(load()), click.echo, everything=everything))


@callbacks.command("done")
@click.argument("id")
@click.option("--by", metavar="EXT", default="", help="The extension of who called.")
@click.option("--result", metavar="TEXT", default="", help="What came of it.")
def callbacks_done(id: str, by: str, result: str) -> None:
    """A callback is done; ID may be its beginning. An answered call to that number does it by itself.

    \b
    Example:
      pbx-bridge callbacks done 3f9ac1 --by 101 --result "nobody there, wrote an e-mail"
    """
    from pbx_bridge.store import requests_commands  # the other commands start faster without it

    asyncio.run(requests_commands.finish_callback(place_of(load()), click.echo, id, by, result))
