"""A number of ours, or with X at its end a block of them, in every way in which a provider may write it. Pure."""

from __future__ import annotations

from pbx_bridge.values import phone


def whole(pattern: str, region: str) -> str:
    """With + and country code, where it can have one: by this two numbers are compared."""
    code, prefix = phone.country_code(region), phone.trunk_prefix(region)
    blanks = len(pattern) - len(pattern.rstrip("X"))
    known = phone.to_e164(pattern.replace("X", "2"), region)
    if known is not None:
        return known[: len(known) - blanks] + "X" * blanks
    if pattern.startswith("+"):
        return pattern
    if pattern.startswith("00"):
        return f"+{pattern[2:]}"
    if prefix and pattern.startswith(prefix):
        return f"+{code}{pattern[len(prefix) :]}"
    return pattern


def forms(pattern: str, region: str) -> tuple[str, ...]:
    """As it is dialled within the country and in the region's own area, and as the world dials it."""
    written = whole(pattern, region)
    if not written.startswith("+"):
        return (pattern,)
    code, prefix, area = phone.country_code(region), phone.trunk_prefix(region), phone.area_code(region)
    digits = written[1:]
    within = digits[len(code) :]
    national = (f"{prefix}{within}", within) if digits.startswith(code) else ()
    local = (within[len(area) :],) if national and area and within.startswith(area) else ()
    return (*national, *local, digits, f"00{digits}", written)
