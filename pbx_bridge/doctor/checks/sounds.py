"""Sounds: what callers hear, codecs that both sides speak, and the keys of what is kept encrypted."""

from __future__ import annotations

from pbx_bridge.doctor.finding import Severity, check, listed, seen
from pbx_bridge.doctor.gathered import Gathered

_COMMON = ("alaw", "ulaw", "all")


@check(
    "prompts-missing",
    Severity.FAULT,
    why="Callers hear silence where a prompt should be.",
    mend="Run `pbx-bridge prompts render`, and have its folder where Asterisk can read it.",
)
def prompts_missing(g: Gathered) -> str:
    silent = list(seen(g.silent))
    return f"no file for {listed(silent, 4)}" if silent else ""


@check(
    "music-missing",
    Severity.ADVICE,
    why="Waiting callers hear silence and hang up.",
    mend="Put wav files (8 kHz, mono, 16 bit) into the directory that musiconhold.conf names for [default].",
)
def music_missing(g: Gathered) -> str:
    return "" if seen(g.music) else "the class default of musiconhold.conf has no file"


@check(
    "codecs-uncommon",
    Severity.FAULT,
    why="Prompts and recordings are alaw or ulaw: others need a codec that Asterisk may not have, and much CPU.",
    mend="Set allow = alaw,ulaw for these endpoints in pjsip.conf.",
)
def codecs_uncommon(g: Gathered) -> str:
    rare = []
    for endpoint in g.conf("pjsip.conf").of_type("endpoint"):
        allowed = [word.strip() for value in endpoint.all("allow") for word in value.split(",")]
        if allowed and not set(allowed) & set(_COMMON):
            rare.append(endpoint.name)
    return f"neither alaw nor ulaw for {listed(rare)}" if rare else ""


@check(
    "sound-keys-unusable",
    Severity.DANGER,
    why="New recordings wait plain in Asterisk's folder until they can be encrypted; older ones do not open.",
    mend="Mount their folder, or put the saved key back with mode 0600; `pbx-bridge encryption status` shows each.",
)
def sound_keys_unusable(g: Gathered) -> str:
    return g.keys.wrong if g.keys else ""


@check(
    "sound-keys-beside-sounds",
    Severity.ADVICE,
    why="Who takes the disk, or a copy of all of it, has the sounds and what opens them.",
    mend="Keep a copy of the keys elsewhere, name that place in encryption.keys, and move them there.",
)
def sound_keys_beside_sounds(g: Gathered) -> str:
    return "the keys of encrypted sounds are on the disk of the sounds" if g.keys and g.keys.beside else ""
