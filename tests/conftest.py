"""What every test may use: the private Asterisk, and the rule of what happens where none can be had."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import pytest
from harness.customers import import_customers
from harness.need import MISSING
from harness.system import SystemUnderTest, running_system
from hypothesis import HealthCheck, settings
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.errors import PbxError
from pbx_bridge.values.dates import TEHRAN

# On two busy cores the first example of a text strategy alone may take seconds: time says nothing about our code.
settings.register_profile("pbx_bridge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pbx_bridge")

_NO_ASTERISK = "no Asterisk here"
_REASONS = {_NO_ASTERISK: _NO_ASTERISK, MISSING: "no sipp or no baresip here"}


@pytest.fixture(scope="session")
def laid_pbx() -> Iterator[PbxUnderTest]:
    """The run's private Asterisk, perhaps not running. Where none can be had: skipped, or with CI failed."""
    try:
        opened = private_pbx()
        pbx = opened.__enter__()
    except PbxError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{_NO_ASTERISK}: {error}", pytrace=False)
        pytest.skip(f"{_NO_ASTERISK}: {error}")
    try:
        yield pbx
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture
def pbx(laid_pbx: PbxUnderTest) -> PbxUnderTest:
    """The run's private Asterisk, running; started again when an earlier test ended it."""
    if not laid_pbx.running:
        laid_pbx.start()
    return laid_pbx


@pytest.fixture
async def system(pbx: PbxUnderTest) -> AsyncIterator[SystemUnderTest]:
    """The run's Asterisk with a daemon of its own, and a store that holds the tests' customers."""
    async with running_system(pbx) as system:
        await import_customers(system, datetime.now(TEHRAN).date())
        yield system


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of a run says how many calls were not placed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    reasons = [str(report.longrepr) for report in skipped]
    for reason in _REASONS:
        count = sum(reason in told for told in reasons)
        if count and reporter is not None:
            reporter.write_line(f"{count} tests that place real calls were skipped: {_REASONS[reason]}")
