"""The published list of catalogues: everybody gets the same one, it only grows, and its checkpoint rides on answers."""

import json
from pathlib import Path

from audit import catalogue, published, signed
from audit.canonical import sha256_hex
from corporate import keys
from tests.corporate.pretend import Pretend
from tests.corporate.running import Server, command

PRODUCT = """[catalogue]
namespace = "{name}"
[kind."{name}/thing-done"]
case = "event"
brief = "a thing was done by somebody"
since = "1.0.0"
"""


def stated(one: Pretend, note: str) -> published.Checkpoint:
    """The checkpoint, checked with the key that the manifest names."""
    made = json.loads((one.server.settings.folder / "manifest.json").read_bytes())
    named = [key["jwk"] for key in made["claims"]["keys"] if key["purpose"] == keys.CATALOGUES]
    return published.read(note, one.server.root, signed.ring(*map(signed.from_jwk, named)))


def fetched(one: Pretend, first: int = 0) -> list[dict]:
    """The whole list from `first` on."""
    found: list[dict] = []
    while more := json.loads(one.connection().request("GET", f"/v1/catalogues/{first + len(found)}").data)["entries"]:
        found += more
    return found


def test_the_checkpoint_rides_on_a_receipt_and_signs_the_list_that_is_served(one: Pretend) -> None:
    said = one.send(one.seal(1)).json["catalogues"]
    entries = fetched(one)
    leaves = [entry["leaf"].encode() for entry in entries]
    published.grown([], leaves, stated(one, said))
    for entry, leaf in zip(entries, leaves, strict=True):
        loaded = catalogue.load(*(catalogue.Source(name, text) for name, text in entry["sources"]))
        assert loaded.hash == published.parse(leaf).catalogue
    assert one.rules.catalogue.hash in {published.parse(leaf).catalogue for leaf in leaves}


def test_a_release_is_appended_once_and_the_list_stays_what_it_was(one: Pretend, tmp_path: Path) -> None:
    before = [entry["leaf"] for entry in fetched(one)]
    file = tmp_path / "product.toml"
    file.write_text(PRODUCT.format(name="p" + sha256_hex(str(tmp_path).encode())[:8]))
    for _ in range(2):
        command(one.server.config, "release", "add", "--catalogue", str(file))
    after = [entry["leaf"] for entry in fetched(one)]
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert published.parse(after[-1].encode()).release == "product.toml"
    published.grown(
        [leaf.encode() for leaf in before], [after[-1].encode()], stated(one, one.send(one.seal(1)).json["catalogues"])
    )


def test_the_list_is_served_in_stretches_and_beyond_its_end_there_is_nothing(one: Pretend, server: Server) -> None:
    every = fetched(one)
    assert fetched(one, 1) == every[1:]
    assert fetched(one, len(every)) == []
    assert one.connection().request("GET", "/v1/catalogues/-1").status == 404
    assert one.connection().request("GET", f"/v1/catalogues/{2**70}").status < 500
