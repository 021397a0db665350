"""An Asterisk of a Debian release in a folder, to run or to try on."""

from __future__ import annotations

from pathlib import Path

import click

from pbx_bridge.cli.pbx import pbx
from pbx_bridge.config import load


@pbx.command("install")
@click.option(
    "--suite", default="sid", show_default=True, help="The Debian release: sid has Asterisk 22, bullseye 16."
)
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="The folder; default: beside pbx.root.")
def pbx_install(suite: str, to: Path | None) -> None:
    """Install the Asterisk of a Debian release into a folder of its own; the machine's packages stay as they are.

    Needs root, Debian and the network, and a minute. A folder that is whole already is left as it is.

    \b
    Example:
      pbx-bridge pbx install --suite bullseye
    """
    from pbx_bridge.pbx.find import have_asterisk
    from pbx_bridge.pbx.steps import Step
    from pbx_bridge.pbx.tree import root_of, suite_named

    wanted = suite_named(suite)
    root = (to or root_of(load().asterisk_root, wanted)).absolute()
    step = Step(lambda line: click.echo(line, err=True))
    asterisk = have_asterisk(root, step.tell, wanted)
    click.echo(f"Asterisk {asterisk.version} in {root}")
