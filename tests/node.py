"""Node for tests: the packages of browser/package-lock.json, or a failure that says how to get them."""

import subprocess
from pathlib import Path

import pytest

BROWSER = Path(__file__).parents[1] / "browser"
MODULES = BROWSER / "node_modules"


@pytest.fixture(scope="session")
def modules() -> Path:
    """The folder of the packages, for scripts that run beside them."""
    if not (MODULES / "esbuild").is_dir():
        pytest.fail("the packages of browser/ are not there: `install/test types`, or `npm --prefix browser ci`")
    return MODULES


def node(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run Node to its end; its output is text."""
    command = ["node", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)  # type: ignore[call-overload,no-any-return]
