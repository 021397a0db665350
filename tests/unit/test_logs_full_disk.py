"""A log that cannot be written fails nobody."""

from __future__ import annotations

from typing import TextIO, cast

import pytest
import structlog

from pbx_bridge import logs


class Full:
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")

    def isatty(self) -> bool:
        return False


def test_a_log_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", cast(TextIO, Full()))
    try:
        logs.configure("info", "json")
        structlog.get_logger().error("disk_full")
    finally:
        structlog.reset_defaults()
