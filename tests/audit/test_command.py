"""`python -m audit` as an officer runs it: an isolated interpreter without site-packages."""

import json
import subprocess
import sys
from pathlib import Path

from audit import index
from tests.audit import samples
from tests.audit.test_code_text import INDEX

ROOT = Path(__file__).parents[2]
RUN = (
    "import runpy, sys; sys.path.insert(0, '.'); sys.argv[0] = 'audit'; runpy.run_module('audit', run_name='__main__')"
)


def run(*arguments):
    command = [sys.executable, "-I", "-S", "-c", RUN, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def written(folder, source):
    path = folder / source.name
    path.write_text(source.text)
    return path


def test_fields_lists_core_and_product_with_the_standard_library_alone(tmp_path):
    done = run("fields", "--json", written(tmp_path, samples.product()))
    names = [field["name"] for field in json.loads(done.stdout)]
    assert done.returncode == 0
    assert {"home.error_log", "home.header.sequence", "shop.items"} <= set(names)


def test_hash_names_every_definition(tmp_path):
    done = run("hash", written(tmp_path, samples.product()))
    found = samples.load()
    assert done.stdout.splitlines()[0] == f"{found.hash}  catalogue"
    assert f"{found.fields['shop.items'].hash}  shop.items" in done.stdout


def test_diff_exits_with_3_on_a_material_change_only(tmp_path):
    for name in ("old", "reworded", "widened"):
        (tmp_path / name).mkdir()
        text = samples.product().text
        text = text.replace('brief = "something', 'brief = "anything') if name == "reworded" else text
        (tmp_path / name / "shop.toml").write_text(
            text.replace("maximum = 99", "maximum = 100") if name == "widened" else text
        )
    reworded = run("diff", tmp_path / "old", tmp_path / "reworded")
    assert (reworded.returncode, "editorial" in reworded.stdout) == (0, True)
    widened = run("diff", tmp_path / "old", tmp_path / "widened")
    assert widened.returncode == 3
    assert "MATERIAL   changed   shop.items: params maximum=99 → maximum=100" in widened.stdout


def test_a_faulty_file_names_every_line_and_exits_with_4(tmp_path):
    broken = written(tmp_path, samples.product(paid='type = "text"\nexample = "x"'))
    done = run("fields", broken)
    assert done.returncode == 4
    assert f"{broken}:" in done.stderr
    assert "the list is closed" in done.stderr


def test_a_missing_file_says_so(tmp_path):
    done = run("hash", tmp_path / "absent.toml")
    assert done.returncode == 4
    assert "name a readable file" in done.stderr


def test_an_index_is_shown_with_every_word_that_it_lets_leave(tmp_path):
    path = tmp_path / "shop.index"
    path.write_bytes(index.encode(INDEX))
    counts = run("index", path).stdout.splitlines()
    assert counts[0] == f"{INDEX.hash}  shop 1.0.0, no interpreter"
    assert "       1  raise-sites" in counts
    words = run("index", path, "--words", "shop").stdout.splitlines()
    assert "shop:0  raise in line 1  project <> is full" in words
    assert "shop:0  log in line 1  sold %s of %d, 100%%" in words
    assert "shop.Full  makes  no room for <>" in words
    assert run("index", path, "--words", "other").stdout == ""
    path.write_bytes(index.encode(INDEX)[1:])
    broken = run("index", path)
    assert (broken.returncode, "no index file" in broken.stderr) == (4, True)


def test_the_page_of_all_fields_is_not_stale():
    done = run("document", "--check")
    assert (done.returncode, done.stderr) == (0, "")
