"""The tripwire: whatever Python code tries beside the door is refused and recorded; the door itself gets through."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from diffgram_home import incidents, tripped, tripwire
from tests import postgres
from tests.door.conftest import Misbehaving
from tests.door.places import TOKEN, Place, found
from tests.fences.planted import PLANTS
from tests.install.places import NEEDS_ROOT, ROOT, free_ports, until

NO_ROOT = "sha256:" + "0" * 64
NAMES = ("name", "old name", "reverse")  # without a network these fail for another reason, too
PLANT = """
import os, socket, sys
def attempt(out=%r, port=%d):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        said = "done"
    except Exception as error:
        said = type(error).__name__
    with open(out, "a") as file:
        file.write(f"{' '.join(sys.orig_argv[1:])} {said}\\n")
os.register_at_fork(after_in_child=attempt)
import atexit
atexit.register(attempt)
"""


class Outside:
    """A listener that counts who came."""

    def __init__(self) -> None:
        outside = self
        self.came = 0

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                outside.came += 1
                super().setup()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def handle_one_request(self) -> None:
                if self.client_address and outside.greets:
                    self.wfile.write(b"220 mail\r\n")
                super().handle_one_request()

            def log_message(self, *_: object) -> None:
                pass

        self.greets = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def outside() -> Iterator[Outside]:
    """A host that nobody declared."""
    made = Outside()
    yield made
    made.close()


def planted(place: Place, port: int, *armed: str) -> dict[str, str]:
    """What became of each planted way out, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.fences.planted", str(place.config), str(port), *armed]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An installation that is set up and not enrolled."""
    made = found(tmp_path / "home", "https://127.0.0.1:9", NO_ROOT)
    yield made
    made.home.close()


def test_every_planted_way_out_is_refused_and_noted_once_each(place: Place, outside: Outside) -> None:
    assert set(planted(place, outside.port, "armed").values()) == {"refused"}
    assert outside.came == 0
    assert tripped.take(place.home, place.now()) == len(PLANTS)
    noted = told(place)
    assert outside.port not in [int(word) for line in noted for word in line.split("/")[2].split(":") if word.isdigit()]
    assert "exfiltrated" not in "".join(noted), "a name may itself be what was to be carried out"
    assert {line.split("/")[1] for line in noted} >= {"socket.connect", "socket.sendto", "subprocess.Popen", "os.exec"}
    assert any("__main__:" in line for line in noted), "the place in the code"
    assert tripped.take(place.home, place.now()) == 0, "each counts once"


def told(place: Place) -> list[str]:
    """What is recorded of each refusal: process/means/destination/places."""
    return [path for incident in incidents.listed(place.home, limit=1000) for path in incident.paths]


def test_without_the_tripwire_the_same_ways_lead_out(place: Place, outside: Outside) -> None:
    became = planted(place, outside.port)
    assert "refused" not in became.values()
    assert {became[name] for name in PLANTS if name not in (*NAMES, "mail")} == {"done"}, became
    assert outside.came >= 7


def test_the_door_gets_through_and_only_to_where_it_was_permitted(tmp_path: Path) -> None:
    corporate = Misbehaving(tmp_path / "corporate")
    try:
        url = f"https://127.0.0.1:{corporate.port}"
        place = found(tmp_path / "home", url, corporate.root)
        place.home.close()
        (tmp_path / "token").write_text(TOKEN)
        command = (sys.executable, "-m", "diffgram_home.cli", "--config", str(place.config), "enrol", "--token-file")
        done = subprocess.run(
            [*command, str(tmp_path / "token")], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert not (place.home.settings.folder / tripwire.FOLDER).exists()
    finally:
        corporate.close()


def test_pages_scheduler_run_and_commands_are_all_behind_it(place: Place, outside: Outside, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "plant").mkdir()
    (tmp_path / "plant/sitecustomize.py").write_text(PLANT % (str(out), outside.port))
    port = free_ports(1)[0]
    place.config.write_text(place.config.read_text() + f"[web]\nport = {port}\n")
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path / 'plant'}:{ROOT}"}
    program = [sys.executable, "-m", "diffgram_home.cli", "--config", str(place.config)]
    subprocess.run([*program, "cases"], cwd=ROOT, env=environ, check=True, capture_output=True, timeout=60)
    with ended(subprocess.Popen([*program, "run"], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)):
        until(lambda: out.exists() and out.read_text().count("\n") >= 5, 60, "the attempts of every process")
        until(lambda: len({line.split("/")[0] for line in told(place)}) >= 3, 30, "their record")
    assert outside.came == 0
    assert {line.rsplit(maxsplit=1)[1] for line in out.read_text().splitlines()} == {"NotThroughTheDoor"}
    assert {line.split("/")[0] for line in told(place)} >= {"run", "pages", "command"}


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the process with the block, and expect that it ended in order."""
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 0


def test_the_customers_own_database_needs_no_permit(place: Place) -> None:
    with postgres.cluster() as cluster:
        environ = {**os.environ, "DIFFGRAM_HOME_DATABASE_URL": cluster.make_database()}
        program = [sys.executable, "-m", "diffgram_home.cli", "--config", str(place.config)]
        for command in ("init", "cases"):
            subprocess.run([*program, command], cwd=ROOT, env=environ, check=True, capture_output=True, timeout=120)
    assert not (place.home.settings.folder / tripwire.FOLDER).exists()


def tries(place: Place, times: int) -> None:
    """A process that looks a name up so many times."""
    loop = (
        "import os, socket\nfrom pathlib import Path\nfrom diffgram_home import settings, tripwire\n"
        f"tripwire.arm('command'); tripwire.know(settings.read(Path({str(place.config)!r}), os.environ))\n"
        f"for _ in range({times}):\n"
        "    try: socket.gethostbyname('x.example')\n"
        "    except PermissionError: pass\n"
    )
    subprocess.run([sys.executable, "-c", loop], cwd=ROOT, check=True, timeout=120)


def test_what_root_notes_is_the_services_to_read_and_root_follows_no_link(place: Place, tmp_path: Path) -> None:
    assert os.geteuid() == 0, NEEDS_ROOT
    data = place.home.settings.folder
    os.chown(data, 65534, 65534)
    tries(place, 1)
    (note,) = (data / tripwire.FOLDER).iterdir()
    assert {note.stat().st_uid, note.parent.stat().st_uid} == {65534}
    note.unlink()
    note.parent.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (data / tripwire.FOLDER).symlink_to(elsewhere)
    tries(place, 1)
    assert list(elsewhere.iterdir()) == []


def test_a_loop_that_tries_for_ever_does_not_fill_the_disk(place: Place) -> None:
    tries(place, 4000)
    (notes,) = (place.home.settings.folder / tripwire.FOLDER).iterdir()
    assert notes.stat().st_size < tripwire.DAY_LIMIT_BYTES + 1000
    assert notes.stat().st_mode & 0o777 == 0o600
    assert tripped.take(place.home, place.now()) > 1000
    assert len(told(place)) == 1
