"""How this machine's apt reaches its archives, for the programs that do not read apt's settings or read others."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

_FORWARDED = ("Check-Valid-Until", "Check-Date", "http::Proxy", "https::Proxy")


def apt_proxy() -> Mapping[str, str]:
    """`http_proxy` and `https_proxy` as far as apt has them set; empty when it has not, or there is no apt."""
    found = {}
    for scheme in ("http", "https"):
        value = _asked(f"Acquire::{scheme}::Proxy")
        if value and value.upper() != "DIRECT":
            found[f"{scheme}_proxy"] = value
    return found


def apt_options() -> list[str]:
    """The `-o` options that make the apt of a tree reach its archive as this machine's does."""
    told = ((f"Acquire::{name}", _asked(f"Acquire::{name}")) for name in _FORWARDED)
    return [word for name, value in told if value for word in ("-o", f"{name}={value}")]


def _asked(name: str) -> str:
    try:
        told = subprocess.run(  # noqa: S603 - a fixed program, no shell
            ["apt-config", "shell", "VALUE", name],  # noqa: S607 - where it stands differs
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip().removeprefix("VALUE='").removesuffix("'")
