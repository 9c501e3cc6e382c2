"""Support by the poll: corporate asks by command, somebody here narrows and approves, reads the bytes, lets them go.

Two real ends: what was previewed, what the ledger has and what corporate received is the same, byte for byte. What a
hostile corporate tries stands in tests/store/test_supporting.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import text

from audit import signed, support
from corporate import keys, supporting
from corporate.errors import OperatorError
from diffgram_home import approving, bodies, consenting, switching
from diffgram_home.supporting import answering, deciding, looking
from tests.corporate import running as corporates
from tests.door.places import ANNOTATOR, Place, found

OFFICER = "os:1000"
KEY = Ed25519PrivateKey.from_private_bytes(b"e" * 32).public_key()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    folder = tmp_path_factory.mktemp("corporate")
    config, root = corporates.found(folder, "")
    (folder / "engineer.pem").write_bytes(KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


@pytest.fixture
def place(server: corporates.Server, tmp_path: Path) -> Iterator[Place]:
    made = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    made.enrol(server.token("St Mary"))
    switching.set_mode(made.home, "support", None, "on", OFFICER, made.now())
    consenting.approve(made.home, None, OFFICER, "security", "the tests", made.now())
    yield made
    made.home.close()


def ask(server: corporates.Server, place: Place, *routes: str, **more: str) -> str:
    """As the command does, which a test of its own runs."""
    given = {"reason": "customer-asked", "ticket": "DG-4711", "role": "support"} | more
    wish = supporting.Wish(
        place.home.installation, routes, minutes=240, days=4, requester=signed.thumbprint(KEY), **given
    )
    with server.store() as store:
        key = keys.load(server.settings.keys).of(keys.SUPPORT)
        return supporting.ask(store, key, wish, "os:0", datetime.now(UTC))


def hear(place: Place) -> None:
    """The next batch of an event goes, and its answer brings what corporate asks."""
    place.work()
    assert [one.outcome for one in place.send()][:1] == ["accepted"]


def asked_of(server: corporates.Server, place: Place) -> list[supporting.Row]:
    with server.store() as store:
        return supporting.listed(store, datetime.now(UTC), installation=place.home.installation)


def received(server: corporates.Server, request: str) -> bytes | None:
    with server.store() as store:
        return supporting.answer_of(store, request)


def test_ask_narrow_approve_read_send_and_it_is_one_and_the_same_bytes(server: corporates.Server, place: Place) -> None:
    request = ask(server, place, "versions", "queues", "configuration", name="A. Okafor", role="developer")
    hear(place)
    (one,) = looking.requests(place.home)
    assert (one.id, one.reason, one.ticket, one.role, one.name) == (
        *(request, "customer-asked", "DG-4711", "developer", "A. Okafor"),
    )
    assert one.requester == signed.thumbprint(KEY)
    assert "support-asked" in place.notices()
    before = looking.preview(place.home, request, place.now())
    assert [(p.route, p.outcome) for p in before] == [(n, "answered") for n in ("configuration", "queues", "versions")]

    done = deciding.approve(
        place.home, request, OFFICER, "security", place.now(), routes=("versions", "queues"), lasts=timedelta(hours=1)
    )
    (made,) = done.made
    with place.home.store.read() as session:
        shown = bodies.get(session, made.sha256) or b""
    assert hashlib.sha256(shown).hexdigest() == made.sha256
    assert b"support-configuration" not in shown, "what was not granted was not even asked"
    assert next(p.lines[0] for p in before if p.route == "versions").encode()[:30] in shown

    place.later(seconds=2)
    assert place.send() == [], "granted is not yet read: nothing leaves"
    approving.approve(place.home, [made.sha256], OFFICER, "security", place.now())
    (sent,) = place.send()
    assert (sent.case, sent.outcome, sent.sha256) == ("support", "accepted", made.sha256)

    with place.home.store.read() as session:
        in_ledger = bodies.get(session, made.sha256)
    assert shown == in_ledger == received(server, request)
    (row,) = asked_of(server, place)
    assert (row.state, row.grant, row.answer) == ("granted", done.grant.id, made.sha256)
    (one,) = looking.requests(place.home)
    assert [(use.route, use.outcome) for use in one.uses] == [("queues", "answered"), ("versions", "answered")]
    grant = support.read_grant(
        looking.documents(place.home, request)["grant"] or "", signed.ring(place.home.keys.installation.public_key())
    )
    assert (grant.routes, grant.requester) == (["queues", "versions"], signed.thumbprint(KEY))


def test_a_refusal_is_told_only_by_bytes_that_somebody_let_go(server: corporates.Server, place: Place) -> None:
    request = ask(server, place, "health")
    hear(place)
    done = deciding.refuse(place.home, request, OFFICER, "security", "unneeded", place.now(), note="ask Ann first")
    (made,) = done.made
    place.later(seconds=2)
    assert place.send() == []
    assert asked_of(server, place)[0].state == "asked"
    approving.approve(place.home, [made.sha256], OFFICER, "security", place.now())
    assert [sent.outcome for sent in place.send()] == ["accepted"]
    assert [(row.state, row.why) for row in asked_of(server, place)] == [("refused", "unneeded")]
    assert b"Ann" not in (received(server, request) or b"")


def test_what_was_not_let_go_when_the_grant_is_revoked_never_goes(server: corporates.Server, place: Place) -> None:
    request = ask(server, place, "versions")
    hear(place)
    (made,) = deciding.approve(place.home, request, OFFICER, "security", place.now()).made
    deciding.revoke(place.home, request, OFFICER, "operator", place.now())
    with pytest.raises(approving.ApprovalError):
        approving.approve(place.home, [made.sha256], OFFICER, "security", place.now())
    place.later(seconds=2)
    place.send()
    assert made.sha256 not in {attempt.sha256 for attempt in place.rows()}
    assert received(server, request) is None


def test_a_request_that_was_withdrawn_is_not_heard(server: corporates.Server, place: Place) -> None:
    request = ask(server, place, "versions")
    with server.store() as store:
        supporting.withdraw(store, request, "os:0", datetime.now(UTC))
    hear(place)
    assert looking.requests(place.home) == ()


def test_with_support_off_nothing_that_corporate_asks_is_looked_at(server: corporates.Server, place: Place) -> None:
    ask(server, place, "versions")
    deciding.stop(place.home, OFFICER, "admin", place.now())
    hear(place)
    assert looking.history(place.home) == ()


def test_corporate_refuses_an_answer_that_nobody_there_asked_for(server: corporates.Server, place: Place) -> None:
    told = answering.decided_message("9f" * 16, "refused", place.now())
    with place.home.store.write() as session:
        (made,) = answering.seal(place.home, session, told, (), place.now())
    approving.approve(place.home, [made.sha256], OFFICER, "security", place.now())
    place.later(seconds=2)
    (sent,) = place.send()
    assert (sent.outcome, sent.code) == ("rejected", "no-grant")


def test_corporate_asks_by_command_and_keeps_a_chain_of_what_it_asked(server: corporates.Server, place: Place) -> None:
    who, engineer = place.home.installation, str(server.config.parent / "engineer.pem")
    options = ("--reason", "service", "--ticket", "DG-1", "--key", engineer, "--name", "A. Okafor")
    request = corporates.command(server.config, "support", "ask", who, "--route", "versions", *options).stdout.strip()
    ask(server, place, "queues")
    first = asked_of(server, place)[1]
    assert (first.id, first.routes, first.made_by[:3]) == (request, ("versions",), "os:")
    said = corporates.command(server.config, "support", "list", "--installation", who).stdout
    assert said.endswith("the chain is whole\n")
    with server.store() as store, store.writing("*") as session:
        session.execute(text("UPDATE support_request SET number = 3 WHERE id = :id"), {"id": request})
    with server.store() as store:
        assert not supporting.chained(store, who)


@pytest.mark.parametrize("wrong", ["ticket", "name", "extends", "reason", "role"])
def test_corporate_cannot_ask_what_no_request_may_say(server: corporates.Server, place: Place, wrong: str) -> None:
    with pytest.raises(OperatorError, match="cannot be asked"):
        ask(server, place, "versions", **{wrong: "<please, quickly>"})
