"""The commands; one thin function each. Importing this package puts every one of them into its group."""

import sys

from pbx_bridge.cli import (
    accounts,
    backup,
    doctor,
    encryption,
    erase,
    flow_deploy,
    flow_draw,
    flow_lint,
    flow_try,
    keep,
    messages,
    numbers,
    pbx_deploy,
    pbx_install,
    pbx_render,
    prompts_ahead,
    prompts_workshop,
    record,
    reload,
    requests,
    services,
    spool,
    status,
    survey,
    system,
    upgrade,
    work_out,
)
from pbx_bridge.cli.base import cli

__all__ = [
    "accounts",
    "backup",
    "cli",
    "doctor",
    "encryption",
    "erase",
    "flow_deploy",
    "flow_draw",
    "flow_lint",
    "flow_try",
    "keep",
    "main",
    "messages",
    "numbers",
    "pbx_deploy",
    "pbx_install",
    "pbx_render",
    "prompts_ahead",
    "prompts_workshop",
    "record",
    "reload",
    "requests",
    "services",
    "spool",
    "status",
    "survey",
    "system",
    "upgrade",
    "work_out",
]


def main() -> None:
    """Entry point of the `pbx-bridge` command."""
    try:
        cli(standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
