"""Who may sign in to the pages, which programs may read them, and who did what there."""

from __future__ import annotations

import asyncio

import click

from pbx_bridge.cli.base import cli, new_password, place_of
from pbx_bridge.config import load

_ROLES = click.Choice(["admin", "lead", "agent", "read_only"])


@cli.group()
def users() -> None:
    """Who may sign in to the pages."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=_ROLES, default="lead", show_default=True, help="What they may see and do.")
@click.option("--full-name", default="", help="As people call them.")
@click.option("--extension", default="", help="Their phone: an agent sees the calls of this extension only.")
def users_add(name: str, role: str, full_name: str, extension: str) -> None:
    """Add a user. The password is asked for, or read from standard input.

    \b
    Example:
      pbx-bridge users add sara --role agent --extension 201
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    place, password = place_of(load()), new_password()
    asyncio.run(account_commands.add_user(place, name, password, role, full_name=full_name, extension=extension))
    click.echo(f"{name} may sign in as {role}")


@users.command("passwd")
@click.argument("name")
def users_passwd(name: str) -> None:
    """Give a user a new password. It is asked for, or read from standard input. Their sessions end.

    \b
    Example:
      pbx-bridge users passwd sara < password.txt
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    asyncio.run(account_commands.set_password(place_of(load()), name, new_password()))
    click.echo(f"{name} has a new password")


@users.command("change")
@click.argument("name")
@click.option("--role", type=_ROLES, help="What they may see and do.")
@click.option("--full-name", help="As people call them.")
@click.option("--extension", help="Their phone; empty for none.")
@click.option("--disable/--enable", "disabled", default=None, help="Disabled, they are out at once.")
def users_change(
    name: str, role: str | None, full_name: str | None, extension: str | None, disabled: bool | None
) -> None:
    """Change a user's role, name, extension, or whether they may sign in. The last admin stays one.

    \b
    Example:
      pbx-bridge users change sara --role lead --extension 201
      pbx-bridge users change reza --disable
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    changing = account_commands.change_user(
        place_of(load()), name, role=role, full_name=full_name, extension=extension, disabled=disabled
    )
    click.echo(asyncio.run(changing))


@users.command("sign-out")
@click.argument("name")
def users_sign_out(name: str) -> None:
    """End every session of a user, within some seconds where the daemon runs.

    \b
    Example:
      pbx-bridge users sign-out sara
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    click.echo(f"{asyncio.run(account_commands.sign_out(place_of(load()), name))} sessions ended")


@users.command("list")
def users_list() -> None:
    """Every user: name, role, extension, full name, and whether they are disabled.

    \b
    Example:
      pbx-bridge users list
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    for line in asyncio.run(account_commands.user_lines(place_of(load()))):
        click.echo(line)


@cli.group()
def tokens() -> None:
    """Which programs may read the pages."""


@tokens.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["read_only", "lead", "admin"]),
    default="read_only",
    show_default=True,
    help="What it may read.",
)
@click.option("--until", metavar="DATE", help="The last day on which it holds; else until it is revoked.")
def tokens_add(name: str, role: str, until: str | None) -> None:
    """Make a token and show it, this once. A program sends it as `Authorization: Bearer TOKEN`; it only reads.

    \b
    Example:
      pbx-bridge tokens add month-report --role lead --until 1406/01/01
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    click.echo(asyncio.run(account_commands.add_token(place_of(load()), name, role, until)))


@tokens.command("list")
def tokens_list() -> None:
    """Every token that holds: name, role, end, last use.

    \b
    Example:
      pbx-bridge tokens list
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    for line in asyncio.run(account_commands.token_lines(place_of(load()))):
        click.echo(line)


@tokens.command("revoke")
@click.argument("name")
def tokens_revoke(name: str) -> None:
    """End a token, within some seconds where the daemon runs.

    \b
    Example:
      pbx-bridge tokens revoke month-report
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    asyncio.run(account_commands.revoke_token(place_of(load()), name))
    click.echo(f"{name} holds no more")


@cli.group()
def audit() -> None:
    """Who did or saw what in the pages."""


@audit.command("list")
@click.option("--user", default="", help="Of one person; a token is token:NAME.")
@click.option("--what", default="", help="Of one kind: heard, exported, signed_in, …")
@click.option("--about", default="", help="About one thing: a call's id, a user.")
@click.option("--since", metavar="DATE", help="From this day or moment on.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most N lines.")
def audit_list(user: str, what: str, about: str, since: str | None, limit: int) -> None:
    """The audit log, newest first: time, who, what, about, detail, address.

    \b
    Example:
      pbx-bridge audit list --what heard --since 1405/08/25
    """
    from pbx_bridge.store import account_commands  # the other commands start faster without it

    place = place_of(load())
    lines = account_commands.audit_lines(place, user=user, what=what, about=about, since=since, limit=limit)
    for line in asyncio.run(lines):
        click.echo(line)
