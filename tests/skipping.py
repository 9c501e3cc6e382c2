"""Nothing is skipped silently: a test that skips itself, for whatever reason, fails (issue 2, promises of issue 3)."""

from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Make a skip, also one by a fixture or an expected failure, a failure that says what to do."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: nothing is skipped here; install what it needs, or delete the test"
    return report  # type: ignore[return-value]
