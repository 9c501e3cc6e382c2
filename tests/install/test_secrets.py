"""What users type and upload stays in the product: the whole of install/run, used over HTTP, with planted secrets.

The positive controls: the secrets are in the product's own folder, and every kind of message did arrive at corporate.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.annotator.product import Visitor, use
from tests.install.places import free_ports, until
from tests.install.running import SECOND_RUN_S, Clone, Run

SECRET = "SECRETROSE4711"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
HOLDS = {"home": b"SQLite format 3", "corporate": b"SQLite format 3", "logs": b"Starting gunicorn"}
"""Folder of a run → what stands in its files, whatever was done."""
KINDS = {"project-created", "input-uploaded", "task-completed", "export-finished"}


@pytest.fixture(scope="module")
def data(clone: Clone) -> Iterator[Path]:
    """Return the data folder of a run in which all was approved, the product was used, and its messages were sent."""
    folder = clone.folder.parent / "secrets"
    with Run(Clone(clone.folder, tuple(free_ports(4))), f"--data={folder}") as run:
        run.wait_until_ready(2 * SECOND_RUN_S)
        _home(clone, folder, "approve", "--all", "--authority", "a test", "--yes")
        _home(clone, folder, "on", "event", "--yes")
        use(Visitor(f"http://127.0.0.1:{run.clone.ports[3]}"), SECRET)
        until(lambda: _kinds(clone, folder) >= KINDS | {"error"}, 60, "the sending of every kind of message")
        yield folder


def test_the_secret_is_in_the_products_own_folder(data: Path) -> None:
    assert SECRET.encode() in _everything(data / "annotator")


@pytest.mark.parametrize("place", ["home", "corporate", "logs"])
def test_no_file_outside_the_product_holds_the_secret(data: Path, place: str) -> None:
    found = _everything(data / place)
    assert HOLDS[place] in found, "these are the files that a run writes"
    for form in _forms(SECRET):
        assert form not in found


def test_the_bytes_that_left_hold_no_secret_and_are_those_of_the_receipt(data: Path, clone: Clone) -> None:
    sent = _sent(clone, data)
    assert sent
    for attempt in sent:
        body = _body(clone, data, attempt["sequence"])
        assert hashlib.sha256(body).hexdigest() == attempt["sha256"]
        assert all(form not in body for form in _forms(SECRET))


def _home(clone: Clone, data: Path, *arguments: str) -> bytes:
    program = clone.folder / ".venv/bin/diffgram-home"
    command = [program, "--config", data / "home/diffgram-home.toml", *arguments]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _sent(clone: Clone, data: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in _home(clone, data, "sent", "--json").splitlines()]
    return [line for line in lines if line["outcome"] == "accepted"]


def _body(clone: Clone, data: Path, sequence: int) -> bytes:
    return _home(clone, data, "show", str(sequence))


def _kinds(clone: Clone, data: Path) -> set[str]:
    """Return the kinds of message that corporate has acknowledged."""
    bodies = [_body(clone, data, attempt["sequence"]) for attempt in _sent(clone, data)]
    lines = [json.loads(line) for body in bodies for line in body.splitlines()[1:]]
    return {line["kind"].partition("/")[2] for line in lines}


def _everything(folder: Path) -> bytes:
    """Return the bytes of every file below a folder, and what is in each compressed part of them."""
    raw = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return raw + b"".join(_unpacked(raw))


def _unpacked(raw: bytes) -> Iterator[bytes]:
    start = raw.find(ZSTD_MAGIC)
    while start >= 0:
        with suppress(zstandard.ZstdError):  # stood there by chance, or the rest lies on another page of the database
            yield zstandard.ZstdDecompressor().decompressobj().decompress(raw[start:])
        start = raw.find(ZSTD_MAGIC, start + 4)


def _forms(secret: str) -> list[bytes]:
    """Return the secret as itself, in base64 at any offset, in hexadecimal, and in UTF-16."""
    raw = secret.encode()
    offsets = [base64.b64encode(b"x" * n + raw)[4:-4] for n in range(3)]
    return [raw, *offsets, raw.hex().encode(), secret.encode("utf-16-le")]
