"""An installation that governs the shop: its application in this process, or served by a real gunicorn."""

import hashlib
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from audit.index import Index, encode
from diffgram_home import settings, switching
from diffgram_home.home import Home, make_home, open_home
from tests.store.building import NOW
from tests.ways.running import ROOT, shop_index

SETTINGS = """name = "shop-site"
folder = "data"
[corporate]
url = "https://127.0.0.1:8091"
root = "sha256:{root}"
[product]
index = {{ file = "index.json", sha256 = "{index}" }}
[cases]
event = "{mode}"
{more}"""


def build(folder: Path, mode: str = "local", more: str = "", shipped: Index | None = None) -> Home:
    """Make an installation in a folder, with its modes written."""
    folder.mkdir(parents=True, exist_ok=True)
    data = encode(shipped or shop_index())
    (folder / "index.json").write_bytes(data)
    path = folder / "diffgram-home.toml"
    path.write_text(
        SETTINGS.format(root="ab" * 32, index=hashlib.sha256(data).hexdigest(), mode=mode, more=more), encoding="utf-8"
    )
    chosen = settings.read(path, {})
    make_home(chosen)
    home = open_home(chosen)
    switching.apply(home, NOW)
    return home


@contextmanager
def serving(path: Path, log: Path) -> Iterator[str]:
    """The application of the settings at `path`, served by a real gunicorn that writes all it can say into `log`."""
    options = ("--no-control-socket", "--preload", "-k", "gthread", "--threads", "4", "-w", "2", "--log-level", "debug")
    command = [sys.executable, "-m", "gunicorn", *options, "--capture-output", "-b", "127.0.0.1:0"]
    with log.open("wb") as said:
        server = subprocess.Popen(
            [*command, f"diffgram_home.app:from_file({str(path)!r})"], cwd=ROOT, stdout=said, stderr=subprocess.PIPE
        )
        assert server.stderr
        rest = threading.Thread(target=shutil.copyfileobj, args=(server.stderr, said))
        try:
            base = _listening(server, said)
            rest.start()  # a pipe that nobody reads is full after a thousand requests, and then the server waits
            yield base
        finally:
            server.terminate()
            server.wait(timeout=20)
            if rest.is_alive():
                rest.join()
            server.stderr.close()


def _listening(server: "subprocess.Popen[bytes]", said: IO[bytes]) -> str:
    """Read what it says up to its address."""
    assert server.stderr
    for line in server.stderr:
        said.write(line)
        if found := re.search(rb"Listening at: (https?://\S+)", line):
            return found.group(1).decode()
    raise AssertionError("gunicorn did not start")
