"""The voice workshop: the voice actor's script out, recordings in, and what callers would hear as a fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pbx_bridge.cli.system import prompts
from pbx_bridge.config import Settings, load
from pbx_bridge.errors import PromptError

if TYPE_CHECKING:
    from pbx_bridge.ivr.phrase import Clip
    from pbx_bridge.ivr.prompts import PromptBook

_LANGUAGE = click.option("--language", metavar="LANGUAGE", help="fa or en; default: every language there is.")


@prompts.command("export")
@_LANGUAGE
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("script"),
    show_default=True,
    help="Folder.",
)
@click.option("--only", type=click.Choice(["missing"]), help="Only what has no recording yet.")
def export_command(language: str | None, to: Path, only: str | None) -> None:
    """Write the voice actor's script: a table for Excel (CSV) and a page to print (HTML) for each language.

    A line for each announcement that never changes, and for each clip that numbers, dates and the like are put
    together from. The actor names the files as the script does; `prompts import` takes them back.

    Exit status: 0 written, or nothing is missing; 1 it could not be written, or the language is unknown.

    \b
    Example:
      pbx-bridge prompts export --language fa --only missing --to script
    """
    from pbx_bridge.ivr.sounds.recordings import find_recordings, unrecorded
    from pbx_bridge.ivr.sounds.script import script
    from pbx_bridge.ivr.sounds.script_pages import write_script

    settings = load()
    book = _book(settings)
    recorded = find_recordings(book, settings.home / "recordings", _clips(book)) if only else ()
    for each in _languages(book, language):
        lines = unrecorded(script(book, each), recorded)
        if not lines:
            click.echo(f"{each}: everything is recorded; nothing was written")
            continue
        paths = write_script(lines, each, to)
        click.echo(f"{each}: {len(lines)} recordings to make: {', '.join(map(str, paths))}")


@prompts.command("import")
@click.argument("source", metavar="FOLDER|ZIP", type=click.Path(exists=True, path_type=Path))
@click.option("--language", metavar="LANGUAGE", help="fa or en; default: the name of the folder a file stands in.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken and what refused.")
@click.pass_context
def import_command(ctx: click.Context, source: Path, language: str | None, dry_run: bool) -> None:
    """Take recordings over: wav, mp3 or m4a files named as the script of `prompts export` names them.

    Each is brought to 8 kHz mono, trimmed, levelled and put into HOME/recordings. One that is too short or too long
    for its text, clipped, silent, broken or of an unknown name is named with the reason and stays out; the others go
    in. mp3 needs the package libsox-fmt-mp3 or ffmpeg, m4a needs ffmpeg.

    Exit status: 0 all were taken; 1 at least one was refused, or nothing could be read.

    \b
    Example:
      pbx-bridge prompts import recordings-of-today.zip --language fa --dry-run
    """
    from pbx_bridge.ivr.sounds.intake import Refused, import_takes
    from pbx_bridge.ivr.sounds.speakers import find_prefix

    settings = load()
    told = import_takes(
        _book(settings),
        source,
        settings.home / "recordings",
        language=language,
        prefix=find_prefix(settings.asterisk_root),
        dry_run=dry_run,
    )
    refused = [each for each in told if isinstance(each, Refused)]
    for each in refused:
        click.echo(f"{each.shown}: {each.reason}", err=True)
    taken = len(told) - len(refused)
    click.echo(f"recordings: {taken} {'would be taken' if dry_run else 'taken'}, {len(refused)} refused")
    if taken and not dry_run:
        click.echo("to have them heard, run: pbx-bridge prompts render")
    ctx.exit(1 if refused or not told else 0)


@prompts.command("check")
@_LANGUAGE
@click.option(
    "--sounds", type=click.Path(file_okay=False, path_type=Path), help="Sounds folder; default: Asterisk's."
)
@click.option("--all-recorded", is_flag=True, help="A clip that a program speaks counts as a fault.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def check_command(
    ctx: click.Context, language: str | None, sounds: Path | None, all_recorded: bool, as_json: bool
) -> None:
    """Measure every sound that prompts can need: which are missing, synthetic, too short or long, clipped or silent.

    Of a language, all are within 3 dB; none begins or ends with more than 0.2 s of silence; no gap within a sentence
    is longer than 0.3 s, whatever the values. Recordings that were not rendered yet are named.

    Exit status: 0 no fault; 1 at least one, each on a line of its own.

    \b
    Example:
      pbx-bridge prompts check --language fa
    """
    from pbx_bridge.cli.prompts_report import as_lines, to_json
    from pbx_bridge.ivr.sounds.recordings import find_recordings
    from pbx_bridge.ivr.sounds.speakers import find_prefix
    from pbx_bridge.ivr.sounds.voice_check import check_voice
    from pbx_bridge.pbx.paths import find_paths

    settings = load()
    book = _book(settings)
    folder = sounds or find_paths(settings.home, settings.asterisk_root).sounds
    languages = _languages(book, language)
    recordings = find_recordings(book, settings.home / "recordings", _clips(book))
    prefix = find_prefix(settings.asterisk_root) if recordings else ()
    reports = check_voice(book, folder, languages, recordings, prefix)
    for line in [to_json(reports)] if as_json else as_lines(reports):
        click.echo(line)
    ctx.exit(1 if any(report.faults or (all_recorded and report.synthetic) for report in reports) else 0)


def _book(settings: Settings) -> PromptBook:
    from pbx_bridge.ivr.prompts import PromptBook

    return PromptBook.load(extra_folder=settings.home / "prompts")


def _clips(book: PromptBook) -> frozenset[Clip]:
    return frozenset(clip for language in book.languages for clip in book.clips(book.keys(language), language))


def _languages(book: PromptBook, language: str | None) -> tuple[str, ...]:
    if language is not None and language not in book.languages:
        raise PromptError(f"there are no prompts in language {language!r}; there are: {', '.join(book.languages)}")
    return (language,) if language else book.languages
