"""`pbx deploy` and `pbx rollback`: our configuration on a PBX, shown, rehearsed, written, proved; and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.pbx import pbx
from pbx_bridge.config import Settings, load

if TYPE_CHECKING:
    from pbx_bridge.deploy.backup import Backups

_FLAVOURS = ["auto", "plain", "freepbx", "issabel", "private"]
_to = click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Asterisk's configuration folder.")


@pbx.command("deploy")
@_to
@click.option(
    "--flavour", type=click.Choice(_FLAVOURS), default="auto", show_default=True, help="Whose files they are."
)
@click.option("--dry-run", is_flag=True, help="Show and check what would change, and write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def pbx_deploy(to: Path | None, flavour: str, dry_run: bool, yes: bool) -> None:
    """Lay our configuration over a PBX: shown, checked, backed up, written, read again, proved by a call.

    Of FreePBX and Issabel only the files for custom settings are touched, and in them only one block of ours. When
    anything fails, or on Ctrl-C, all is put back. A second run changes nothing. --to is, by default, the private
    Asterisk's folder, and with ari.url set /etc/asterisk. What is laid there is told by the settings `deploy`.

    \b
    Example:
      pbx-bridge pbx deploy --to /etc/asterisk --dry-run
    """
    from pbx_bridge.config.deploy_plan import deployment, place_of, settings_to_make
    from pbx_bridge.deploy.folder import Flavour
    from pbx_bridge.deploy.run import deploy

    settings = load()
    place = place_of(settings, to)
    kind = None if flavour == "auto" else Flavour(flavour)
    plan = deployment(settings, place, kind, lambda: yes or click.confirm("Write this?"))
    if deploy(plan, _backups(settings), click.echo, dry_run=dry_run) and plan.flavour is not Flavour.PRIVATE:
        lines = settings_to_make(settings, place)
        if lines:
            click.echo(f"\nfor the daemon, in {settings.home / 'pbx_bridge.toml'}:")
            click.echo("\n".join(f"  {line}" for line in lines))


@pbx.command("rollback")
@click.argument("which", required=False)
@_to
@click.option("--force", is_flag=True, help="Overwrite files that were changed since.")
def pbx_rollback(which: str | None, to: Path | None, force: bool) -> None:
    """Put every file back as it was before a deployment, byte for byte, and have Asterisk read it again.

    WHICH is a backup's name as `pbx deploy` told it; by default the last one. A file that somebody changed since is
    named, and nothing is touched, unless you say --force.

    \b
    Example:
      pbx-bridge pbx rollback
    """
    from pbx_bridge.config.deploy_plan import place_of
    from pbx_bridge.deploy.run import rollback

    settings = load()
    backups = _backups(settings)
    if to is None:
        to = Path((backups.named(which) if which else backups.last()).manifest().etc)
    rollback(place_of(settings, to), backups, which, click.echo, force=force)


def _backups(settings: Settings) -> Backups:
    from pbx_bridge.deploy.backup import Backups

    return Backups(settings.home / "pbx-backups")
