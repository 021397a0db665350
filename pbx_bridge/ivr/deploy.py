"""Taking a flow into use on a running system, and going back: checked, kept by its content, written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pbx_bridge.errors import FlowError
from pbx_bridge.ivr import flow as flows
from pbx_bridge.ivr.flow import Flow
from pbx_bridge.ivr.loader import Loader
from pbx_bridge.ivr.releases import Deployment, Releases, gather

_ANSWER_S = 10.0  # a daemon looks twice a second and loads in less than one
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who deploys, when (aware UTC), why, and for which line."""

    by: str
    at: datetime
    note: str = ""
    line: str = ""

    def deployment(self, version: str, flow: str, what: Literal["begin", "deploy", "rollback"]) -> Deployment:
        """The line of the history that says so."""
        note = "" if what == "begin" else self.note
        return Deployment(at=self.at, version=version, flow=flow, what=what, by=self.by, note=note, line=self.line)


def deploy(loader: Loader, name_or_path: str, signed: Signed, *, setting: str) -> Deployment:
    """Take a flow into use for new callers; those under way finish on what they began with.

    Args:
        setting: what ran until now if nothing was ever deployed; it is kept as well, to go back to.

    Raises FlowError or PromptError when it could not be met by callers; then nothing has changed.
    """
    flow, _ = loader.named(name_or_path)
    version = _keep(loader, flows.find(name_or_path), flow)
    loader.release(version)  # as the daemon will load it
    releases = loader.releases
    if releases.current(signed.line) is None:
        before, _ = loader.named(setting)
        first = _keep(loader, flows.find(setting), before)
        releases.take_into_use(signed.deployment(first, before.name, "begin"))
    made = signed.deployment(version, flow.name, "deploy")
    releases.take_into_use(made)
    return made


def roll_back(loader: Loader, signed: Signed, *, to: str = "") -> Deployment:
    """Take an earlier release into use again: `to`, or the one before. Raises FlowError, PromptError."""
    releases = loader.releases
    version = to or before(releases, signed.line)
    flow, _ = loader.release(version)
    made = signed.deployment(version, flow.name, "rollback")
    releases.take_into_use(made)
    return made


def before(releases: Releases, line: str = "") -> str:
    """The release before the present one; what was rolled back does not count. Raises FlowError if there is none."""
    stack: list[str] = []
    for told in releases.history():
        if told.line != line:
            continue
        if told.what == "rollback" and told.version in stack:
            del stack[stack.index(told.version) + 1 :]
        elif not stack or stack[-1] != told.version:
            stack.append(told.version)
    if len(stack) < 2:
        raise FlowError("there is no release to go back to: `pbx-bridge flow history` shows them")
    return stack[-2]


def await_answer(
    releases: Releases,
    version: str,
    runs: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    line: str = "",
) -> bool:
    """Wait until the daemon uses a release; False when none runs. Raises FlowError when it refuses, or is silent."""
    deadline = time.monotonic() + _ANSWER_S
    while runs():
        told = releases.answered(line)
        if told is not None and told.version == version:
            if told.error:
                raise FlowError(f"the daemon goes on with the flow it had: {told.error}")
            return True
        if time.monotonic() > deadline:
            raise FlowError(f"the daemon has not taken {version} into use within {_ANSWER_S:g} s: see its log")
        sleep(_LOOK_S)
    return False


def _keep(loader: Loader, path: Path, flow: Flow) -> str:
    beside = {name: path.parent / name for name in flow.beside}
    return loader.releases.keep(gather(path, loader.prompts, beside))
