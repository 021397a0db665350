"""The brake on guessing passwords."""

from __future__ import annotations

from datetime import timedelta

from demo_history import NOON

from pbx_bridge.web import limit

KEY = ("192.0.2.7", "lead")


def test_waits_after_too_many_failures_and_no_longer_than_told() -> None:
    brake = limit.Limiter(3, timedelta(minutes=10))
    for _ in range(2):
        brake.failed(KEY, NOON)
    assert brake.wait(KEY, NOON) == 0
    brake.failed(KEY, NOON)
    assert brake.wait(KEY, NOON) == 10
    assert brake.wait(KEY, NOON + timedelta(minutes=9, seconds=59)) == 1
    assert brake.wait(KEY, NOON + timedelta(minutes=10)) == 0
    assert brake.wait(("192.0.2.8", "lead"), NOON) == 0


def test_success_forgets_failures() -> None:
    brake = limit.Limiter(2, timedelta(minutes=10))
    brake.failed(KEY, NOON)
    brake.succeeded(KEY)
    brake.failed(KEY, NOON)
    assert brake.wait(KEY, NOON) == 0


def test_its_table_does_not_grow_without_end() -> None:
    brake = limit.Limiter(1, timedelta(minutes=10))
    for number in range(limit.MAX_ENTRIES + 10):
        brake.failed((str(number), ""), NOON)
    assert brake.wait(("0", ""), NOON) == 0  # the oldest are forgotten first
    assert brake.wait((str(limit.MAX_ENTRIES + 9), ""), NOON) > 0
