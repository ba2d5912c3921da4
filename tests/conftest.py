"""What all tests share: the real data set, the mode in which nothing may skip, and how
Hypothesis searches."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Values are frozen at run time too in tests, in the programs that tests start as well; it counts
# where the first value class is made, so it stands before any of ours is imported.
os.environ["ALVH_FROZEN_VALUES"] = "1"

# A slow machine is no finding, so no search is stopped by the clock.
settings.register_profile(
    "search", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# Where a verdict must not change from run to run, every search takes the same examples.
settings.register_profile("repeatable", settings.get_profile("search"), derandomize=True)


def may_skip() -> bool:
    """Say whether a test may skip: not where `ALVH_NO_SKIPS` is 1."""
    return os.environ.get("ALVH_NO_SKIPS") != "1"


def pytest_configure(config: pytest.Config) -> None:
    """Name our marker, and choose how Hypothesis searches."""
    config.addinivalue_line(
        "markers", "needs_data: reads the folder of real market data named by ALVH_DATA"
    )
    is_repeatable = "CI" in os.environ or not may_skip()
    settings.load_profile("repeatable" if is_repeatable else "search")


def pytest_report_header() -> str:
    """Say at the top which real data the tests see."""
    folder = os.environ.get("ALVH_DATA")
    if folder:
        return f"real market data: {folder}"
    fate = "skip" if may_skip() else "are deselected"
    return f"real market data: none (ALVH_DATA is not set), tests marked needs_data {fate}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that read real data; where none may skip and data are absent, drop them."""
    for item in items:
        if "data_folder" in getattr(item, "fixturenames", ()):
            item.add_marker("needs_data")
    if may_skip() or os.environ.get("ALVH_DATA"):
        return
    needy = [item for item in items if item.get_closest_marker("needs_data")]
    config.hook.pytest_deselected(items=needy)
    items[:] = [item for item in items if not item.get_closest_marker("needs_data")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that skips where none may; an expected failure is no skip."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that skips as a whole where none may."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not may_skip():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} may not skip here (ALVH_NO_SKIPS=1): {reason}"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of real market data; a test that asks for it skips where there is none."""
    named = os.environ.get("ALVH_DATA")
    if not named:
        pytest.skip("ALVH_DATA names no folder of real market data")
    folder = Path(named)
    if not folder.is_dir():
        pytest.skip(f"ALVH_DATA names {named}, which is no folder")
    return folder
