"""The whole system for tests that place real calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from harness.system import SystemUnderTest, running_system
from private_pbx import PbxUnderTest


@pytest.fixture
async def system(pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The run's Asterisk with a daemon of its own and an empty store."""
    async with running_system(pbx) as system:
        yield system
