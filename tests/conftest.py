"""How the tests share two cores.

One file goes to one worker (`--dist=loadfile`), so that a fixture of a module is made once, and its tests run in order.

Properties have no time limit of their own: a busy machine is no fault of the code, and times are for `benchmarks`.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.browser import chromium, tab
from tests.install.cloned import clone, folder
from tests.skipping import pytest_runtest_makereport

# Imported here and nowhere else: imported into two folders they would be made twice, and Playwright refuses that.
__all__ = ["chromium", "clone", "folder", "pytest_runtest_makereport", "tab"]

pytest_plugins = ["pytester"]

settings.register_profile("shared cores", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared cores")
