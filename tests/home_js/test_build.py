"""What is committed is what is built, small enough, and made from packages that name no registry."""

import json
import shutil
from pathlib import Path

from tests.node import BROWSER, modules, node

__all__ = ["modules"]
BUILT = BROWSER.parent / "diffgram_home/browser/built"


def test_the_committed_files_are_those_that_the_source_makes(modules: Path) -> None:
    done = node(BROWSER / "build.mjs", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in BUILT.iterdir()} == {line.partition(":")[0] for line in done.stdout.splitlines()}


def test_a_file_that_was_changed_by_hand_fails_the_check_and_says_what_to_do(modules: Path, tmp_path: Path) -> None:
    shutil.copytree(BUILT, tmp_path, dirs_exist_ok=True)
    (tmp_path / "home.js").write_bytes((BUILT / "home.js").read_bytes() + b"\n")
    (tmp_path / "extras.mjs").unlink()
    done = node(BROWSER / "build.mjs", "--check", "--into", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{name} is stale: run 'npm run build' in browser/, and commit what it made"
        for name in ("home.js", "extras.mjs")
    ]


def test_a_script_that_grew_too_large_fails_the_check(modules: Path, tmp_path: Path) -> None:
    grown = tmp_path / "browser"
    shutil.copytree(BROWSER, grown, ignore=shutil.ignore_patterns("node_modules"))
    (grown / "node_modules").symlink_to(modules)
    source = grown / "home.ts"
    source.write_text(source.read_text() + "\nconsole.info(" + json.dumps(" ".join(map(str, range(200)))) + ");\n")
    done = node(grown / "build.mjs", "--into", tmp_path / "built")
    assert done.returncode == 1
    assert "and may have 1000" in done.stderr


def test_home_js_needs_no_package_and_the_lock_names_no_registry() -> None:
    package = json.loads((BROWSER / "package.json").read_text())
    assert "dependencies" not in package
    lock = json.loads((BROWSER / "package-lock.json").read_text())
    entries = [entry for name, entry in lock["packages"].items() if name]
    assert len(entries) > 20
    assert [entry for entry in entries if "resolved" in entry or not entry["integrity"].startswith("sha512-")] == []
