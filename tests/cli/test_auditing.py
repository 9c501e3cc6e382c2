"""docs/auditing.md: its very commands hold on a good bundle, and each planted fault is caught by tools of others.

The faults are those of somebody who holds the machine and the ledger's key: where it helps them they sign again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from audit import checkpoint, tree
from diffgram_home.cli.exits import Exit
from tests.cli.conftest import ROOT, Shell, token
from tests.corporate.running import Server

PAGE = (ROOT / "docs/auditing.md").read_text(encoding="utf-8")
CHECKS = [
    (int(n), block) for n, block in re.findall(r"^## (\d)\..*?^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]


@dataclass
class Bundle:
    """A copy of a bundle that can be spoilt: its records with their bodies, and the key to sign it again."""

    folder: Path
    keys: Path

    def __post_init__(self) -> None:
        lines = [json.loads(line) for line in (self.folder / "ledger.ndjson").read_text().splitlines()]
        self.first, self.records, self.end = lines[0], lines[1:-1], lines[-1]

    def number(self, kind: str, at: int = 0) -> int:
        """The position of a record by its type."""
        return [n for n, line in enumerate(self.records) if json.loads(line["leaf"])["type"] == kind][at]

    def edit(self, position: int, **changes: object) -> None:
        """Change members of a record, canonically."""
        entry = json.loads(self.records[position]["leaf"]) | changes
        self.records[position]["leaf"] = json.dumps(entry, sort_keys=True, separators=(",", ":"))

    def write(self, *, signed: bool) -> None:
        """Write the file again, positions renewed; with `signed` under a new checkpoint of the installation's key."""
        for index, line in enumerate(self.records):
            line["index"] = index
        self.first["size"] = len(self.records)
        if signed:
            key = serialization.load_pem_private_key((self.keys / "ledger.pem").read_bytes(), None)
            root = tree.root_of(tree.leaf_hash(line["leaf"].encode()) for line in self.records)
            self.end["checkpoint"] = checkpoint.sign(self.first["origin"], len(self.records), root, key)
        lines = [self.first, *self.records, self.end]
        (self.folder / "ledger.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def failing(self) -> tuple[int | None, str]:
        """The first check that does not hold, and what it printed."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        for number, block in CHECKS:
            command = ["bash", "-eu", "-o", "pipefail", "-c", block]
            done = subprocess.run(
                command,
                cwd=self.folder,
                env={"PATH": path, "LANG": "C.UTF-8"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                return number, done.stdout + done.stderr
        return None, ""


@pytest.fixture(scope="module")
def audited(corporate: Server, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """An installation that sent three batches; a checkpoint was kept after the second, then a bundle was written."""
    shell = Shell(tmp_path_factory.mktemp("audited"))
    shell.ok("init", "--name", "here", "--corporate-url", corporate.wire, "--root", corporate.root)
    shell.ok("enrol", "--token-file", "-", typed=token(corporate) + "\n")
    shell.ok("on", "event", "--yes")
    shell.ok("approve", "--case", "event", "--authority", "ticket 7", "--yes")
    for number in (1, 2, 3):
        shell.ok("new", "home/error", f"member_id={number}")
        shell.ok("send")
        shell.ok("proof", "1")  # signs a checkpoint
        if number == 2:
            with sqlite3.connect(shell.folder / "data/home.db") as store:
                kept = store.execute("SELECT text FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()[0]
    bundle = shell.folder / "bundle"
    key = next(line.split()[1] for line in shell.ok("bundle", str(bundle)).splitlines() if line.startswith("key"))
    noted = bundle / "noted"
    noted.mkdir()
    (noted / "ledger.key").write_text(key + "\n")
    (noted / "root.txt").write_text(corporate.root + "\n")
    (noted / "checkpoint.txt").write_text(kept)
    (proof,) = shell.folder.glob("event-1.outcome-*.tlog-proof")
    shutil.copy(proof, bundle / "one.tlog-proof")
    return shell


@pytest.fixture
def bundle(audited: Shell, tmp_path: Path) -> Bundle:
    """A copy to spoil."""
    shutil.copytree(audited.folder / "bundle", tmp_path / "bundle")
    return Bundle(tmp_path / "bundle", audited.folder / "data/keys")


def test_every_command_of_the_page_holds_on_a_good_bundle(bundle: Bundle) -> None:
    assert [number for number, _ in CHECKS] == [1, 2, 3, 4, 5, 6, 7]
    assert bundle.failing() == (None, "")


def edited(b: Bundle) -> bool:
    b.edit(b.number("decision"), authority="ticket 8")
    return False


def edited_and_signed_again(b: Bundle) -> bool:
    b.edit(b.number("decision"), authority="ticket 8")
    return True


def deleted(b: Bundle) -> bool:
    del b.records[b.number("attempt")]
    return False


def deleted_and_signed_again(b: Bundle) -> bool:
    del b.records[-4:-1]
    return True


def reordered(b: Bundle) -> bool:
    b.records[2], b.records[3] = b.records[3], b.records[2]
    return False


def reordered_and_signed_again(b: Bundle) -> bool:
    at = b.number("sealed", 2)
    b.records[at], b.records[at + 1] = b.records[at + 1], b.records[at]
    return True


def truncated(b: Bundle) -> bool:
    del b.records[b.number("sealed", 1) :]
    return True


def other_body(b: Bundle) -> bool:
    line = b.records[b.number("sealed", 1)]
    line["body"] = line["body"].replace('"member_id":2', '"member_id":7')
    return False


def replayed_batch(b: Bundle) -> bool:
    b.records += [dict(b.records[b.number(kind, 2)]) for kind in ("sealed", "attempt", "outcome")]
    return True


def replayed_outcome(b: Bundle) -> bool:
    attempt, outcome = (dict(b.records[b.number(kind, 2)]) for kind in ("attempt", "outcome"))
    b.records += [attempt, outcome]
    b.edit(len(b.records) - 1, attempt=len(b.records) - 2)
    return True


def replayed_receipt(b: Bundle) -> bool:
    old = json.loads(b.records[b.number("outcome", 0)]["leaf"])["receipt"]
    b.edit(b.number("outcome", 2), receipt=old)
    return True


def receipt_of_a_stranger(b: Bundle) -> bool:
    head, payload, _ = json.loads(b.records[b.number("outcome", 2)]["leaf"])["receipt"].split(".")
    b.edit(b.number("outcome", 2), receipt=f"{head}.{payload}.{'A' * 86}")
    return True


FAULTS: list[tuple[Callable[[Bundle], bool], int, str]] = [
    (edited, 2, "do not have the root"),
    (edited_and_signed_again, 3, "do not have the root"),
    (deleted, 2, "truncated"),
    (deleted_and_signed_again, 3, ""),
    (reordered, 2, "do not have the root"),
    (reordered_and_signed_again, 5, ""),
    (truncated, 3, "truncated"),
    (other_body, 4, "other bytes than"),
    (replayed_batch, 5, "gap or repetition at event 3"),
    (replayed_outcome, 5, "false"),
    (replayed_receipt, 6, "for other bytes"),
    (receipt_of_a_stranger, 6, "signature"),
]


@pytest.mark.parametrize(("fault", "check", "said"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_fault_is_caught_by_public_tools(bundle: Bundle, fault, check: int, said: str) -> None:
    bundle.write(signed=fault(bundle))
    found, printed = bundle.failing()
    assert (found, said in printed) == (check, True), printed


def test_without_a_kept_checkpoint_corporate_s_receipts_catch_a_ledger_that_was_signed_again(bundle: Bundle) -> None:
    bundle.write(signed=edited_and_signed_again(bundle))
    (bundle.folder / "noted/checkpoint.txt").write_text(bundle.end["checkpoint"])
    found, printed = bundle.failing()
    assert (found, "a record before was changed" in printed) == (6, True), printed


def test_another_key_or_another_root_than_noted_is_caught(bundle: Bundle, audited: Shell) -> None:
    line = (bundle.folder / "noted/ledger.key").read_text()
    (bundle.folder / "noted/ledger.key").write_text(line[:-8] + ("A" if line[-8] != "A" else "B") + line[-7:])
    assert bundle.failing()[0] == 1
    (bundle.folder / "noted/ledger.key").write_text(line)
    (bundle.folder / "noted/root.txt").write_text("sha256:" + "0" * 64)
    found, printed = bundle.failing()
    assert (found, "another root than the one" in printed) == (6, True)


def test_our_own_verification_checks_the_receipts_of_a_bundle(bundle: Bundle, empty: Shell, corporate: Server) -> None:
    folder, key = bundle.folder, (bundle.folder / "noted/ledger.key").read_text().strip()
    manifests = [word for path in sorted(folder.glob("manifest-*.json")) for word in ("--manifest", str(path))]
    more = ("--key", key, "--checkpoint", str(folder / "noted/checkpoint.txt"), *manifests, "--root", corporate.root)
    shown = empty.ok("verify", "--file", str(folder / "ledger.ndjson"), *more)
    assert "3, of which 3 with a receipt that holds" in shown
    bundle.write(signed=replayed_receipt(bundle))
    done = empty("verify", "--file", str(folder / "ledger.ndjson"), *more)
    assert (done.returncode, "receipt-refused" in done.stdout) == (Exit.FINDING, True)
    assert empty("verify", "--file", "x", *manifests).returncode == Exit.USAGE


def test_a_folder_that_is_used_is_not_written_over(audited: Shell) -> None:
    done = audited("bundle", str(audited.folder / "bundle"))
    assert (done.returncode, "is not empty" in done.stderr) == (Exit.FINDING, True)
