"""What the door's tests share: corporates that misbehave on request, and installations to send from."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.door.places import Place, found

PROGRAM = Path(__file__).parent / "misbehaving.py"
ROOT = Path(__file__).parents[2]


class Misbehaving:
    """One running `misbehaving.py`. `told` waits for what it says about the next connection."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, lines = self._process.stdin, self._process.stdout
        started = json.loads(lines.readline())
        self.port, self.root = started["port"], started["root"]
        self.url = f"https://127.0.0.1:{self.port}"
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()

    def order(self, do: str, **more: Any) -> None:
        """What to do with the next connection that has no order yet. The program has heard it when this returns."""
        self._orders.write(json.dumps({"do": do, **more}) + "\n")
        self._orders.flush()
        assert self._heard.get(timeout=10) == {"heard": do}

    def told(self, timeout_s: float = 10) -> dict[str, Any]:
        """What the next connection to end was, as the program saw it."""
        return self._told.get(timeout=timeout_s)

    def all_told(self) -> list[dict[str, Any]]:
        """Every connection that has ended and was not asked about yet."""
        found = []
        while not self._told.empty():
            found.append(self._told.get_nowait())
        return found

    @property
    def deletions(self) -> bytes:
        """The raw key that signs its statements of deletion."""
        return (self.folder / "deletions.key").read_bytes()

    @property
    def receipts(self) -> bytes:
        """The raw key that signs its receipts, as it was at its start."""
        return (self.folder / "receipts.key").read_bytes()

    def body(self, sha256: str) -> bytes:
        """The bytes of a body as they came."""
        return (self.folder / "bodies" / sha256).read_bytes()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._orders.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _listen(self, lines: Any) -> None:
        for said in map(json.loads, lines):
            (self._heard if "heard" in said else self._told).put(said)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Misbehaving]:
    """One corporate for a file of tests: starting it takes longer than most of them."""
    running = Misbehaving(tmp_path_factory.mktemp("corporate"))
    yield running
    running.close()


@pytest.fixture
def corporate(program: Misbehaving) -> Misbehaving:
    """A corporate that behaves until it is told otherwise; nothing is left over from the test before."""
    program.order("forget")
    program.all_told()
    return program


@pytest.fixture
def own_corporate(tmp_path: Path) -> Iterator[Misbehaving]:
    """A corporate of this test alone, whose keys it may change."""
    running = Misbehaving(tmp_path / "corporate")
    yield running
    running.close()


@pytest.fixture
def place(corporate: Misbehaving, tmp_path: Path) -> Iterator[Place]:
    """An enrolled installation whose case `event` is on."""
    made = found(tmp_path / "home", corporate.url, corporate.root)
    made.enrol()
    while corporate.told().get("line") != "POST /v1/enrolment HTTP/1.1":
        pass  # a connection of the test before
    yield made
    made.home.close()
