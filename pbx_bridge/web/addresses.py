"""Addresses made of what others chose: a customer's code may hold anything. Pure."""

from __future__ import annotations

from urllib.parse import quote


def customer_address(code: str, rest: str = "") -> str:
    """Where a customer's page is; `rest` goes on from there."""
    return f"/customers/{quote(code, safe='')}{rest}"


def contract_address(code: str, number: str) -> str:
    """Where a customer's contract is."""
    return f"/contracts/{quote(code, safe='')}/{quote(number, safe='')}"
