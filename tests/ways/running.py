"""The index of the shop, and running products that use the unmodified sentry-sdk."""

import importlib.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from audit import index
from event import index as building

PRODUCTS = Path(__file__).parent / "products"
ROOT = PRODUCTS.parents[2]
FRAMEWORKS = ("flask", "fastapi", "django", "celery", "logging", "groups")


@cache
def shop_index() -> index.Index:
    """Return the index of what the vendor ships."""
    return building.build([PRODUCTS / "shop.py", PRODUCTS / "depot.py"], "shop 1.4.2")


def run(framework: str, secret: str, *where: object) -> "subprocess.CompletedProcess[str]":
    """Run a product to its end, in a process of its own."""
    return subprocess.run(
        [sys.executable, str(PRODUCTS / f"with_{framework}.py"), *map(str, where)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SHOP_SECRET": secret},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@cache
def loaded_shop() -> ModuleType:
    """Return the shop as a module of the name that the index has for it."""
    spec = importlib.util.spec_from_file_location("shop", PRODUCTS / "shop.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
