"""`flow lint`: what is wrong with a flow, before a caller meets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.flow import flow
from pbx_bridge.config import Settings, load

if TYPE_CHECKING:
    from pbx_bridge.ivr.lint import files as lint_files


@flow.command("lint")
@click.argument("flows", nargs=-1, metavar="[FLOW]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.pass_context
def flow_lint(ctx: click.Context, flows: tuple[str, ...], as_json: bool, strict: bool) -> None:
    """Name everything that is wrong with flows, with file, line and what to do.

    FLOW is a shipped flow's name or a file; default: the flow of the settings. Texts in HOME/prompts count; lengths
    are those of the rendered sounds, where there are any.

    Exit status: 0 without errors (--strict: without warnings too), 1 otherwise.

    \b
    Example:
      pbx-bridge flow lint mine.yaml
    """
    from pbx_bridge.ivr.lint import files as lint_files  # the other commands start faster without it

    settings = load()
    told = lint_files.lint_files(flows or (settings.ivr.flow,), _known(settings))
    for each in told:
        click.echo(each.json() if as_json else each.line())
    errors = sum(each.is_error for each in told)
    click.echo(f"errors: {errors}, warnings: {len(told) - errors}", err=True)
    ctx.exit(1 if errors or (strict and told) else 0)


def errors_of(settings: Settings, name: str) -> list[str]:
    """What keeps a flow from callers, a line each; warnings are not among it. Raises FlowError, PromptError."""
    from pbx_bridge.ivr.lint import files as lint_files

    return [told.line() for told in lint_files.lint_files((name,), _known(settings)) if told.is_error]


def _known(settings: Settings) -> lint_files.Known:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from pbx_bridge.ivr.lint.files import Known
    from pbx_bridge.ivr.lint.seconds import PromptSeconds
    from pbx_bridge.ivr.prompts import PromptBook
    from pbx_bridge.ivr.sounds.voice import Voice
    from pbx_bridge.pbx.paths import find_paths

    zone = ZoneInfo(settings.zone)
    today = datetime.now(zone).date()
    book = PromptBook.load(extra_folder=settings.home / "prompts")
    voice = Voice.load(find_paths(settings.home, settings.asterisk_root).sounds)
    if settings.ari.url is not None or settings.deploy.numbers:  # of a PBX that is not ours we know what we were told
        return Known(
            book=book,
            seconds=PromptSeconds(book, voice),
            queues=settings.deploy.queues or None,
            services=settings.services_known(),
            today=today,
            zone=zone,
        )
    return Known(
        book=book,
        seconds=PromptSeconds(book, voice),
        queues=settings.pbx.queue_names,
        mailboxes=(settings.pbx.mailbox,),
        extensions=settings.pbx.extensions,
        services=settings.services_known(),
        today=today,
        zone=zone,
    )
