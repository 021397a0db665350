"""`flow draw`: a flow as a picture, with how often each way was taken if that is asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.base import place_of
from pbx_bridge.cli.flow import flow, met_by
from pbx_bridge.config import load
from pbx_bridge.errors import InputError

if TYPE_CHECKING:
    from pbx_bridge.ivr.drawing.traffic import Counted
    from pbx_bridge.ivr.flow import Flow
    from pbx_bridge.store.commands import Place


@flow.command("draw")
@click.argument("name", metavar="[FLOW]", required=False)
@click.option("--language", type=click.Choice(["fa", "en"]), help="Of the drawing; default: the flow's first one.")
@click.option("--format", "form", type=click.Choice(["svg", "mermaid"]), default="svg", help="Default: svg.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Default: stdout.")
@click.option("--since", metavar="T", help="With counts of the calls since T: 7d, 2026-11-21, 1405/08/30 14:30.")
def flow_draw(name: str | None, language: str | None, form: str, to: Path | None, since: str | None) -> None:
    """Draw a flow as SVG or as Mermaid text.

    FLOW is a shipped flow's name or a file; default: the one that callers meet. Texts in HOME/prompts count; a prompt
    without text in the language is marked. --since puts on each line how often callers took it, by the record in
    HOME's store. Exit status: 0, or 1 when the flow, an option or the store is wrong.

    \b
    Example:
      pbx-bridge flow draw support --language en --to support.svg
      pbx-bridge flow draw --since 7d --format mermaid
    """
    from pbx_bridge.ivr.drawing import mermaid, svg, texts

    settings = load()
    met, book = met_by(settings, name)
    spoken = language or ("en" if met.default_language == "en" else "fa")
    said = texts.texts_of(book, spoken)
    counted = asyncio.run(_count(place_of(settings), met, since)) if since else None
    draw = svg.svg if form == "svg" else mermaid.mermaid
    _write(draw(met, said, spoken, counted), to)


async def _count(place: Place, met: Flow, since: str) -> Counted:
    from pbx_bridge.ivr.drawn import count
    from pbx_bridge.store.calls_text import moment_of

    start = moment_of(since, place.zone)
    async with place.open_existing() as store:
        return await count(store.calls, met, start, place.zone)


def _write(text: str, to: Path | None) -> None:
    if to is None:
        click.echo(text, nl=False)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=to) from error
