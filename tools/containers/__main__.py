"""`python -m tools.containers` (`make containers`): progress on stderr, one JSON object on stdout."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

import click

from bench.callers import require_sipp
from bench.command import measuring, run_within, tell
from tools.containers.engine import Engine
from tools.containers.proof import Proof, lay_sounds
from tools.rounds import Rounds

_PORTS = ("SIP_PORT", "WEB_PORT", "RTP_START", "RTP_END")  # what the compose file takes from the environment
_RTP_PORTS = 99
_LONGEST_S = 2400.0
_DATABASE = {"PBX_BRIDGE_STORE__URL": "postgresql://pbx@database/pbx"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--postgresql", is_flag=True, help="With the profile `postgresql`; its container is killed, too.")
@click.option("--callers", type=click.IntRange(6, 200), default=30, show_default=True, help="In each round.")
@click.option("--no-build", is_flag=True, help="Use the images that are there.")
@click.option("--keep", is_flag=True, help="Leave the containers up, to look at them.")
@click.option("--purge", is_flag=True, help="Remove the images at the end, too; else the next run is quick.")
def main(postgresql: bool, callers: int, no_build: bool, keep: bool, purge: bool) -> None:
    """Build the containers, bring them up, call in, kill each one under its callers, and find every call on record.

    Needs root, podman and SIPp; 5 to 30 minutes, the longer where bases must be made. Uses ports of its own and
    containers named pbxb-proof; whatever it made is removed at the end, also after Ctrl-C. Exit status 0 when
    nothing was lost, doubled or left down; 1 when something was, or nothing could be measured.

    \b
    Example:
      .venv/bin/python -m tools.containers --postgresql
    """
    with measuring("containers") as say:
        require_sipp()
        sip, web, rtp = _free(socket.SOCK_DGRAM), _free(socket.SOCK_STREAM), _free_block()
        settings = dict(zip(_PORTS, map(str, (sip, web, rtp, rtp + _RTP_PORTS)), strict=True))
        engine = Engine(
            say=say,
            settings=settings | (_DATABASE if postgresql else {}),
            profiles=("postgresql",) if postgresql else (),
        )
        engine.down()  # of a run that was killed
        try:
            if not no_build:
                engine.build()
            rendered = lay_sounds(engine)
            say("bringing the containers up" + ("" if rendered else "; the first start renders the prompts"))
            engine.up()
            proof = Proof(engine=engine, say=say, rounds=Rounds(say=say, callers=callers, sip_port=sip))
            result = run_within(_LONGEST_S, proof.run())
        finally:
            if keep:
                say(f"left up: podman ps --filter name=pbxb-proof; pages on 127.0.0.1:{web}")
            else:
                say("removing containers, networks and volumes")
                engine.down()
            if purge:
                engine.purge()
    tell(result)


def _free(kind: socket.SocketKind, port: int = 0) -> int:
    """A port that nobody has, or that one. Raises OSError when somebody has it."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("0.0.0.0", port))  # noqa: S104 - for a moment, to know it
        return int(probe.getsockname()[1])


def _free_block() -> int:
    """The first of the ports for voice: below those that a system under test or `make run` takes."""
    while True:
        start = random.randrange(6200, 9800, 2)  # noqa: S311
        with suppress(OSError):
            for port in range(start, start + _RTP_PORTS + 1):
                _free(socket.SOCK_DGRAM, port)
            return start


if __name__ == "__main__":
    main()
