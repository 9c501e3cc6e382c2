"""release upload: what a release was built of, and the vendor's lines at each frame; on SQLite and PostgreSQL."""

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from audit import index as indexes
from corporate import lines, migrating, releases, uploading
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import MapPart, ReleaseFile, StoredFile
from corporate.uploading import Given
from event.index import build
from tests.corporate.mapping import source_map
from tests.corporate.running import command, found

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SOURCE = '''"""What the shop sells."""


class Shop:
    @property
    def open(self):
        return True

    def buy(self, order):
        if not order:
            raise ValueError("nothing to buy")
        return [item for item in order]
'''
BUNDLE = "function f(){throw Error()}f()\n"
TYPESCRIPT = "// the cart\nexport function empty() {\n  throw Error();\n}\n"


@pytest.fixture
def store(make_url: Callable[[], str], tmp_path: Path) -> Iterator[Store]:
    """An empty database with today's schema."""
    made = Store(make_url() or f"sqlite:///{tmp_path}/corporate.db")
    migrating.upgrade(made)
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A package with a module, and a file beside it that no index has."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cart.py").write_text(SOURCE)
    (tmp_path / "src" / "tool.py").write_text("print('not shipped')\n")
    return tmp_path / "src"


@pytest.fixture
def index(store: Store, shop: Path, tmp_path: Path) -> indexes.Index:
    """The package's index, stored."""
    made = build([shop / "shop"], "shop 1.0.0")
    file = tmp_path / "shop.index"
    file.write_bytes(indexes.encode(made))
    releases.add(store, [], file, None, NOW)
    return made


def scripts(folder: Path, **more: object) -> Given:
    """A bundle and its map."""
    (folder / "app.js").write_text(BUNDLE)
    whole = {"sources": ["../src/cart.ts"], "contents": [TYPESCRIPT], **more}
    (folder / "app.js.map").write_bytes(source_map([(0, 0, 0, 1, 7), (0, 13, 0, 2, 2)], **whole))  # type: ignore[arg-type]
    return Given((), (folder / "app.js",), (folder / "app.js.map",))


def counts(store: Store) -> tuple[int, ...]:
    """Rows of the tables that an upload writes."""
    with store.reading(EVERYBODY) as session:
        tables = (StoredFile, ReleaseFile, MapPart)
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def shown(found_lines: lines.Lines | None) -> list[str]:
    """The lines as text, the failing one marked."""
    assert found_lines is not None
    return [f"{'>' if line.fails else ' '}{line.number} {line.text}" for line in found_lines.lines]


def test_the_lines_around_a_place_are_those_of_its_release(store: Store, index: indexes.Index, shop: Path) -> None:
    done = uploading.upload(store, "shop 1.0.0", Given((shop,)), NOW)
    assert (done.stored, done.known, done.skipped, done.index) == (2, 0, 1, index.hash)
    got = lines.lines_of(store, index.hash, "shop.cart:Shop.buy:11")
    assert shown(got)[3:7] == [
        " 9     def buy(self, order):",
        " 10         if not order:",
        '>11             raise ValueError("nothing to buy")',
        " 12         return [item for item in order]",
    ]
    assert lines.lines_for(store, index.hash, ["<place>", "flask.app:run:3", "shop.cart:x", "a:b:c:d"]) == {}
    assert lines.lines_of(store, "0" * 64, "shop.cart:Shop.buy:11") is None


def test_the_same_again_changes_nothing_and_a_wheel_is_the_same(
    store: Store, index: indexes.Index, shop: Path, tmp_path: Path
) -> None:
    uploading.upload(store, index.hash[:12], Given((shop,)), NOW)
    before = counts(store)
    wheel = tmp_path / "shop-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("shop/__init__.py", "")
        file.writestr("shop-1.0.0.data/purelib/shop/cart.py", SOURCE)
        file.writestr("../../etc/evil.py", "x = 1")
        file.writestr("shop-1.0.0.dist-info/METADATA", "Name: shop")
    done = uploading.upload(store, index.hash, Given((wheel,)), NOW)
    assert (done.stored, done.known) == (0, 2)
    assert counts(store) == before


@pytest.mark.parametrize(
    "source",
    ["# a line more\n" + SOURCE, SOURCE.replace("buy", "sell"), "def broken(:\n", "", "x = " + "(" * 5000, "\0"],
)
def test_a_source_that_was_not_shipped_is_refused_and_nothing_is_stored(
    store: Store, index: indexes.Index, shop: Path, source: str
) -> None:
    before = counts(store)
    (shop / "shop" / "cart.py").write_text(source)
    with pytest.raises(OperatorError, match=r"is not shop.cart of 'shop 1.0.0'"):
        uploading.upload(store, index.release, Given((shop,)), NOW)
    assert counts(store) == before


def test_without_a_hash_in_the_index_a_source_has_to_have_every_function_where_the_index_has_it(
    store: Store, shop: Path, tmp_path: Path
) -> None:
    made = build([shop / "shop"], "shop 0.9.0")
    file = tmp_path / "old.index"
    file.write_bytes(indexes.encode(indexes.new("shop 0.9.0", made.modules, made.types)))
    (shop / "shop" / "cart.py").write_text("# a line more\n" + SOURCE)
    with pytest.raises(OperatorError, match=r"Shop.* is not at lines"):
        uploading.upload(store, "shop 0.9.0", Given((shop,)), NOW, file)
    (shop / "shop" / "cart.py").write_text(SOURCE)
    assert uploading.upload(store, "shop 0.9.0", Given((shop,)), NOW, file).stored == 2


