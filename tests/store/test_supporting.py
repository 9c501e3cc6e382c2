"""A corporate that is itself hostile asks for support: whatever it says, nothing outside an approved grant is sealed.

It holds the very key that signs requests. What may leave is read from the tables of batches, and asked of the gate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from audit import gate, record, signed, support
from audit.approval import WAITS
from audit.errors import Refused
from diffgram_home import approving, asking, bodies, intake, rules, sealing, switching
from diffgram_home.errors import PeopleError
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Batch, Leaf, SupportRequest
from diffgram_home.supporting import answering, deciding, hearing, looking
from diffgram_home.supporting.keeping import MOST_PENDING, SupportError
from support_routes import ROUTES, Handed, Routes, support_route
from tests.store.building import NOW, build, spool_bytes, word
from tests.store.building import frame as framed

OFFICER = "os:1000"
CORPORATE, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
MINE = signed.ring(CORPORATE.public_key())
STEPS = ("ask", "wide", "approve", "read", "revoke", "late", "back", "again")


def keys(_again: bool):
    return MINE


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = build(tmp_path, more='support = "on"\n')
    yield made
    made.close()


def request(home: Home, number: int = 1, **more) -> support.Request:
    members = {
        "asked_at": support.text(NOW),
        "expires_at": support.text(NOW + timedelta(days=4)),
        "extends": None,
        "id": f"{number:032x}",
        "installation": home.installation,
        "name": None,
        "reason": "alert",
        "requester": signed.thumbprint(STRANGER.public_key()),
        "role": "support",
        "routes": ["queues", "versions"],
        "seconds": 14_400,
        "ticket": "DG-1",
    }
    return support.Request(**(members | more))


def hear(home: Home, *asked: support.Request, now: datetime = NOW, key: Ed25519PrivateKey = CORPORATE) -> int:
    return hearing.hear(home, [support.ask(one, key) for one in asked], keys, now)


def approve(home: Home, number: int = 1, now: datetime = NOW, **more) -> deciding.Decided:
    return deciding.approve(home, f"{number:032x}", OFFICER, "security", now, **more)


def batches(home: Home) -> list[Batch]:
    with home.store.read() as session:
        return list(session.scalars(select(Batch).where(Batch.case == "support").order_by(Batch.id)))


def kinds(home: Home, sha256: str) -> list[str]:
    with home.store.read() as session:
        body = bodies.get(session, sha256) or b""
    return [json.loads(line)["kind"] for line in body.splitlines()[1:]]


def states(home: Home) -> list[str]:
    return [one.state for one in looking.history(home)]


def leaves(home: Home, kind: str) -> list[record.Record]:
    with home.store.read() as session:
        found = session.scalars(select(Leaf.data).where(Leaf.type == kind).order_by(Leaf.position))
        return [record.parse(data) for data in found]


def may_leave(home: Home, sha256: str, now: datetime = NOW) -> bool:
    """Whether the gate, which the door asks, would let these bytes go now."""
    with home.store.read() as session:
        body, batch = bodies.get(session, sha256), session.scalars(select(Batch).where(Batch.sha256 == sha256)).first()
    try:
        gate.check(body or b"", rules.current(home, now), batch.generation if batch else 0, rules.CODEC, now=now)
    except Refused:
        return False
    return batch is not None and batch.state == QUEUED


def test_whatever_is_asked_nothing_is_made_before_somebody_decides(home: Home) -> None:
    assert hear(home, request(home, routes=sorted(ROUTES))) == 1
    sealing.seal_waiting(home, NOW)
    assert batches(home) == []
    assert [entry.step for entry in leaves(home, "support")] == ["asked"]


def test_a_narrowed_grant_asks_only_its_routes(home: Home) -> None:
    hear(home, request(home, routes=sorted(ROUTES)))
    (made,) = approve(home, routes=("versions",), lasts=timedelta(minutes=5)).made
    assert set(kinds(home, made.sha256)) == {*(answering.DECIDED, answering.ROUTE), "home/support-versions"}
    (use,) = leaves(home, "support-use")
    assert (use.route, use.outcome, use.sha256, use.actor) == ("versions", "answered", made.sha256, OFFICER)


def test_a_grant_lets_nothing_go_that_nobody_has_read(home: Home) -> None:
    hear(home, request(home))
    (made,) = approve(home).made
    assert not may_leave(home, made.sha256)
    with home.store.read() as session, pytest.raises(Refused) as no:
        gate.check(bodies.get(session, made.sha256) or b"", rules.current(home, NOW), 99, rules.CODEC, now=NOW)
    assert no.value.code == WAITS
    approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    assert may_leave(home, made.sha256)


def test_nobody_can_let_support_go_unread_by_any_setting(home: Home) -> None:
    with pytest.raises(approving.ApprovalError) as no:
        asking.set_level(home, "support", "none", OFFICER, "security", NOW)
    assert no.value.code == "always-asked"


def test_unknown_routes_are_shown_and_cannot_be_granted(home: Home) -> None:
    hear(home, request(home, routes=["shell", "versions"]))
    (one,) = looking.requests(home)
    assert [(route.name, route.brief is None) for route in one.routes] == [("shell", True), ("versions", False)]
    with pytest.raises(SupportError):
        approve(home, routes=("shell",))
    (made,) = approve(home).made
    assert kinds(home, made.sha256).count(answering.ROUTE) == 2
    assert leaves(home, "support")[-1].routes == ["versions"]


@pytest.mark.parametrize(
    ("routes", "lasts"),
    [(("versions", "ledger"), None), (("ledger",), None), (None, timedelta(hours=5)), (None, timedelta(0))],
)
def test_no_grant_is_wider_than_its_request_or_the_policy(home: Home, routes, lasts) -> None:
    hear(home, request(home, seconds=604_800))
    with pytest.raises(SupportError):
        approve(home, routes=routes, lasts=lasts)
    assert states(home) == ["pending"]
    assert batches(home) == []


def test_a_forged_requester_and_a_stranger_are_not_heard(home: Home) -> None:
    assert hear(home, request(home), key=STRANGER) == 0
    real = support.ask(request(home), CORPORATE)
    head, _, signature = real.split(".")
    forged = support.ask(request(home, requester="A" * 43), STRANGER).split(".")[1]
    assert hearing.hear(home, [f"{head}.{forged}.{signature}"], keys, NOW) == 0
    assert looking.history(home) == ()


def test_a_request_for_another_installation_is_not_heard(home: Home) -> None:
    assert hear(home, request(home, installation="0" * 32)) == 0


def test_a_request_cannot_be_widened_before_or_after_it_was_approved(home: Home) -> None:
    hear(home, request(home))
    wider = request(home, routes=sorted(ROUTES), seconds=604_800, requester="A" * 43)
    assert hear(home, wider) == 0
    approve(home)
    assert hear(home, wider) == 0
    (one,) = looking.requests(home)
    assert [route.name for route in one.routes] == ["queues", "versions"]
    with home.store.read() as session:
        (row,) = session.scalars(select(SupportRequest))
        granted = support.granted_unverified(row.grant_document or "")
    support.fits(granted, row.document, request(home))


@pytest.mark.parametrize("state", ["refused", "ended", "lapsed"])
def test_what_is_over_cannot_be_asked_again(home: Home, state: str) -> None:
    hear(home, request(home))
    if state == "refused":
        deciding.refuse(home, f"{1:032x}", OFFICER, "admin", "unneeded", NOW)
    elif state == "ended":
        approve(home)
        deciding.revoke(home, f"{1:032x}", OFFICER, "operator", NOW)
    else:
        deciding.attend(home, NOW + timedelta(days=4))
    assert states(home) == [state]
    for now in (NOW, NOW + timedelta(hours=1), NOW - timedelta(minutes=30)):
        assert hear(home, request(home), now=now) == 0
        with pytest.raises(SupportError):
            approve(home, now=now)
    assert states(home) == [state]


def test_a_flood_of_requests_fills_no_more_than_its_room(home: Home) -> None:
    for number in range(1, MOST_PENDING + 10):
        hear(home, request(home, number))
    assert len(looking.history(home)) == MOST_PENDING
    assert len(leaves(home, "support")) == MOST_PENDING


@pytest.mark.parametrize("said", [None, 7, "e30.e30.AA", {"a": 1}, ["x"] * 6, [7], ["\x00"], ["ä"], ["e30.e30.AA"]])
def test_what_is_no_list_of_requests_changes_nothing(home: Home, said: object) -> None:
    assert hearing.hear(home, said, keys, NOW) == 0
    assert looking.history(home) == ()


def test_a_grant_ends_by_its_date_and_its_bytes_go_no_more(home: Home) -> None:
    hear(home, request(home))
    (made,) = approve(home, lasts=timedelta(hours=1)).made
    approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    assert may_leave(home, made.sha256, NOW + timedelta(minutes=59))
    assert deciding.attend(home, NOW + timedelta(hours=1)) == 1
    assert not may_leave(home, made.sha256, NOW + timedelta(hours=1))
    assert not may_leave(home, made.sha256, NOW), "set the clock back: it stays ended"
    with pytest.raises(approving.ApprovalError):
        approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    assert leaves(home, "support")[-1].code == "expired"


def test_a_clock_that_goes_back_ends_a_grant(home: Home) -> None:
    hear(home, request(home))
    (made,) = approve(home).made
    approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    assert deciding.attend(home, NOW - timedelta(minutes=6)) == 1
    assert not may_leave(home, made.sha256)
    assert [(one.state, one.why) for one in looking.history(home)] == [("ended", "clock")]


def test_a_clock_that_goes_forward_ends_what_is_over_by_it(home: Home) -> None:
    hear(home, request(home), request(home, 2))
    approve(home)
    assert deciding.attend(home, NOW + timedelta(days=5)) == 2
    assert sorted(states(home)) == ["ended", "lapsed"]


def test_revoked_bytes_that_were_approved_do_not_go(home: Home) -> None:
    hear(home, request(home))
    (made,) = approve(home).made
    approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    deciding.revoke(home, f"{1:032x}", OFFICER, "operator", NOW)
    assert not may_leave(home, made.sha256)
    ending = support.read_ending(
        looking.documents(home, f"{1:032x}")["ending"] or "", signed.ring(home.keys.installation.public_key())
    )
    assert ending.why == "revoked"


def test_stop_ends_everything_and_nothing_is_heard_until_it_is_on_again(home: Home) -> None:
    hear(home, request(home), request(home, 2))
    (made,) = approve(home).made
    approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    assert deciding.stop(home, OFFICER, "operator", NOW) == 2
    assert not may_leave(home, made.sha256)
    assert hear(home, request(home, 3)) == 0
    with pytest.raises(SupportError):
        approve(home, 2)
    switching.set_mode(home, "support", None, "on", OFFICER, NOW)
    assert not may_leave(home, made.sha256)
    assert hear(home, request(home, 3)) == 1
    assert sorted(states(home)) == ["ended", "lapsed", "pending"]


def test_switching_the_case_off_in_the_file_ends_support_as_well(home: Home) -> None:
    hear(home, request(home))
    (made,) = approve(home).made
    approving.approve(home, [made.sha256], OFFICER, "security", NOW)
    path = home.settings.path
    path.write_text(path.read_text().replace('support = "on"', 'support = "off"'))
    assert not may_leave(home, made.sha256), "the file narrows at once"
    switching.apply(home, NOW)
    assert deciding.attend(home, NOW) == 1
    assert states(home) == ["ended"]


def test_what_a_product_spools_of_support_is_never_sealed(home: Home) -> None:
    forged = answering.decided_message(f"{1:032x}", "granted", NOW) | {"grant": "f" * 32}
    spool_bytes(home, framed(forged, word(home, answering.DECIDED)))
    intake.take(home, NOW)
    assert sealing.seal_waiting(home, NOW) == []
    assert batches(home) == []


def test_a_route_that_fails_tells_nothing_of_its_error(home: Home) -> None:
    routes = Routes()

    @support_route("versions", answer="home/support-versions", reads=("versions",), brief="fails always", routes=routes)
    def fails(_handed: Handed, _now: datetime):
        raise ValueError("the patient is called Rose")

    hear(home, request(home))
    (made,) = approve(home, known=routes).made
    with home.store.read() as session:
        body = bodies.get(session, made.sha256) or b""
    assert b'"outcome":"failed"' in body
    assert b"Rose" not in body
    home.store.close()
    files = [path for path in home.settings.folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert all(b"Rose" not in path.read_bytes() for path in files)


def test_what_a_route_answers_beyond_its_kind_stays_here(home: Home) -> None:
    routes = Routes()

    @support_route(
        "versions", answer="home/support-versions", reads=("versions",), brief="tells too much", routes=routes
    )
    def tells(_handed: Handed, _now: datetime):
        yield {"python": "3.11", "patient": "Rose", "database": "Rose", "catalogue": "Rose", "at": "Rose"}

    hear(home, request(home))
    try:
        made = approve(home, known=routes).made
    except SupportError:
        made = ()
    for one in made:
        with home.store.read() as session:
            assert b"Rose" not in (bodies.get(session, one.sha256) or b"")


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_only_the_role_security_grants(home: Home, role: str) -> None:
    hear(home, request(home))
    with pytest.raises(PeopleError):
        deciding.approve(home, f"{1:032x}", "person:1", role, NOW)
    with pytest.raises(PeopleError):
        deciding.stop(home, "person:1", "viewer", NOW)


def test_an_answer_too_large_for_one_batch_goes_in_several_that_each_name_the_grant(home: Home, tmp_path: Path) -> None:
    small = build(tmp_path / "small", more='support = "on"\n[sending]\nbatch_messages = 4\n')
    hear(small, request(small, routes=sorted(ROUTES)))
    done = approve(small)
    assert len(done.made) > 3
    for made in done.made:
        assert made.messages <= 4
        assert kinds(small, made.sha256)[0] == answering.DECIDED
    small.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=8))
def test_no_order_of_steps_lets_bytes_go_without_a_grant_that_holds(tmp_path_factory, steps: list[str]) -> None:
    home = build(tmp_path_factory.mktemp("steps"), more='support = "on"\n')
    now = NOW
    for step in steps:
        try:
            if step in ("ask", "again", "wide"):
                hear(home, request(home, routes=sorted(ROUTES) if step == "wide" else ["versions"]), now=now)
            elif step == "approve":
                approve(home, now=now)
            elif step == "read":
                waiting = [batch.sha256 for batch in batches(home) if batch.state == QUEUED]
                approving.approve(home, waiting, OFFICER, "security", now)
            elif step == "revoke":
                deciding.revoke(home, f"{1:032x}", OFFICER, "security", now)
            else:
                now += timedelta(hours=5 if step == "late" else -1)
        except (SupportError, approving.ApprovalError):
            pass
        deciding.attend(home, now)
        held = looking.history(home)
        granted = {batch.sha256 for one in held if one.state == "granted" for batch in one.batches}
        for batch in batches(home):
            assert not may_leave(home, batch.sha256, now) or batch.sha256 in granted or _tells_an_end(home, batch)
    home.close()


def _tells_an_end(home: Home, batch: Batch) -> bool:
    """A batch that tells only that a request was refused, or a grant ended; somebody read that, too."""
    return kinds(home, batch.sha256) == [answering.DECIDED]
