"""Times as the store keeps them: whole microseconds since 1970, UTC. Exact both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment."""
    return (moment - _EPOCH) // _MICROSECOND


def maybe_us(moment: datetime | None) -> int | None:
    """The same, where there may be none."""
    return None if moment is None else to_us(moment)


def from_us(microseconds: int) -> datetime:
    """The aware UTC moment."""
    return _EPOCH + timedelta(microseconds=microseconds)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with microseconds, for programs."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
