"""Which Asterisk runs: the host's own when it is recent enough, else the one of a Debian tree, made when missing.

Who names a Debian release gets that one's, whatever the host has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pbx_bridge.errors import PbxError
from pbx_bridge.pbx.program import Asterisk, in_tree, on_path
from pbx_bridge.pbx.tree import SID, Suite, alone_at, make_tree, settle_tree

Tell = Callable[[str], None]


def find_asterisk(root: Path, suite: Suite | None = None) -> Asterisk | None:
    """The Asterisk that is here already; None when one must be made. Raises PbxError for another suite's."""
    own = on_path() if suite is None else None
    found = own or (in_tree(root) if os.geteuid() == 0 else None)
    if found is None or suite is None:
        return found
    oldest, newest = suite.asterisk
    if not oldest <= found.version.major <= newest:
        raise PbxError(f"{root} has Asterisk {found.version}, not that of {suite.name}: name another folder")
    return found


def have_asterisk(root: Path, tell: Tell = lambda line: None, suite: Suite | None = None) -> Asterisk:
    """The Asterisk to run, installed into `root` if need be. Raises PbxError saying what stands in the way.

    Args:
        root: the tree's folder; it need not exist.
        tell: takes progress, one line at a time.
        suite: the Debian release whose Asterisk it must be; None: the host's, or unstable's.
    """
    found = find_asterisk(root, suite)
    if found is None:
        with alone_at(root, tell):
            found = find_asterisk(root, suite)  # another may have made it meanwhile
            if found is None:
                make_tree(root, tell, suite=suite or SID)
                found = find_asterisk(root, suite)
    if found is None:
        raise PbxError(f"the Asterisk in {root} does not run: remove that folder to have it made again")
    if found.root is not None:
        settle_tree(found.root)
    return found
