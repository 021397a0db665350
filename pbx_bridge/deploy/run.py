"""A deployment from the first look to the proof, and its way back. Whatever ends it in the middle, it is taken back:
at once where that can be, else by whoever comes next."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pbx_bridge.deploy import reload as again
from pbx_bridge.deploy.backup import Backup, Backups, Manifest, State
from pbx_bridge.deploy.changes import Change, diff
from pbx_bridge.deploy.folder import Flavour
from pbx_bridge.deploy.place import Place
from pbx_bridge.deploy.rehearse import complaints
from pbx_bridge.deploy.write import take_back, write_changes
from pbx_bridge.errors import AsteriskError, BridgeError, PbxError
from pbx_bridge.health import Clock, utc_now

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What to deploy, and how.

    Attributes:
        changes: what is to change, asked anew after an unfinished deployment was taken back.
        faults: our linter's word on them.
        folders: those that Asterisk needs and does not make itself.
        prove: the test call; what was seen. Raises PbxError. None: there is nothing to try it with.
        agreed: asked once, after the diff; True: go on.
    """

    place: Place
    flavour: Flavour
    changes: Callable[[], tuple[Change, ...]]
    faults: Callable[[Sequence[Change]], tuple[str, ...]]
    folders: Sequence[Path] = ()
    prove: Callable[[], str] | None = None
    agreed: Callable[[], bool] = lambda: True


def deploy(plan: Deployment, backups: Backups, say: Say, *, dry_run: bool = False, clock: Clock = utc_now) -> bool:
    """Carry it out; True when something was changed. Raises PbxError and its like: then all is as it was before."""
    with _alone(backups.folder), _like_interrupts():
        _finish_unfinished(plan.place, backups, say)
        changes = plan.changes()
        if not changes:
            say("nothing to change: it lies there already")
            return False
        for line in diff(changes):
            say(line)
        _check(plan, changes, say)
        if dry_run:
            say("nothing was written (--dry-run)")
            return False
        if not plan.agreed():
            say("nothing was written")
            return False
        begun: list[str] = []
        backup = backups.make(plan.place.etc, str(plan.flavour), changes, clock())
        try:
            _carry_out(plan, changes, backup, begun, say)
        except BaseException as error:
            _undo(plan.place, backup, begun, say, error)
            raise
        say(f"done; `pbx-bridge pbx rollback {backup.name}` takes it back")
        return True


def rollback(place: Place, backups: Backups, which: str | None, say: Say, *, force: bool = False) -> None:
    """Put everything back as it was before that deployment, or the last one. Raises PbxError."""
    with _alone(backups.folder):
        backup = backups.named(which) if which else backups.last(place.etc)
        if backup.manifest().state is State.ROLLED_BACK:
            raise PbxError(f"{backup.name} was rolled back already")
        _restore(place, backup, say, force=force)


def _check(plan: Deployment, changes: Sequence[Change], say: Say) -> None:
    wrong = plan.faults(changes)
    if wrong:
        raise PbxError(f"not deployed, for this would be wrong: {'; '.join(wrong)}")
    if plan.place.asterisk is None:
        say("no Asterisk on this machine: its own parser was not asked")
        return
    told = complaints(plan.place, changes)
    if told:
        raise PbxError(f"not deployed, for Asterisk would complain: {'; '.join(told[:5])}")
    say(f"checked: our linter and Asterisk {plan.place.asterisk.version} find nothing wrong")


def _carry_out(plan: Deployment, changes: Sequence[Change], backup: Backup, begun: list[str], say: Say) -> None:
    made = tuple(str(folder) for folder in plan.folders if _make_folder(folder))
    _note(backup, folders=made)
    write_changes(plan.place.etc, changes, begun)
    say(f"written: {', '.join(change.name for change in changes)}; backup {backup.folder}")
    names = [change.name for change in changes]
    if not plan.place.running():
        say("Asterisk does not run with this folder: it reads it at its next start")
    else:
        loaded = again.reload(plan.place, names)
        _note(backup, loaded=loaded)
        say(f"read again: {', '.join(again.parts_of(names))}")
        if later := again.at_next_start(names):
            say(f"read at Asterisk's next start: {', '.join(later)}")
        if plan.prove is not None:
            say(f"proved: {plan.prove()}")
    _note(backup, state=State.DONE)


def _make_folder(folder: Path) -> bool:
    """True when it was made; for Asterisk's user to write in."""
    if folder.exists():
        return False
    try:
        folder.mkdir(parents=True)
        owner = folder.parent.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        folder.chmod(0o750)
    except OSError as error:
        raise PbxError(f"cannot make {folder}: {error.strerror}") from error
    return True


def _note(backup: Backup, **changes: object) -> None:
    backup.note(msgspec.structs.replace(backup.manifest(), **changes))


def _undo(place: Place, backup: Backup, begun: Sequence[str], say: Say, error: BaseException) -> None:
    why = str(error) or "interrupted"
    say(f"taking it back: {why}")
    try:
        _restore(place, backup, say, only=begun)
    except BridgeError as other:
        say(f"it could not be taken back: {other}; `pbx-bridge pbx rollback {backup.name}` tries again")


def _restore(
    place: Place, backup: Backup, say: Say, *, force: bool = False, only: Sequence[str] | None = None
) -> None:
    manifest = backup.manifest()
    names = take_back(backup, force=force, only=only)
    say(f"put back: {', '.join(names)}" if names else "every file is as it was before")
    if names and place.running():
        _reload_quietly(place, manifest, names, say)


def _reload_quietly(place: Place, manifest: Manifest, names: Sequence[str], say: Say) -> None:
    """The files are back already: what Asterisk says to that is told, and no reason to stop."""
    try:
        again.unload(place, manifest.loaded)
        again.reload(place, names, start=False)
        say(f"read again: {', '.join(again.parts_of(names))}")
    except (AsteriskError, PbxError) as error:
        say(f"have Asterisk read its configuration again: {error}")


def _finish_unfinished(place: Place, backups: Backups, say: Say) -> None:
    for backup in reversed(backups.of(place.etc, State.BEGUN)):
        say(f"the deployment {backup.name} was cut off: taking it back first")
        _restore(place, backup, say)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time; the lock goes with the process."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise PbxError(f"cannot write in {folder}: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PbxError("another deployment or rollback is at work: wait for it") from None
        yield


@contextmanager
def _like_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP are like Ctrl-C: what was begun is taken back."""

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
