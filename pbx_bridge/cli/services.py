"""`services`: those that flows may ask, and what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import click

from pbx_bridge import logs
from pbx_bridge.cli.base import cli
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import BridgeError, ServiceUnavailable

if TYPE_CHECKING:
    from pbx_bridge.ivr.lookups import Lookups


@cli.group()
def services() -> None:
    """The services of the settings, which flows ask and tell: list and try them."""


@services.command("list")
def services_list() -> None:
    """Every service of the settings, one a line. None is asked; their secrets are read, and not shown.

    Exit status: 0, or 1 when a setting is wrong or a secret cannot be read.

    \b
    Example:
      pbx-bridge services list
    """
    known = load().services_ready()
    if not known:
        click.echo("the settings have no services", err=True)
    for name, one in known.items():
        kept = f", kept {one.cache_s:g} s" if one.cache_s else ""
        click.echo(f"{name:<20} {one.method:<4} {one.url}  within {one.limit_s:g} s{kept}")


@services.command("ask")
@click.argument("name")
@click.argument("arguments", nargs=-1, metavar="[ARGUMENT=VALUE]...")
def services_ask(name: str, arguments: tuple[str, ...]) -> None:
    """Ask a service once, and show each field of its answer with the sorts that a flow can keep it as.

    A value is sent as text. Exit status: 0 when it answered, with or without there being such a thing; 1 when it is
    unavailable, when there is no such service, or when its arguments are others.

    \b
    Example:
      pbx-bridge services ask accounts code=1001
    """
    settings = load()
    logs.configure("error", settings.log.form)
    told = _arguments(settings, name, arguments)
    began = time.monotonic()
    try:
        body = asyncio.run(_ask(settings, name, told))
    except ServiceUnavailable as error:
        raise BridgeError(f"service {name}: {error}") from None
    finally:
        click.echo(f"asked for {time.monotonic() - began:.2f} s", err=True)
    for line in _lines(body):
        click.echo(line)


def asking(settings: Settings) -> Callable[[], AbstractAsyncContextManager[Lookups]]:
    """What answers for the services of the settings, while it is open. Raises SettingsError."""
    from pbx_bridge.services.client import ServiceClient
    from pbx_bridge.services.lookups import ServiceLookups

    logs.configure("error", settings.log.form)  # what fails is told as a step of the call
    ready = settings.services_ready()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Lookups]:
        client = ServiceClient(ready)
        async with client.open():
            yield ServiceLookups(client)

    return opened


async def _ask(settings: Settings, name: str, told: dict[str, str]) -> object:
    from pbx_bridge.services.client import ServiceClient

    client = ServiceClient(settings.services_ready())
    async with client.open():
        return await client.ask(name, told)


def _arguments(settings: Settings, name: str, given: Sequence[str]) -> dict[str, str]:
    """The arguments by name. Raises BridgeError."""
    known = settings.services_known()
    if name not in known:
        raise BridgeError(f"the settings have no service {name!r}; there are: {', '.join(known) or 'none'}")
    told = dict(_parted(one) for one in given)
    needed, service = known[name].arguments, known[name]
    if missing := sorted(needed - told.keys()):
        raise BridgeError(f"service {name} needs {missing[0]}=VALUE")
    if service.method == "GET" and (more := sorted(told.keys() - needed)):
        raise BridgeError(f"the URL of service {name} has no place for the argument {more[0]!r}")
    return told


def _parted(given: str) -> tuple[str, str]:
    argument, equals, value = given.partition("=")
    if not (argument and equals):
        raise BridgeError(f"{given!r} is no ARGUMENT=VALUE")
    return argument, value


def _lines(body: object) -> Iterator[str]:
    from pbx_bridge.ivr.fields import told_by
    from pbx_bridge.values.hostile import clean

    if body is None:
        yield "none: it knows no such thing"
        return
    fields = list(told_by(body))
    if not isinstance(body, dict):
        yield "found, but a flow can keep nothing of it: the answer is no JSON object"
    elif not fields:
        yield "found, with no field that a flow can keep"
    for at, value, sorts in fields if isinstance(body, dict) else ():
        kept_as = ", ".join(sorts) or "a flow cannot keep it"
        yield f"{clean(at, 60)} = {clean(str(value), 80)}  ({kept_as})"
