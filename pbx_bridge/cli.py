"""The commands; one thin function each. Errors of ours become one line on stderr and exit status 1."""

from __future__ import annotations

import sys

import click

from pbx_bridge.errors import BridgeError


class _Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback when the fault is known."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            click.echo(f"pbx-bridge: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pbx-bridge")
def cli() -> None:
    """The bridge between an Asterisk PBX and a company's customer records."""


def main() -> None:
    """Entry point of the `pbx-bridge` command."""
    try:
        cli(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
