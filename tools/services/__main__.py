"""`python -m tools.services` (`make services`): progress on stderr, one JSON object on stdout."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import click
from harness.postgres import Server, program, running

from bench.callers import require_sipp
from bench.command import measuring, run_within, tell
from bench.figure import CannotMeasure
from bench.system import REPOSITORY, Pbx, asterisk
from tools.rounds import Rounds
from tools.services.installed import DATABASE, HOME, PBX, Installed
from tools.services.proof import Proof
from tools.services.room import room

_WORK = REPOSITORY / "var" / "services"
_LONGEST_S = 1800.0


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--callers", type=click.IntRange(6, 200), default=15, show_default=True, help="In each round.")
@click.option("--postgresql", is_flag=True, help="With the store in a PostgreSQL server.")
def main(callers: int, postgresql: bool) -> None:
    """Install the service as docs/operations.md says, on a real systemd, and do to it what happens to services.

    Started, reloaded, upgraded, frozen, killed, restarted and saved with callers on the phone; then every call must
    be on record, once. What is committed is installed, for the machine's own Python, in a room that goes at the end,
    also after Ctrl-C: nothing of the machine changes. Needs root, systemd and SIPp; six minutes. Exit status 0 when
    nothing was lost, doubled or left down; 1 when something was, or nothing could be measured.

    \b
    Example:
      .venv/bin/python -m tools.services --postgresql
    """
    with measuring("services") as say:
        require_sipp()
        with asterisk(say) as pbx, _home(pbx) as home, _server(wanted=postgresql) as server:
            shared = {home: HOME, pbx.paths.base: PBX} | ({server.folder: DATABASE} if server else {})
            with room(_WORK, say, shared) as there:
                store = server.new_database() if server else None
                installed = Installed(room=there, pbx=pbx, home=home, say=say, store=store)
                installed.install()
                rounds = Rounds(say=say, callers=callers, sip_port=pbx.ports.sip)
                result = run_within(_LONGEST_S, Proof(installed=installed, rounds=rounds, say=say).run())
    tell(result)


@contextmanager
def _home(pbx: Pbx) -> Iterator[Path]:
    """HOME where Asterisk finds it under the name that the daemon has for it; gone afterwards."""
    root = pbx.asterisk.root
    home = pbx.paths.host(PurePosixPath(HOME))
    if root is None:
        raise CannotMeasure("this Asterisk is the machine's own: the proof needs one in a tree")
    shutil.rmtree(home, ignore_errors=True)  # of a run that was killed
    home.mkdir(parents=True)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _server(*, wanted: bool) -> Iterator[Server | None]:
    if not wanted:
        yield None
    elif program("initdb") is None:
        raise CannotMeasure("without a PostgreSQL server; on Debian: apt-get install postgresql")
    else:
        with running(durable=True) as server:
            yield server


if __name__ == "__main__":
    main()
