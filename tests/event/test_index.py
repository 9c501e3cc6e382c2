"""The index made at build time: what the interpreter reports at run time stands in it, and nothing local does."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from audit import index
from event._error import ErrorLog
from tests.event import samples

SOURCE = '''
"""A shop."""


class OutOfStock(ValueError):
    class Inner(OSError):
        pass


class Basket:
    @property
    def total(self):
        return 1

    @total.setter
    def total(self, value):
        raise OutOfStock(value)


def place(order):
    def check():
        class Local(OutOfStock):
            pass

        return [fail(n) for n in (lambda: order)()]

    return check()


def fail(n):
    raise OutOfStock(n)
'''
APPLICATION = """
class Rule:
    def __init__(self, rule):
        self.rule = rule


class Map:
    def iter_rules(self):
        return [Rule("/order/<int:id>"), Rule("/")]


class Application:
    url_map = Map()


def create_app():
    return Application()


app = Application()
"""


@pytest.fixture
def shop(tmp_path):
    package = tmp_path / "indexed_shop"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "orders.py").write_text(SOURCE)
    (package / "web.py").write_text(APPLICATION)
    (package / "deep" / "__init__.py").write_text(
        "from indexed_shop.orders import OutOfStock\nclass Gone(OutOfStock): ...\n"
    )
    return package


def make(output: Path, *arguments: object, code: int = 0, options: Sequence[str] = (), **environment: str) -> str:
    command = [sys.executable, *options, "-m", "event.index", *map(str, arguments), "-o", str(output)]
    known = {"PYTHONPATH": f"{samples.ROOT}:{output.parent}", "PATH": "/usr/bin", **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=known, cwd=samples.ROOT, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def made(shop: Path, *arguments: object) -> index.Index:
    output = shop.parent / "index.json"
    make(output, shop, "--release", "indexed-shop 2.7.1827", *arguments)
    return index.parse(output.read_bytes())


def test_it_names_modules_functions_and_lines(shop):
    names = made(shop)
    assert sorted(names.modules) == [f"indexed_shop{m}" for m in ("", ".deep", ".orders", ".web")]
    assert names.has_place("indexed_shop.orders:fail:31")
    assert not names.has_place("indexed_shop.orders:fail:32")
    assert len(names.modules["indexed_shop.orders"]["Basket.total"]) == 2
    assert "place.<locals>.check.<locals>.<lambda>" in names.modules["indexed_shop.orders"]


def test_it_names_exception_types_of_source_interpreter_and_nothing_else(shop):
    names = made(shop)
    assert {name for name in names.types if name.startswith("indexed_shop")} == {
        "indexed_shop.orders.OutOfStock",
        "indexed_shop.orders.OutOfStock.Inner",
        "indexed_shop.orders.place.<locals>.check.<locals>.Local",
        "indexed_shop.deep.Gone",
    }
    assert {"ValueError", "json.decoder.JSONDecodeError", "sqlite3.IntegrityError"} <= names.types
    assert not any(name.startswith("sqlalchemy") for name in names.types)


def test_a_library_brings_its_exception_types(shop):
    assert "sqlalchemy.exc.IntegrityError" in made(shop, "--library", "sqlalchemy.exc").types


@pytest.mark.parametrize("application", ["app", "create_app()"])
def test_routes_come_from_the_application(shop, application):
    assert made(shop, "--routes", f"indexed_shop.web:{application}").routes == {"/", "/order/<int:id>"}


def test_the_release_and_its_version_stand_in_it(shop):
    names = made(shop)
    assert names.release == "indexed-shop 2.7.1827"
    assert names.versions == {"2.7.1827"}


def test_the_same_source_gives_the_same_bytes(shop):
    (shop / "many.py").write_text(
        "def run(x):\n    if x in {'a', 'b', 'c', 'd'}:\n        raise ValueError(f'one of {x}')\n"
    )
    first, second = shop.parent / "a.json", shop.parent / "b.json"
    for output, seed in ((first, "1"), (second, "2")):
        make(output, shop, "--release", "indexed-shop 1.0.0", PYTHONHASHSEED=seed)
    assert first.read_bytes() == second.read_bytes()


def test_a_folder_of_packages_is_a_root_of_names(shop):
    output = shop.parent / "index.json"
    make(output, shop.parent, "--release", "indexed-shop 1.0.0")
    assert "indexed_shop.orders" in index.parse(output.read_bytes()).modules


def test_what_an_exception_shows_at_run_time_stands_in_it(shop, monkeypatch):
    names = made(shop)
    monkeypatch.syspath_prepend(str(shop.parent))
    orders = __import__("indexed_shop.orders", fromlist=["place"])
    with pytest.raises(orders.OutOfStock) as caught:
        orders.place([7])
    value = ErrorLog(names).of(caught.value)
    assert value["chain"] == [{"type": "indexed_shop.orders.OutOfStock", "shapes": ["integer(1)"]}]
    places = [place.rpartition(":")[0] for place, ours in value["frames"] if ours]
    check = "indexed_shop.orders:place.<locals>.check"
    inner = [f"{check}.<locals>.<listcomp>"] if sys.version_info < (3, 12) else []
    assert places == ["indexed_shop.orders:place", check, *inner, "indexed_shop.orders:fail"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["{shop}/none"], "no source at"),
        (["{shop}", "--library", "no_such_library"], "no_such_library"),
        (["{shop}", "--routes", "indexed_shop.web:none"], "none"),
        (["{broken}"], "broken.py"),
        (["{shop}", "--lock", "{lock}"], "flask==0.0.1 is pinned"),
        (["{shop}", "--lock", "{lock}"], "no-such-library==1.0 is not installed"),
        (["{shop}", "--lock", "{lock}", "--without", "django"], "'django'"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_written(shop, arguments, word):
    broken = shop.parent / "broken.py"
    broken.write_text("def")
    output = shop.parent / "index.json"
    lock = shop.parent / "lock.txt"
    lock.write_text("flask==0.0.1 \\\n    --hash=sha256:00\nno-such-library==1.0\n")
    filled = [argument.format(shop=shop, broken=broken, lock=lock) for argument in arguments]
    assert word in make(output, *filled, "--release", "x 1.0.0", code=2)
    assert not output.exists()


def test_an_interpreter_without_columns_builds_nothing(shop):
    output = shop.parent / "index.json"
    said = make(output, shop, "--release", "x 1.0.0", options=("-X", "no_debug_ranges"), code=2)
    assert "keeps no columns" in said
    assert not output.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "requirements.txt",
            "markupsafe=={0} ; python_version > '3' \\\n    --hash=sha256:00\nwin==1 ; sys_platform == 'x'\n",
        ),
        (
            "uv.lock",
            '[[package]]\nname = "MarkupSafe"\nversion = "{0}"\n'
            '[[package]]\nname = "shop"\nversion = "1"\nsource = {{ editable = "." }}\n',
        ),
        ("pylock.toml", '[[packages]]\nname = "markupsafe"\nversion = "{0}"\n'),
    ],
)
def test_a_lock_brings_the_source_of_its_libraries(shop, name, text):
    lock = shop.parent / name
    lock.write_text(text.format(version("markupsafe")))
    found = made(shop, "--lock", lock)
    assert dict(found.libraries) == {"markupsafe": version("markupsafe")}
    assert not found.is_product("markupsafe")
    assert found.is_product("indexed_shop.orders")
    assert found.sources["markupsafe"].library == "markupsafe"
    assert found.raises["markupsafe"].sites
    assert "escape" in found.modules["markupsafe"]
