"""Acceptance: an undeclared host and an undeclared field are each refused here and by corporate; nothing is stored.

The fourth fence: what a faulty gate of ours lets pass, sent with a real certificate and a real signature, corporate
refuses whole. The test looks for the planted words in every file that corporate has.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.errors import Refused
from diffgram_home import egress, enrolment, manifest, reading, rules
from diffgram_home.exchange import NotReached
from diffgram_home.models import Attempt
from diffgram_home.outbound import Door
from tests.corporate.pretend import Pretend
from tests.corporate.running import Server, running
from tests.corporate.running import found as corporate
from tests.door.places import Place, found
from tests.install.places import ROOT

PLANTED = "rose-of-st-mary-7f3a91"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real corporate on SQLite."""
    with running(*corporate(tmp_path_factory.mktemp("server"), "")) as made:
        yield made


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Iterator[Place]:
    """A real installation, enrolled with it."""
    made = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    made.enrol(server.token())
    yield made
    made.home.close()


def files_with(server: Server, words: str) -> list[str]:
    """The files of corporate's folder, database and its journal included, in which the words stand."""
    folder = server.config.parent
    return [str(path) for path in folder.rglob("*") if path.is_file() and words.encode() in path.read_bytes()]


def test_an_undeclared_host_is_refused_by_the_door_and_by_the_tripwire(place: Place) -> None:
    listed = egress.reachable(place.home.settings)
    door = Door("https://undeclared.example", registry=listed, timeout_s=2, rules=lambda: rules.current(place.home))
    with pytest.raises(NotReached) as refused:
        door.fetch_manifest_unverified()
    assert refused.value.code == "not-in-registry"
    code = (
        "import socket\nfrom diffgram_home import tripwire\ntripwire.arm('command')\n"
        "try: socket.create_connection(('undeclared.example', 443), 2)\n"
        "except tripwire.NotThroughTheDoor: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n", done.stderr


def test_an_undeclared_host_is_refused_by_corporate(server: Server, tmp_path: Path) -> None:
    """A machine that nobody enrolled: a good batch, and a signature of its own."""
    stranger = Pretend(server, tmp_path)
    reply = stranger.send(stranger.seal(1))
    assert reply.status in (401, 403)
    assert not files_with(server, stranger.id)
    stranger.use("")


def test_an_undeclared_field_is_refused_by_the_gate_in_the_door(place: Place) -> None:
    place.work()
    home, now = place.home, place.now()
    (waiting,) = reading.pending(home, limit=1, lines=0).batches
    body = planted(waiting.body or b"")
    assert PLANTED.encode() in body
    stated = enrolment.trust(home, manifest.stored(home, now))
    with pytest.raises(Refused) as refused:
        place.door.send_batch(body, 1, enrolment.identity(home, now), stated, now=now)
    assert refused.value.code == "undeclared"
    with home.store.read() as session:
        assert session.query(Attempt).count() == 0, "nothing was opened"


def planted(body: bytes) -> bytes:
    """The body with a word that nobody declared."""
    return body.replace(b'"kind":', f'"patient":"{PLANTED}","kind":'.encode(), 1)


def test_an_undeclared_field_past_our_own_gate_is_refused_by_corporate_and_nothing_stored(
    server: Server, tmp_path: Path
) -> None:
    one = Pretend(server, tmp_path)
    assert one.enrol().status == 201
    good = one.seal(1)
    body = planted(good)
    assert body != good
    reply = one.send(body)
    assert reply.status == 400
    assert reply.json["code"] == "undeclared"
    assert sum(reply.json["undeclared"].values()) == 1
    assert PLANTED not in str(reply.json)
    assert files_with(server, PLANTED) == []
    assert one.send(good).status == 200, "the control: the same way with what is declared"
    assert files_with(server, one.id), "the control: what is stored is found by this look"
    one.use("")
