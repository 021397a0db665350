"""What every test may use: the private Asterisk, and the rule of what happens where none can be had."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
import structlog
from harness.customers import import_customers
from harness.need import MISSING, NO_ASTERISK, an_asterisk
from harness.scene_lab import scene_pbx
from harness.system import SystemUnderTest, place_sounds, running_system
from harness.told import table
from hypothesis import HealthCheck, settings
from private_pbx import PbxUnderTest, private_pbx
from store_engines import place as place
from store_engines import server as server

from pbx_bridge.errors import PbxError
from pbx_bridge.values.dates import TEHRAN
from tools.asterisks import asterisks

# On two busy cores the first example of a text strategy alone may take seconds: time says nothing about our code.
settings.register_profile("pbx_bridge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("pbx_bridge")

_HURRIED = -5
_REASONS = {NO_ASTERISK: NO_ASTERISK, MISSING: "no sipp or no baresip here"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Real calls before everything else: a phone that gets no CPU within a digit makes two of it."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    if item.get_closest_marker("asterisk") is not None:
        with suppress(PermissionError):  # only root may
            os.setpriority(os.PRIO_PROCESS, 0, min(before, _HURRIED))
    try:
        return (yield)
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


@pytest.fixture(scope="session", autouse=True)
def loggers_forget() -> Iterator[None]:
    """A command under test sets up logging for its whole process: no logger may keep that for the tests to come.

    Tracebacks are plain, as the daemon's are: structlog's own, with every variable, take seconds each.
    """
    configure = structlog.configure
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    configure(processors=[*others, plain])

    def never_kept(*args: Any, **named: Any) -> None:
        configure(*args, **{**named, "cache_logger_on_first_use": False})

    structlog.configure = never_kept
    yield
    structlog.configure = configure


@pytest.fixture(scope="session")
def laid_pbx() -> Iterator[PbxUnderTest]:
    """The run's private Asterisk, perhaps not running. Where none can be had: skipped, or with CI failed."""
    with an_asterisk(private_pbx()) as pbx:
        yield pbx


@pytest.fixture(scope="session")
def scene_house() -> Iterator[PbxUnderTest]:
    """An Asterisk of the shipped configuration with short times, and the scenes' numbers beside it; running."""
    with an_asterisk(scene_pbx()) as pbx:
        pbx.start()
        yield pbx


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


def pytest_sessionstart(session: pytest.Session) -> None:
    """Make Asterisk's tree and the prompts before workers begin: what is missing counts against no test's time."""
    if getattr(session.config.option, "dist", "no") != "no" and not hasattr(session.config, "workerinput"):
        asterisks(print)
        with suppress(PbxError, subprocess.CalledProcessError):  # told by each test that needs them
            place_sounds()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The scenes that were played: the record that people would tell, and the one that came out."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for report in reports for name, value in report.user_properties if name == "scene"]
    if rows:
        terminalreporter.section("scenes on a real Asterisk")
        for line in table(rows):
            terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line of a run says how many calls were not placed."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter is not None else []
    reasons = [str(report.longrepr) for report in skipped]
    for reason in _REASONS:
        count = sum(reason in told for told in reasons)
        if count and reporter is not None:
            reporter.write_line(f"{count} tests that place real calls were skipped: {_REASONS[reason]}")
