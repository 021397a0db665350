"""The way of a self-served caller through `support`, written in plain dialplan: the same sounds, keys and waits.

No daemon, no lookups in a store: who calls and which tickets there are stands in the dialplan itself, which is as
fast as Asterisk finds anything. That is the peer's gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench.customers import LANGUAGES, Customer
from bench.figure import CannotMeasure
from bench.system import Pbx
from pbx_bridge.ivr.announcer import Announcer
from pbx_bridge.ivr.prompts import PromptBook
from pbx_bridge.ivr.sounds.voice import Voice

NUMBER = "901"
SERVED = "BENCHSERVED"  # the name of the event that a caller who heard the status leaves in the record

_MODULES = ("app_read.so", "func_dialplan.so")  # our own configuration has no use for them

# As in support.yaml a key cuts what is said. Silence and wrong keys lead out at once; no caller of ours does that.
_WAY = """
[bench-{language}]
exten => s,1,Read(KEY,{welcome}&{menu},1,,1,5)
 same => n,GotoIf($["${{KEY}}" != "1"]?bye)
 same => n,Read(NUMBER,{ask_tracking},12,,1,7)
 same => n,GotoIf($["${{DIALPLAN_EXISTS(bench-{language}-tickets,${{FILTER(0-9,${{NUMBER}})}},1)}}" = "0"]?bye)
 same => n,Goto(bench-{language}-tickets,${{FILTER(0-9,${{NUMBER}})}},1)
 same => n(bye),Hangup()

[bench-{language}-end]
exten => s,1,CELGenUserEvent({served})
 same => n,Read(KEY,{after_status},1,,2,5)
 same => n,Hangup()

[bench-{language}-tickets]
"""
_HEAD = f"""
[from-trunk](+)
exten => {NUMBER},1,Answer()
 same => n,GotoIf($["${{DIALPLAN_EXISTS(bench-callers,${{CALLERID(num)}},1)}}" = "0"]?bye)
 same => n,Goto(bench-callers,${{CALLERID(num)}},1)
 same => n(bye),Hangup()

[bench-callers]
"""
_CALLER = """exten => {phone},1,Set(CHANNEL(language)={language})
 same => n,Goto(bench-{language},s,1)
"""
_TICKET = """exten => {tracking},1,Playback({status})
 same => n,Goto(bench-{language}-end,s,1)
"""


def lay(pbx: Pbx, people: Sequence[Customer]) -> None:
    """Write it into this Asterisk's dialplan and have it read. Raises CannotMeasure."""
    sounds = pbx.paths.sounds
    announcer = Announcer(PromptBook.load(), Voice.load(sounds, PurePosixPath(pbx.paths.inside(sounds))))
    plan = Path(pbx.paths.etc / "extensions.conf")
    plan.write_text(plan.read_text(encoding="utf-8") + dialplan(announcer, people), encoding="utf-8")
    for module in _MODULES:
        pbx.rx(f"module load {module}")
    pbx.rx("dialplan reload")
    told = pbx.rx("dialplan show bench-callers")
    if people[-1].phone not in told:
        raise CannotMeasure(f"Asterisk does not take the plain dialplan: {told[-300:]}")


def dialplan(announcer: Announcer, people: Iterable[Customer]) -> str:
    """Its contexts, with everyone who may call."""
    people = list(people)
    parts = [_HEAD, *(_CALLER.format(phone=one.phone, language=one.language) for one in people)]
    for language in LANGUAGES:
        said = {key: _files(announcer, key, language) for key in ("welcome", "menu", "ask_tracking", "after_status")}
        parts.append(_WAY.format(language=language, served=SERVED, **said))
        for one in people:
            if one.language == language:
                status = _files(announcer, "ticket_status", language, {"ticket": one.ticket})
                parts.append(_TICKET.format(tracking=one.tracking, status=status, language=language))
    return "".join(parts)


def written(pbx: Pbx) -> int:
    """How many bytes of the record Asterisk has written so far."""
    return pbx.paths.cel.stat().st_size if pbx.paths.cel.exists() else 0


def served(pbx: Pbx, since_bytes: int) -> int:
    """How many callers heard their status, by the record that Asterisk has written beyond so many bytes."""
    with pbx.paths.cel.open("rb") as file:
        file.seek(since_bytes)
        return sum(SERVED.encode() in line for line in file)


def _files(announcer: Announcer, prompt: str, language: str, values: Mapping[str, object] | None = None) -> str:
    return "&".join(one.uri.removeprefix("sound:") for one in announcer.media(prompt, language, values or {}))
