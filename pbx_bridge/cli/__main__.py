"""`python -m pbx_bridge.cli`, as the supervisor starts the daemon."""

from pbx_bridge.cli import main

main()