def test_what_a_zip_says_of_its_sizes_is_not_believed(store: Store, index: indexes.Index, tmp_path: Path) -> None:
    wheel = tmp_path / "bomb.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("shop/cart.py", "#" * 50_000_000)
    with pytest.raises(OperatorError, match="has more than"):
        uploading.upload(store, index.release, Given((wheel,)), NOW)
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(OperatorError, match="is no wheel"):
        uploading.upload(store, index.release, Given((wheel,)), NOW)


def test_a_place_of_a_bundle_leads_to_the_vendors_own_line(store: Store, index: indexes.Index, tmp_path: Path) -> None:
    uploading.upload(store, index.release, scripts(tmp_path), NOW)
    got = lines.lines_of(store, index.hash, "app.js:1:20")
    assert (got.file, got.line, got.column) == ("src/cart.ts", 3, 3)
    assert shown(got)[1:4] == [" 2 export function empty() {", ">3   throw Error();", " 4 }"]
    for place in ("app.js:2:1", "app.js:999999999:1", "other.js:1:1", "app.js:0:1"):
        assert lines.lines_of(store, index.hash, place) is None


def test_a_source_that_the_map_does_not_bring_is_taken_from_a_folder_and_from_nowhere_else(
    store: Store, index: indexes.Index, tmp_path: Path
) -> None:
    given = scripts(tmp_path, contents=[None])
    assert uploading.upload(store, index.release, given, NOW).without == 1
    got = lines.lines_of(store, index.hash, "app.js:1:20")
    assert (got.file, got.line, got.lines) == ("src/cart.ts", 3, ())
    root = tmp_path / "web"
    (root / "src").mkdir(parents=True)
    (root / "src" / "cart.ts").write_text(TYPESCRIPT)
    assert uploading.upload(store, index.release, replace(given, sources=(root,)), NOW).without == 0
    assert shown(lines.lines_of(store, index.hash, "app.js:1:20"))[2] == ">3   throw Error();"
    (tmp_path / "secret").write_text("not the vendor's to give")
    (root / "link").symlink_to(tmp_path / "secret")
    for name in ("../secret", "link", "x" * 5000, "a\0b", "src"):
        bad = replace(scripts(tmp_path, contents=[None], sources=[name]), sources=(root,))
        assert uploading.upload(store, index.release, bad, NOW).without == 1


@pytest.mark.parametrize("bundle", ["f()\n", "", "\n" * 9])
def test_a_map_of_another_bundle_is_refused_and_nothing_is_lost(
    store: Store, index: indexes.Index, tmp_path: Path, shop: Path, bundle: str
) -> None:
    uploading.upload(store, index.release, scripts(tmp_path), NOW)
    before = counts(store)
    given = replace(scripts(tmp_path), sources=(shop,))
    (tmp_path / "app.js").write_text(bundle)
    with pytest.raises(OperatorError, match="is not of this bundle"):
        uploading.upload(store, index.release, given, NOW)
    assert counts(store) == before
    assert lines.lines_of(store, index.hash, "app.js:1:20") is not None


def test_a_release_has_to_be_known_or_to_bring_its_index(store: Store, shop: Path, tmp_path: Path) -> None:
    made = build([shop / "shop"], "shop 2.0.0")
    with pytest.raises(OperatorError, match=r"there is no index of a release 'shop 2.0.0'"):
        uploading.upload(store, "shop 2.0.0", Given((shop,)), NOW)
    file = tmp_path / "index"
    file.write_bytes(indexes.encode(made))
    with pytest.raises(OperatorError, match=r"is of 'shop 2.0.0', not 'shop 3.0.0'"):
        uploading.upload(store, "shop 3.0.0", Given((shop,)), NOW, file)
    assert uploading.upload(store, "shop 2.0.0", Given((shop,)), NOW, file).stored == 2
    with pytest.raises(OperatorError, match="nothing that was given belongs"):
        uploading.upload(store, "shop 2.0.0", Given((shop / "tool.py",)), NOW)
    with pytest.raises(OperatorError, match="1 bundles, 0 maps"):
        uploading.upload(store, "shop 2.0.0", Given((), (file,)), NOW)


def test_a_long_line_is_cut_around_the_column_and_shows_nothing_that_is_no_text() -> None:
    text = ["a" * 1000 + "HERE" + "b" * 1000, "x\x1b[2J\u202e"]
    (line, other) = lines.around(text, 1, 1001)
    assert "HERE" in line.text
    assert len(line.text) < 300
    assert other.text == "x\ufffd[2J\ufffd"
    assert lines.around(text, 3) == ()


def test_the_command_uploads_tells_and_refuses(make_url: Callable[[], str], tmp_path: Path, shop: Path) -> None:
    (tmp_path / "server").mkdir()
    config, _ = found(tmp_path / "server", make_url())
    file = tmp_path / "index"
    file.write_bytes(indexes.encode(build([shop / "shop"], "shop 1.0.0")))
    asked = ("release", "upload", "shop 1.0.0", "--source", str(shop), "--index", str(file))
    done = json.loads(command(config, *asked, "--json").stdout)
    assert (done["stored"], done["skipped"]) == (2, 1)
    again = command(config, *asked)
    assert "0 stored, 2 known already" in again.stdout
    assert "shop 1.0.0 (lines of 2 modules)" in command(config, "release", "list").stdout
    assert f"{shop}: 2 of 2 modules" in again.stderr
    (tmp_path / "app.js").write_text(BUNDLE)
    (tmp_path / "app.js.map").write_text("{")
    pair = ("--bundle", str(tmp_path / "app.js"), "--map", str(tmp_path / "app.js.map"))
    refused = command(config, *asked, *pair, code=1)
    assert "the source map is not JSON" in refused.stderr
