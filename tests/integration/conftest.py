"""The whole system for tests that place real calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from harness.customers import import_customers
from harness.system import SystemUnderTest, running_system
from private_pbx import PbxUnderTest

from pbx_bridge.values.dates import TEHRAN


@pytest.fixture
async def system(pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The run's Asterisk with a daemon of its own, and a store that holds the tests' customers."""
    async with running_system(pbx) as system:
        await import_customers(system, datetime.now(TEHRAN).date())
        yield system
