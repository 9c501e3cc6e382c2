"""How the tests share two cores.

One file is one group, so that a fixture of a module is made once. Tests that start many processes, or measure time, say
`pytestmark = pytest.mark.xdist_group("processes")`: all of these run one after the other, in one worker.

Properties have no time limit of their own: a busy machine is no fault of the code, and times are for `benchmarks`.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import chromium, tab
from tests.install.cloned import clone, folder
from tests.skipping import pytest_runtest_makereport

# Imported here and nowhere else: imported into two folders they would be made twice, and Playwright refuses that.
__all__ = ["chromium", "clone", "folder", "pytest_runtest_makereport", "tab"]

pytest_plugins = ["pytester"]

settings.register_profile("shared cores", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared cores")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test that names no group the group of its file."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
