"""A call's page: the customers to choose from, and agents by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from demo_history import NOON, talking
from web_visitor import Parts, visiting

from pbx_bridge.store import Customer
from pbx_bridge.web.memory import MemoryAgents

TWO = [
    Customer(code="1001", name="<b>Aria</b>", language=None, tier=""),
    Customer(code="1002", name="پارسا", language="fa", tier=""),
]


@pytest.fixture
def parts() -> Parts:
    return Parts(agents=MemoryAgents({"101": "Neda", "102": ""}))


async def test_two_customers_of_a_number_are_both_offered(parts: Parts) -> None:
    call = replace(talking(1, NOON), customer_code="", customer_by="")
    parts.put([call])
    parts.calls.customers[call.caller] = TWO
    async with visiting(parts) as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
    assert "One of:" in page
    assert "&lt;b&gt;Aria&lt;/b&gt;" in page
    assert "پارسا" in page


async def test_agents_by_name(parts: Parts) -> None:
    call = replace(talking(1, NOON), agents=("101", "102"))
    parts.put([call])
    async with visiting(parts) as visitor:
        page = await visitor.page(f"/calls/{call.call_id}")
    assert "Neda" in page
