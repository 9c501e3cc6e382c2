"""node.mjs in real Node processes: what ends one is told, and nothing about how it ends is changed."""

from pathlib import Path

import pytest

from tests.home_js.conftest import Place
from tests.home_js.shop import SECRET, Since, bytes_of, until
from tests.node import BROWSER, node

BUILT = BROWSER.parent / "diffgram_home/browser/built/node.mjs"
ENDS = {
    "an error that nobody caught": ('setTimeout(() => { throw new RangeError("SECRET"); })', "error", "RangeError", 1),
    "a rejection that nobody handled": ('Promise.reject(new TypeError("SECRET"))', "rejection", "TypeError", 1),
    "a text that was thrown": ('setTimeout(() => { throw "SECRET"; })', "error", "<type>", 1),
}


def script(folder: Path, to: str, what: str, more: str = "") -> Path:
    """A program that tells, then does something."""
    path = folder / "program.mjs"
    begin = f'import {{ start, error }} from "{BUILT}";\nstart({{ to: "{to}", release: "1.0.0"{more} }});\n'
    path.write_text(begin + what.replace("SECRET", SECRET))
    return path


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_a_process_is_told_and_it_ends_as_it_would_have(place: Place, tmp_path: Path, name: str) -> None:
    what, how, kind, status = ENDS[name]
    now_told = Since(place.home)
    bare = tmp_path / "bare.mjs"
    bare.write_text("\n\n" + what.replace("SECRET", SECRET))
    without = node(bare)
    done = node(script(tmp_path, place.shop.to, what))
    assert (done.returncode, done.stdout) == (without.returncode, without.stdout) == (status, "")
    assert done.stderr.replace("program.mjs", "bare.mjs") == without.stderr
    (message,) = until(now_told.errors)
    assert (message["how"], message["release"]) == (how, "1.0.0")
    assert message["error_log"]["chain"][0]["type"] == kind
    assert SECRET.encode() not in bytes_of(place.home)


def test_a_process_that_catches_by_itself_goes_on_and_is_told_of(place: Place, tmp_path: Path) -> None:
    now_told = Since(place.home)
    what = """
      process.on("uncaughtException", () => console.log("mine"));
      setTimeout(() => { throw new RangeError("SECRET"); });
      setTimeout(() => { error(new SyntaxError("SECRET")); console.log("went on"); }, 50);
    """
    done = node(script(tmp_path, place.shop.to, what))
    assert (done.returncode, done.stdout.split("\n")) == (0, ["mine", "went on", ""])
    told = until(lambda: len(found := now_told.errors()) == 2 and found)
    assert sorted(message["how"] for message in told) == ["caught", "error"]


def test_the_hook_drops_and_an_address_where_nobody_is_changes_nothing(place: Place, tmp_path: Path) -> None:
    now_told = Since(place.home)
    what = 'throw new RangeError("SECRET")'
    assert node(script(tmp_path, place.shop.to, what, ", onEvent: () => false")).returncode == 1
    assert node(script(tmp_path, place.shop.to, what, ", onEvent: () => { throw 1; }")).returncode == 1
    assert node(script(tmp_path, "http://127.0.0.1:9/browser/shop/", what)).returncode == 1
    assert node(script(tmp_path, "no address", what)).returncode == 1
    assert node(script(tmp_path, place.shop.to, "error(undefined); error(null)")).returncode == 0
    assert [message["error_log"]["chain"][0]["type"] for message in now_told.errors()] == ["<type>", "<type>"]
