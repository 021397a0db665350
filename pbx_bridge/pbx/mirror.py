"""The Debian mirror this machine already uses, read from its own apt sources. No host is named here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SCHEMES = ("http://", "https://", "file:/", "copy:/")
_ONE_LINE = re.compile(r"^deb\s+(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")
_FIELD = re.compile(r"^(?P<name>[A-Za-z0-9-]+):\s*(?P<value>.*)$")
# Suites of the main archive. A name with "-" (-security, -updates, -backports) may live in another archive.
_GENERIC = frozenset({"stable", "oldstable", "oldoldstable", "testing", "unstable", "sid"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One archive and suite apt takes packages from."""

    uri: str
    suite: str
    components: tuple[str, ...]


def sources_in(text: str, *, deb822: bool) -> tuple[Source, ...]:
    """The binary package sources a file of apt's names, in order; disabled ones are left out."""
    return tuple(_deb822(text) if deb822 else _one_line(text))


def machine_sources(etc: Path = Path("/etc/apt")) -> tuple[Source, ...]:
    """Every source of this machine, in the order apt reads them."""
    parts = etc / "sources.list.d"
    files = [etc / "sources.list", *sorted([*parts.glob("*.list"), *parts.glob("*.sources")])]
    found: list[Source] = []
    for file in files:
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            found += sources_in(text, deb822=file.suffix == ".sources")
    return tuple(found)


def debian_mirror(sources: Sequence[Source], codename: str) -> str | None:
    """The mirror of Debian's main archive among them; None when there is none."""
    suites = _GENERIC | {codename}
    for source in sources:
        if source.suite in suites and "main" in source.components and source.uri.startswith(_SCHEMES):
            return source.uri.rstrip("/")
    return None


def archives(mirror: str) -> tuple[str, ...]:
    """Where a mirror's suites may be: with it, and those of releases that ended perhaps in an archive beside it."""
    top, _, name = mirror.rpartition("/")
    return mirror, f"{top}/{name}-archive/{name}"


def os_release(path: Path = Path("/etc/os-release")) -> Mapping[str, str]:
    """What this machine says it is."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {name: value.strip().strip('"') for name, _, value in pairs}


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.partition("#")[0].strip())
        if match:
            yield Source(uri=match["uri"], suite=match["suite"], components=tuple(match["components"].split()))


def _deb822(text: str) -> Iterator[Source]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri=uri, suite=suite, components=tuple(fields.get("components", "").split()))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        match = _FIELD.match(line)
        if match:
            name = match["name"].lower()
            fields[name] = match["value"]
        elif name and line[:1] in (" ", "\t"):
            fields[name] += " " + line.strip()
    return fields
