"""Our block in a file of somebody else's: put in, found again, taken out, and the rest kept byte for byte. Pure."""

from __future__ import annotations

from pbx_bridge.errors import InputError

_BEGIN = "; >>> pbx_bridge: written by `pbx-bridge pbx deploy`; changes in here are lost"
_JOINED = f"{_BEGIN}; the line before had no end"
_END = "; <<< pbx_bridge"


def with_block(rest: str, block: str) -> str:
    """The file with that block at its end; an empty block is none."""
    if not block:
        return rest
    joined = rest != "" and not rest.endswith("\n")
    head = f"\n{_JOINED}" if joined else _BEGIN
    return f"{rest}{head}\n{block.rstrip()}\n{_END}\n"


def without_block(text: str, name: str) -> str:
    """The file as it is without our block. Raises InputError where the marks are not a pair."""
    before, begin, after = _cut(text)
    if begin is None:
        if _END in text.splitlines():
            raise InputError(f"has {_END!r} and no line that begins our block: take it out", path=name)
        return text
    inside, end, behind = after.partition(f"{_END}\n")
    if not end or _cut(behind)[1] is not None or _cut(inside)[1] is not None:
        line = before.count("\n") + 1
        raise InputError(f"our block begins here and has no end of its own ({_END!r})", path=name, line=line)
    return (before.removesuffix("\n") if begin == _JOINED else before) + behind


def _cut(text: str) -> tuple[str, str | None, str]:
    """What stands before the first line that begins a block, that line, what stands after it."""
    for begin in (_JOINED, _BEGIN):
        line = f"{begin}\n"
        place = 0 if text.startswith(line) else text.find(f"\n{line}") + 1
        if place or text.startswith(line):
            return text[:place], begin, text[place + len(line) :]
    return text, None, ""
