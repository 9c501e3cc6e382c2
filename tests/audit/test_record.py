"""The ledger's leaves: what is written is read back, in one spelling, and nothing else is read."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import record
from audit.canonical import canonical
from audit.errors import RecordRefused

AT = "2026-11-21T14:01:05Z"
H = {name: name * 64 for name in "abcdef"}
GOOD = {
    "sealed": record.Sealed(
        at=AT,
        case="event",
        catalogue=H["a"],
        generation=4,
        index=H["b"],
        ledger_root=H["c"],
        ledger_size=12,
        messages=3,
        sequence=7,
        sha256=H["d"],
        size_bytes=900,
    ),
    "void": record.Void(
        at=AT,
        case="event",
        ledger_root=H["c"],
        ledger_size=12,
        reason="withdrawn",
        replaces=H["d"],
        sequence=7,
        sha256=H["e"],
        size_bytes=400,
    ),
    "attempt": record.Attempt(
        at=AT, case="event", destination="127.0.0.1:8091", sequence=7, sha256=H["d"], size_bytes=900
    ),
    "outcome": record.Outcome(
        at=AT,
        attempt=13,
        case="event",
        code=None,
        outcome="accepted",
        receipt="a.b.c",
        sequence=7,
        sha256=H["d"],
        status=200,
    ),
    "consent": record.Consent(
        actor="account:ann",
        at=AT,
        authority='Dr. Grün, “data protection” \\ "board"',
        decision="approved",
        fields={"annotator.task_id": H["a"], "annotator.member_id": H["b"]},
        role="security",
    ),
    "decision": record.Decision(
        actor="account:ann",
        at=AT,
        authority="the board",
        decision="approved",
        expires="2027-11-21T00:00:00Z",
        fields={"annotator.task_id": H["a"]},
        role="security",
        source="person",
    ),
    "switch": record.Switch(actor="os:1000", at=AT, field="home.member_id", from_="on", source="file", to="off"),
    "transform": record.Transform(
        actor="account:a.okafor", at=AT, field="home.at", from_=None, source="person", to="coarser:hour"
    ),
    "batch-decision": record.BatchDecision(
        actor="account:ann",
        at=AT,
        case="event",
        decision="refused",
        note="„too much“ about Dr. Grün",
        reason="personal",
        role="security",
        sequence=7,
        sha256=H["d"],
    ),
    "approval-rule": record.ApprovalRule(
        actor="account:ann", at=AT, case="event", expires_h=72, from_="none", source="person", step="set", to="two"
    ),
    "policy": record.Policy(actor="os:1000", allow=[H["a"]], at=AT, from_="withhold", to="stop"),
    "allowance": record.Allowance(
        actor="account:ann", at=AT, authority="ticket 7", definitions=[H["a"]], role="security"
    ),
    "release": record.Release(actor="home", asks={"annotator.task_id": H["c"]}, at=AT, from_=H["a"], to=H["b"]),
    "mode": record.Mode(
        actor="os:1000", at=AT, case="event", from_="local", generation=5, kind=None, source="file", to="on"
    ),
    "person": record.Person(account="ann", actor="os:0", at=AT, change="role-given", role="security"),
    "enrolment": record.Enrolment(
        actor="os:0",
        at=AT,
        certificate=H["a"],
        code=None,
        destination="corporate.example:443",
        installation="a" * 32,
        key="A" * 43,
        root="sha256:" + H["b"],
        step="granted",
    ),
    "contact": record.Contact(at=AT, code=None, destination="[::1]:8091", request="GET /v1/manifest", step="asked"),
    "checkpoint": record.Checkpoint(at=AT, place="syslog", root=H["a"], size=12),
    "pruned": record.Pruned(actor="home", at=AT, before=9, bodies=3),
    "incident": record.Incident(
        actor="home",
        at=AT,
        document="e30.e30.AA",
        incident="ab" * 16,
        paths={"shop/order-placed.<undeclared>": 2},
        source="corporate",
        step="noticed",
    ),
    "carried-out": record.CarriedOut(actor="account:ann", at=AT, batches=2, sha256=H["f"], size_bytes=4000),
    "attempt-by-hand": record.AttemptByHand(
        at=AT, case="licensing", file=H["f"], sequence=7, sha256=H["d"], size_bytes=900
    ),
    "outcome-by-hand": record.OutcomeByHand(
        at=AT,
        attempt=13,
        case="licensing",
        code="unknown-catalogue",
        outcome="rejected",
        receipt=None,
        sequence=7,
        sha256=H["d"],
        status=404,
    ),
    "carried-in": record.CarriedIn(actor="os:0", answers=2, at=AT, manifest=3, sha256=H["f"], size_bytes=4000),
    "enrolment-by-hand": record.EnrolmentByHand(
        actor="os:0",
        at=AT,
        certificate=None,
        code="token-used",
        installation="a" * 32,
        key="A" * 43,
        root="sha256:" + H["b"],
        step="refused",
    ),
    "identity": record.Identity(
        actor="os:0",
        at=AT,
        case=None,
        code=None,
        ledger_root=H["a"],
        ledger_size=40,
        other="ab" * 16,
        sequence=None,
        step="begun",
    ),
    "instruction": record.Instruction(
        actor="corporate", at=AT, document="e30.e30.AA", number=3, over=None, step="taken"
    ),
    "published": record.Published(
        actor="corporate",
        at=AT,
        code=None,
        note="catalogues.0\n1\nAA==\n\n— catalogues.0 AA==\n",
        root="0" * 64,
        size=1,
        step="taken",
    ),
    "asked": record.Asked(actor="person:3", at=AT, purpose="home/deletion-asked", sha256=H["a"], step="kept"),
    "request": record.Request(
        actor="account:anna",
        at=AT,
        destination="127.0.0.1:8091",
        purpose="home/deletion-asked",
        request="POST /v1/deletions",
        sha256=H["a"],
        size_bytes=300,
    ),
    "request-by-hand": record.RequestByHand(
        actor="account:anna", at=AT, file=H["f"], purpose="home/deletion-asked", sha256=H["a"], size_bytes=300
    ),
    "answer-by-hand": record.AnswerByHand(
        at=AT, code="field", document=None, outcome="rejected", request=7, sha256=H["a"], status=400
    ),
    "deletion": record.Deletion(actor="corporate", at=AT, document="e30.e30.AA"),
    "mail": record.Mail(
        about="published",
        actor="home",
        at=AT,
        catalogue=H["a"],
        destination="mail.shop.example:587",
        sha256=H["b"],
        size_bytes=700,
    ),
    "support": record.Support(
        actor="person:3",
        at=AT,
        code=None,
        document="e30.e30.AA",
        grant="c" * 32,
        request="d" * 32,
        role="security",
        routes=["versions"],
        step="granted",
    ),
    "support-use": record.SupportUse(
        actor="person:3",
        at=AT,
        grant="c" * 32,
        messages=1,
        outcome="answered",
        request="d" * 32,
        route="versions",
        sequence=3,
        sha256=H["a"],
    ),
    "dsn": record.Dsn(at=AT, actor="person:3", change="made", number=1),
    "mailed": record.Mailed(at=AT, code="address-refused", mail=7, outcome="rejected", status=550),
    "answer": record.Answer(at=AT, code=None, document="e30.e30.AA", outcome="accepted", request=7, status=200),
}


def test_there_is_an_example_of_every_type():
    assert set(GOOD) == set(record.TYPES)


@pytest.mark.parametrize("name", GOOD)
def test_a_leaf_is_the_canonical_json_of_its_record(name):
    data = record.encode(GOOD[name])
    assert data == canonical(json.loads(data))
    assert data.endswith(b',"type":"' + name.encode() + b'"}')
    assert record.parse(data) == GOOD[name]


@pytest.mark.parametrize("name", GOOD)
def test_a_leaf_without_one_of_its_members_or_with_one_more_is_refused(name):
    members = json.loads(record.encode(GOOD[name]))
    for key in members:
        fewer = {other: value for other, value in members.items() if other != key}
        with pytest.raises(RecordRefused):
            record.parse(canonical(fewer))
    with pytest.raises(RecordRefused) as no:
        record.parse(canonical(members | {"more": 1}))
    assert no.value.code == "record-malformed"


@pytest.mark.parametrize("name", GOOD)
def test_a_member_of_another_type_is_refused(name):
    members = json.loads(record.encode(GOOD[name]))
    for key in members.keys() - {"type"}:
        for wrong in ([], "\n", -1, True, 2**53, {"a": None}):
            with pytest.raises(RecordRefused):
                record.parse(canonical_loosely(members | {key: wrong}))


def canonical_loosely(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


LEAF = record.encode(GOOD["attempt"])
SPELLINGS = {
    "a space": LEAF.replace(b",", b", ", 1),
    "a line feed": LEAF + b"\n",
    "another order": b'{"type":"attempt",' + LEAF[1:].replace(b',"type":"attempt"', b""),
    "a member twice": b'{"at":"2000-01-01T00:00:00Z",' + LEAF[1:],
    "the type twice": b'{"type":"sealed",' + LEAF[1:],
    "an escaped letter": LEAF.replace(b'"case":"event"', b'"case":"\\u0065vent"'),
    "a number as a float": LEAF.replace(b'"sequence":7', b'"sequence":7.0'),
    "a number as text": LEAF.replace(b'"sequence":7', b'"sequence":"7"'),
    "nothing": b"",
    "a list": b"[]",
    "a number": b"7",
    "a cut leaf": LEAF[:-1],
    "bytes": b"\xff" * 40,
    "deep": b'{"a":' * 5000,
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_of_a_leaf_is_refused(name):
    with pytest.raises(RecordRefused) as no:
        record.parse(SPELLINGS[name])
    assert no.value.code == "record-malformed"


def test_an_unknown_type_is_told_apart_from_damage():
    with pytest.raises(RecordRefused) as no:
        record.parse(b'{"at":"2026-11-21T14:01:05Z","type":"grant"}')
    assert no.value.code == "record-unknown"


def test_a_leaf_of_over_a_mebibyte_is_refused_unread():
    with pytest.raises(RecordRefused) as no:
        record.parse(b'{"at":"' + b"x" * record.MAX_LEAF_BYTES + b'","type":"grant"}')
    assert no.value.code == "record-malformed"


WRONG = [
    ("sealed", {"at": "2026-11-21 14:01:05Z"}),
    ("sealed", {"at": "2026-13-21T14:01:05Z"}),
    ("sealed", {"at": "2026-11-21T24:01:05Z"}),
    ("sealed", {"at": "2026-02-30T14:01:05Z"}),
    ("sealed", {"at": "2026-11-21T14:01:05z"}),
    ("sealed", {"at": "٢٠٢٦-11-21T14:01:05Z"}),
    ("sealed", {"case": "everything"}),
    ("sealed", {"sequence": 0}),
    ("sealed", {"messages": 0}),
    ("sealed", {"sha256": "D" * 64}),
    ("sealed", {"sha256": "d" * 63}),
    ("sealed", {"catalogue": "a " * 32}),
    ("sealed", {"index": "g" * 64}),
    ("void", {"replaces": "x" * 64}),
    ("void", {"reason": "bored"}),
    ("attempt", {"destination": "corporate.example"}),
    ("attempt", {"destination": "corporate.example/path:1"}),
    ("attempt", {"destination": "user@corporate.example:1"}),
    ("outcome", {"receipt": None}),
    ("outcome", {"outcome": "rejected"}),
    ("outcome", {"outcome": "sent"}),
    ("outcome", {"status": 20}),
    ("outcome", {"code": "Not found"}),
    ("consent", {"fields": {}}),
    ("consent", {"fields": {"member_id": "a" * 64}}),
    ("consent", {"fields": {"annotator.task_id": "A" * 64}}),
    ("consent", {"authority": "two\nlines"}),
    ("consent", {"actor": "ann"}),
    ("consent", {"role": "root"}),
    ("decision", {"expires": "tomorrow at noon UTC"}),
    ("decision", {"decision": "withdrawn"}),
    ("decision", {"fields": {"annotator.task_id": "A" * 64}}),
    ("decision", {"source": "file"}),
    ("switch", {"to": "local"}),
    ("switch", {"field": "member_id"}),
    ("batch-decision", {"reason": None}),
    ("batch-decision", {"reason": "because"}),
    ("batch-decision", {"decision": "approved"}),
    ("batch-decision", {"decision": "expired"}),
    ("batch-decision", {"actor": "home"}),
    ("batch-decision", {"sha256": "D" * 64}),
    ("approval-rule", {"to": "three"}),
    ("approval-rule", {"expires_h": 0}),
    ("policy", {"to": "ignore"}),
    ("policy", {"allow": ["A" * 64]}),
    ("allowance", {"definitions": []}),
    ("release", {"asks": {"annotator.task_id": "x" * 64}}),
    ("mode", {"to": "maybe"}),
    ("mode", {"kind": "task-completed"}),
    ("person", {"account": "a b"}),
    ("enrolment", {"certificate": None}),
    ("enrolment", {"step": "refused"}),
    ("enrolment", {"root": "b" * 64}),
    ("contact", {"request": "GET /v1/manifest?name=x"}),
    ("checkpoint", {"size": 0}),
    ("pruned", {"before": -1}),
]


@pytest.mark.parametrize(("name", "change"), WRONG)
def test_a_leaf_that_says_something_impossible_is_neither_read_nor_written(name, change):
    members = json.loads(record.encode(GOOD[name])) | change
    with pytest.raises(RecordRefused) as no:
        record.parse(canonical(members))
    assert no.value.code == "record-malformed"
    with pytest.raises(RecordRefused):
        record.encode(msgspec.structs.replace(GOOD[name], **change))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_an_administrator_typed_is_kept_exactly_or_refused(words):
    made = msgspec.structs.replace(GOOD["consent"], authority=words)
    try:
        data = record.encode(made)
    except RecordRefused:
        assert any(letter < " " or letter == "\x7f" for letter in words)
        return
    assert data == canonical(json.loads(data))
    assert record.parse(data) == made


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda data: LEAF[:60] + data + LEAF[60:]))
def test_arbitrary_bytes_are_refused_with_our_own_error(data):
    try:
        found = record.parse(data)
    except RecordRefused:
        return
    assert record.encode(found) == data


def test_an_instant_is_utc_to_the_second():
    there = timezone(timedelta(hours=-8))
    assert record.instant(datetime(2026, 11, 21, 6, 1, 5, 999_999, tzinfo=there)) == AT
    assert record.instant(datetime(2026, 11, 21, 14, 1, 5, tzinfo=UTC)) == AT
    with pytest.raises(ValueError, match="without a zone"):
        record.instant(datetime(2026, 11, 21, 14, 1, 5))  # noqa: DTZ001 - the very case
