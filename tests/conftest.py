"""What every test may use: the private Asterisk, and the rule of what happens where none can be had."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from private_pbx import PbxUnderTest, private_pbx

from pbx_bridge.errors import PbxError

# On two busy cores the first example of a text strategy alone may take seconds: time says nothing about our code.
settings.register_profile("pbx_bridge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pbx_bridge")

_NO_ASTERISK = "no Asterisk here"


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


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of a run says how many calls were not placed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    count = sum(_NO_ASTERISK in str(report.longrepr) for report in skipped)
    if count and reporter is not None:
        reporter.write_line(f"{count} tests that place real calls were skipped: {_NO_ASTERISK}")
