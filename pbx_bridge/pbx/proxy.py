"""The proxy apt uses, as environment variables for debootstrap, which does not read apt's settings."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping


def apt_proxy() -> Mapping[str, str]:
    """`http_proxy` and `https_proxy` as far as apt has them set; empty when it has not, or there is no apt."""
    found = {}
    for scheme in ("http", "https"):
        value = _asked(f"Acquire::{scheme}::Proxy")
        if value and value.upper() != "DIRECT":
            found[f"{scheme}_proxy"] = value
    return found


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
