"""The first fence: the import test fails on a copy of the source into which somebody planted another way out."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.install.places import ROOT

ONE_DOOR = "test_there_is_one_door_out"
BY_NAME = "test_nothing_is_imported_or_run_by_its_name"
PLANTS = {
    "import socket": ONE_DOOR,
    "from urllib import request": ONE_DOOR,
    "def late():\n    import http.client": ONE_DOOR,
    "from logging import handlers": ONE_DOOR,
    "import subprocess": ONE_DOOR,
    "import importlib": BY_NAME,
    "made = __import__('sock' + 'et')": BY_NAME,
    "from diffgram_home import tripwire\nway = tripwire.connecting": "test_only_the_door_opens_permits_in_the_tripwire",
    "import corporate": "test_packages_import_only_downwards",
}


@pytest.fixture(scope="module")
def fence(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The import test of a copy of the source, to plant in."""
    folder = tmp_path_factory.mktemp("copy")
    leave = shutil.ignore_patterns("__pycache__", "static", "templates")
    for package in ("audit", "event", "diffgram_home", "tests/architecture"):
        shutil.copytree(ROOT / package, folder / package, ignore=leave)
    spec = importlib.util.spec_from_file_location("copied_test_imports", folder / "tests/architecture/test_imports.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert folder == module.ROOT
    return module


def test_the_copy_passes_as_it_is(fence: ModuleType) -> None:
    for name in set(PLANTS.values()):
        getattr(fence, name)()


@pytest.mark.parametrize("planted", PLANTS)
def test_another_way_out_is_caught_wherever_it_stands(fence: ModuleType, planted: str) -> None:
    file: Path = fence.ROOT / "diffgram_home/patience.py"
    before = file.read_text()
    try:
        file.write_text(f"{before}\n{planted}\n")
        with pytest.raises(AssertionError):
            getattr(fence, PLANTS[planted])()
    finally:
        file.write_text(before)
