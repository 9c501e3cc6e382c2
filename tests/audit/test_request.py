"""Requests: one declared line each, or nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from audit import catalogue, gate, index
from audit.canonical import canonical
from audit.errors import Refused, Undeclared
from tests.audit.samples import CODEC

CORE = catalogue.load(catalogue.core())
NOW = datetime(2026, 11, 22, 2, 30, 5, tzinfo=UTC)
KIND = "home/deletion-asked"
ASKED = gate.Request(KIND, "3f2a9c41d7e84b06a5b1c0ffee123456", NOW, 12, "ab" * 32, {"scope": "case", "case": "event"})


def changed(**members: object) -> bytes:
    """The request with members changed, or left out with None."""
    value = json.loads(gate.make_request(ASKED, CORE)) | members
    return canonical({key: one for key, one in value.items() if one is not None}) + b"\n"


def test_what_was_made_is_read_back() -> None:
    assert gate.check_request(gate.make_request(ASKED, CORE), CORE) == ASKED


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        (changed(host="rose-ward-3"), "undeclared", f"{KIND}.<undeclared>"),
        (changed(scope="all of Rose's"), "undeclared", f"{KIND}.scope.<undeclared>"),
        (changed(batch="b" * 63), "undeclared", f"{KIND}.batch.<undeclared>"),
        (changed(until="1961-11-20T00:00:00Z"), "undeclared", f"{KIND}.until.<undeclared>"),
        (changed(kind="home/error"), "undeclared", "<undeclared>"),
        (changed(kind="home/header"), "undeclared", "<undeclared>"),
        (changed(kind=7), "undeclared", "<undeclared>"),
        (changed(at=None), "malformed", f"{KIND}.at"),
        (changed(ledger_size=None), "malformed", f"{KIND}.ledger_size"),
        (changed()[:-1], "malformed", ""),
        (changed() + changed(), "malformed", ""),
        (changed().replace(b'"case"', b' "case"', 1), "malformed", ""),
        (changed().replace(b"event", b"\\u0065vent", 1), "malformed", ""),
        (b"[]\n", "malformed", ""),
        (b"", "malformed", ""),
        (changed(at="x" * 20_000), "malformed", ""),
    ],
)
def test_nothing_else_passes(body: bytes, code: str, path: str) -> None:
    with pytest.raises(Refused) as no:
        gate.check_request(body, CORE)
    assert (no.value.code, no.value.path) == (code, path)
    assert "rose" not in str(no.value).lower()


def test_what_the_gate_would_refuse_is_not_made() -> None:
    far = gate.Request(KIND, ASKED.installation, NOW, 12, "ab" * 32, {"until": "2024-01-01T00:00:00Z"})
    with pytest.raises(Undeclared):
        gate.make_request(far, CORE)


def test_a_request_belongs_to_no_case_and_wraps_no_batch() -> None:
    fields = [field for field in CORE.fields.values() if KIND in field.kinds]
    assert {field.case for field in fields} == {catalogue.REQUEST}
    assert not any(field in CORE.wrapping() for field in fields)
    assert KIND not in {kind.name for kind in CORE.live_kinds()}


def test_a_batch_cannot_carry_a_request() -> None:
    head = {
        "format": "diffgram-home-batch/1",
        "installation": ASKED.installation,
        "case": "event",
        "sequence": 1,
        "sealed_at": "2026-11-22T02:30:05Z",
        "catalogue": CORE.hash,
        "index": "0" * 64,
        "ledger_size": 1,
        "ledger_root": "ab" * 32,
        "messages": 1,
    }

    head["index"] = index.EMPTY.hash
    body = CODEC.encode(head) + b"\n" + gate.make_request(ASKED, CORE)
    with pytest.raises(Undeclared):
        gate.declared(body, CORE, index.EMPTY, CODEC)


def test_a_request_of_another_day_is_as_good_as_its_own_instants() -> None:
    early = gate.Request(KIND, ASKED.installation, NOW - timedelta(days=3000), 12, "ab" * 32, {"scope": "everything"})
    assert gate.check_request(gate.make_request(early, CORE), CORE).at == early.at
