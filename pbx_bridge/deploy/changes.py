"""What a deployment changes, a pure value: each file before and after; and its diff for people, without secrets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pbx_bridge.deploy.folder import OWN_FILES, OWN_HEAD, Flavour, Folder
from pbx_bridge.deploy.marks import with_block
from pbx_bridge.deploy.overlay import Overlay
from pbx_bridge.deploy.pieces import puts
from pbx_bridge.errors import PbxError
from pbx_bridge.values.hostile import on_terminal

_SECRET = re.compile(r"^([ +-]\s*(?:[\w-]*(?:secret|pass|md5_cred)[\w-]*)\s*=>?\s*).+$", re.I)
_MADE_BY_US = re.compile(r"^\[((?:pbxb-[a-z-]+)|from-agents)\]", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file of the folder, before and after; None: it is not there. Its texts hold secrets and are never printed."""

    name: str
    before: bytes | None
    after: bytes | None

    def __repr__(self) -> str:
        return f"Change({self.name!r})"


def overlay_changes(overlay: Overlay, folder: Folder, flavour: Flavour) -> tuple[Change, ...]:
    """What laying the overlay changes; nothing, where it lies already. Raises PbxError, InputError."""
    put = {one.file: one for one in puts(overlay, folder, flavour)}
    _refuse_clashes(overlay, folder, flavour)
    ours = {name for name in OWN_FILES.values() if folder.text(name) is not None}
    theirs = {path.name for path in folder.etc.glob("*.conf")} - ours
    blocked = {name for name in theirs if _has_block(folder, name)}
    names = sorted({*put, *ours, *blocked})
    after = {name: _after(folder, name, put[name].text, put[name].own) for name in put}
    after |= {name: folder.theirs(name) for name in blocked - put.keys()}
    return _changed(folder, names, after)


def whole_changes(files: Mapping[str, str], folder: Folder) -> tuple[Change, ...]:
    """What replacing files as a whole changes: the private Asterisk's configuration is all ours."""
    return _changed(folder, sorted(files), files)


def _changed(folder: Folder, names: Iterable[str], after: Mapping[str, str]) -> tuple[Change, ...]:
    pairs = ((name, folder.text(name), after.get(name)) for name in names)
    return tuple(
        Change(name=name, before=_bytes(before), after=_bytes(now)) for name, before, now in pairs if before != now
    )


def _after(folder: Folder, name: str, text: str, own: bool) -> str:
    return text if own else with_block(folder.theirs(name), text)


def _has_block(folder: Folder, name: str) -> bool:
    text = folder.text(name)
    return text is not None and folder.theirs(name) != text


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _refuse_clashes(overlay: Overlay, folder: Folder, flavour: Flavour) -> None:
    """Nothing of theirs may have a name of ours: Asterisk would mix the two."""
    wrong = [
        f"{folder.etc / 'extensions.conf'} or a file it includes has a context [{name}] already"
        for name in folder.conf("extensions.conf").besides("general", "globals")
        if _MADE_BY_US.match(f"[{name}]")
    ]
    users = (("manager.conf", overlay.ami_user, "ami.user"), ("ari.conf", overlay.ari_user, "ari.user"))
    wrong += [
        f"{folder.etc / file} or a file it includes has a user [{user}] already: name another in {setting}"
        for file, user, setting in users
        if any(section.name == user for section in folder.conf(file).sections)
    ]
    if flavour is Flavour.PLAIN and not folder.conf("extensions.conf").sections:
        wrong.append(f"{folder.etc / 'extensions.conf'} is empty or missing: is this Asterisk's folder?")
    wrong += [
        f"{folder.etc / name} is not ours: give it another name"
        for name in OWN_FILES.values()
        if not (folder.text(name) or OWN_HEAD).startswith(OWN_HEAD)
    ]
    if wrong:
        raise PbxError("; ".join(wrong))


def diff(changes: Sequence[Change]) -> tuple[str, ...]:
    """The unified diff, secrets replaced by asterisks."""
    return tuple(line for change in changes for line in _diff(change))


def _diff(change: Change) -> list[str]:
    before, after = (_lines(text) for text in (change.before, change.after))
    names = (
        "/dev/null" if change.before is None else f"a/{change.name}",
        "/dev/null" if change.after is None else f"b/{change.name}",
    )
    return [_shown(line) for line in difflib.unified_diff(before, after, *names, lineterm="")]


def _lines(text: bytes | None) -> list[str]:
    return [] if text is None else text.decode("utf-8", "replace").splitlines()


def _shown(line: str) -> str:
    return on_terminal(_SECRET.sub(r"\1********", line.expandtabs()))
