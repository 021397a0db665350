"""Which Asterisk runs: the host's own when it is recent enough, else the one of a Debian tree, made when missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.program import Asterisk, in_tree, on_path
from pbx_bridge.pbx.tree import alone_at, make_tree, settle_tree

Tell = Callable[[str], None]


def find_asterisk(root: Path) -> Asterisk | None:
    """The Asterisk that is here already; None when one must be installed first."""
    return on_path() or (in_tree(root) if os.geteuid() == 0 else None)


def have_asterisk(root: Path, tell: Tell = lambda line: None) -> Asterisk:
    """The Asterisk to run, installed into `root` if need be. Raises PbxError saying what stands in the way.

    Args:
        root: the tree's folder; it need not exist.
        tell: takes progress, one line at a time.
    """
    found = find_asterisk(root)
    if found is None:
        with alone_at(root, tell):
            found = find_asterisk(root)  # another may have made it meanwhile
            if found is None:
                make_tree(root, tell)
                found = in_tree(root)
    if found is None:
        raise PbxError(f"the Asterisk in {root} does not run: remove that folder to have it made again")
    if found.root is not None:
        settle_tree(found.root)
    return found
