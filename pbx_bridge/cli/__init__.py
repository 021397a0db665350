"""The commands; one thin function each. Importing this package puts every one of them into its group."""

import sys

from pbx_bridge.cli import keep, record, system
from pbx_bridge.cli.base import cli

__all__ = ["cli", "keep", "main", "record", "system"]


def main() -> None:
    """Entry point of the `pbx-bridge` command."""
    try:
        cli(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
