"""`pbx render`: every file of Asterisk's configuration, made from the settings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.pbx import pbx
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import SettingsError

if TYPE_CHECKING:
    from pbx_bridge.pbx.program import Asterisk


@pbx.command("render")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="The folder; default: HOME/rendered.")
@click.option("--asterisk", "version", metavar="VERSION", help="As `asterisk -V` says it; default: what is here.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
def pbx_render(to: Path | None, version: str | None, dry_run: bool) -> None:
    """Make every file of Asterisk's configuration from the settings, and show what changes in the folder.

    Passwords are made on first use in HOME/secrets and stand in the files, which only their owner and group can
    read; none is shown. What is unknown or does not fit together in the settings is named, all of it at once, and
    then nothing is written. The private Asterisk needs none of this: `run` and `prepare` do the same for it.

    Exit status: 0, or 1 when the settings are refused or the folder cannot be written.

    \b
    Example:
      pbx-bridge pbx render --to asterisk-etc --asterisk 20.9.3 --dry-run
    """
    from pbx_bridge.config.pbx_plan import pbx_plan  # the other commands start faster without these
    from pbx_bridge.pbx.render import render
    from pbx_bridge.pbx.written import changes, others, put

    settings = load()
    folder = to or settings.home / "rendered"
    files = render(pbx_plan(settings, _asterisk(settings, version)))
    told = changes(folder, files)
    if not dry_run:
        put(folder, told)
    for change in told:
        click.echo(f"{change.state:<8} {change.name}")
        if change.state == "changed":
            click.echo("\n".join(change.diff()))
    for name in others(folder, files):
        click.echo(f"{'other':<8} {name}: not ours, and left as it is")
    count = Counter(change.state for change in told)
    done = "would be written to" if dry_run else "written to"
    click.echo(f"{count['new'] + count['changed']} files {done} {folder}, {count['same']} the same", err=True)


def _asterisk(settings: Settings, version: str | None) -> Asterisk:
    """Whose configuration it is to be. Raises SettingsError."""
    from pbx_bridge.pbx.find import find_asterisk
    from pbx_bridge.pbx.program import Asterisk
    from pbx_bridge.pbx.version import parse_version

    found = find_asterisk(settings.asterisk_root)
    if version is None:
        if found is None:
            raise SettingsError("there is no Asterisk here yet: say which one it is for, as --asterisk 22.10.1")
        return found
    parsed = parse_version(f"Asterisk {version}")
    if parsed is None:
        raise SettingsError(f"{version!r} is no Asterisk version, such as 22.10.1")
    # Which modules another machine has is not known from here, so all that we want are named.
    return found if found and found.version == parsed else Asterisk(version=parsed, user=None)
