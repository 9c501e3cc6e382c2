"""carry out, carry in, carry list, enrol by files: real processes where there is no network at all."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from diffgram_home.cli.exits import Exit
from tests.cli.conftest import Shell
from tests.corporate import running as corporates

ALONE = ("unshare", *(() if os.getuid() == 0 else ("--user", "--map-root-user")), "--net", "--")


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A corporate that never runs: settings file and root."""
    return corporates.found(tmp_path_factory.mktemp("vendor"), "")


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """What is carried to and fro."""
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


@pytest.fixture
def island(vendor: tuple[Path, str], stick: Path, tmp_path: Path) -> Shell:
    """An installation that carries everything by hand; approved and on, enrolled without a network."""
    config, root = vendor
    folder = tmp_path / "island"
    folder.mkdir()
    shell = Shell(folder)
    shell.ok("init", "--name", "island", "--corporate-url", "https://corporate.invalid:8091", "--root", root)
    shell.settings.write_text(shell.settings.read_text().replace("[sending]\n", "[sending]\nby_hand = true\n"))
    token = corporates.command(config, "enrolment-token", "--customer", "St Mary").stdout
    asked = stick / "asked.zip"
    shell.ok("enrol", "--token-file", "-", "--out", str(asked), typed=token)
    (answer,) = brought(config, asked)
    shell.ok("enrol", "--in", str(answer))
    shell.ok("on", "event", "--yes")
    shell.ok("approve", "--case", "event", "--authority", "ticket 7", "--yes")
    return shell


def brought(config: Path, *files: Path) -> list[Path]:
    """Corporate takes files in; the files of answers."""
    done = corporates.command(config, "import", *map(str, files), "--json")
    return [Path(json.loads(line)["answers_file"]) for line in done.stdout.splitlines()]


def alone(shell: Shell, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a namespace in which no interface is up, not even loopback."""
    done = shell.fresh(*arguments, before=ALONE)
    assert done.returncode == Exit.DONE, (arguments, done.stdout, done.stderr)
    return done


def test_a_whole_round_without_any_network(island: Shell, vendor: tuple[Path, str], stick: Path) -> None:
    island.ok("new", "home/error", "member_id=4")
    shown = alone(island, "pending").stdout.encode()
    out = json.loads(alone(island, "carry", "out", str(stick), "--json").stdout)
    (file,) = out["files"]
    with zipfile.ZipFile(file["path"]) as opened:  # a tool of others
        assert opened.read("event-1.ndjson") == shown
    assert sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]
    (sent,) = island.lines("sent")
    assert (sent["outcome"], sent["destination"], sent["sha256"]) == ("unknown", "by hand", sha256(shown).hexdigest())
    (answer,) = brought(vendor[0], Path(file["path"]))
    assert "event 1: accepted" in alone(island, "carry", "in", str(answer)).stdout
    (sent,) = island.lines("sent")
    assert sent["outcome"] == "accepted"
    alone(island, "verify")
    assert [(row["direction"], row["actor"]) for row in island.lines("carry", "list")] == [
        ("in", f"os:{os.getuid()}"),
        ("out", f"os:{os.getuid()}"),
    ]
    again = island("carry", "in", str(answer))
    assert (again.returncode, "here already" in again.stderr) == (Exit.FINDING, True)


def test_no_command_by_hand_opens_a_socket(
    island: Shell, vendor: tuple[Path, str], stick: Path, tmp_path: Path
) -> None:
    watch = tmp_path / "watch"
    island.ok("new", "home/error", "member_id=4")
    island.ok("carry", "out", str(stick), watch=watch)
    (answer,) = brought(vendor[0], *(path for path in stick.iterdir() if path.name.endswith("out.zip")))
    island.ok("carry", "in", str(answer), watch=watch)
    assert island("send", watch=watch).returncode == Exit.FINDING
    assert island.ok("egress", watch=watch).count("corporate.invalid") == 0
    assert watch.read_text() == ""


def test_carrying_again_gives_the_same_bytes_and_nothing_gives_no_file(
    island: Shell, vendor: tuple[Path, str], stick: Path
) -> None:
    assert "nothing was carried out" in island.ok("carry", "out", str(stick))
    island.ok("new", "home/error", "member_id=4")
    island.ok("carry", "out", str(stick))
    before = {path.name: path.read_bytes() for path in stick.iterdir()}
    island.ok("carry", "out", str(stick))
    assert {path.name: path.read_bytes() for path in stick.iterdir()} == before


def test_what_cannot_be_written_or_read_is_told_in_a_sentence(island: Shell, stick: Path) -> None:
    island.ok("new", "home/error", "member_id=4")
    done = island("carry", "out", "/proc")
    assert (done.returncode, "cannot write '/proc/carried-" in done.stderr, "to do:" in done.stderr) == (1, True, True)
    assert island("carry", "out", str(stick / "nowhere")).returncode == Exit.USAGE
    noise = stick / "noise.zip"
    noise.write_bytes(b"PK\x03\x04")
    done = island("carry", "in", str(noise))
    assert (done.returncode, "to do:" in done.stderr) == (Exit.FINDING, True)
    assert island.lines("sent") == []


def test_the_options_of_enrol_by_hand_are_checked(island: Shell, stick: Path) -> None:
    assert island("enrol", "--again").returncode == Exit.USAGE
    done = island("enrol", "--again", "--token-file", "-", "--out", str(stick / "x" / "y.zip"), typed="dhe_12345678\n")
    assert (done.returncode, "cannot write" in done.stderr) == (Exit.FINDING, True)
    answers = next(stick.glob("*.in.zip"))
    assert island("carry", "in", str(answers)).returncode == Exit.FINDING
    assert "enrolled already" in island.ok("enrol", "--in", str(answers))
