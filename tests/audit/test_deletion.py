"""Statements of deletion: what was asked is what is stated, and a forged one is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import deletion, gate, signed
from audit.canonical import canonical, sha256_hex
from audit.deletion import Deletion, Scope
from audit.errors import Refused, SignatureRefused

KEY = Ed25519PrivateKey.generate()
KEYS = signed.ring(KEY.public_key())
NOW = datetime(2026, 11, 22, 3, 0, 5, tzinfo=UTC)
ID = "3f2a9c41d7e84b06a5b1c0ffee123456"
EARLIER = NOW - timedelta(days=7)
HASHES = [sha256_hex(str(n).encode()) for n in range(1, 300)]


def asked(**values: object) -> gate.Request:
    return gate.Request(deletion.KIND, ID, NOW, 12, "ab" * 32, values)


def stated(**changes: object) -> Deletion:
    lanes = (deletion.lane("event", [(n, HASHES[n - 1]) for n in (1, 2, 3, 7)]),)
    made = Deletion(ID, "c" * 64, Scope("case", "event"), 12, NOW, lanes, 2, {"message": 9}, ("sha256", "sequence"),
                    NOW + timedelta(days=35), "overwritten")  # fmt: skip
    return replace(made, **changes)


@pytest.mark.parametrize(
    "scope",
    [
        Scope("batch", batch="a" * 64),
        Scope("field", field="a" * 64),
        Scope("case", "browser"),
        Scope("range", None, from_=EARLIER, until=NOW),
        Scope("range", "event", from_=EARLIER, until=NOW),
        Scope("everything"),
        Scope("leaving"),
    ],
)
def test_every_scope_is_asked_and_stated_in_the_same_words(scope: Scope) -> None:
    assert deletion.scope_of(asked(**scope.values())) == scope
    one = stated(scope=scope)
    assert deletion.read(deletion.issue(one, KEY), KEYS) == one


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"scope": "other"},
        {"scope": "batch"},
        {"scope": "batch", "batch": "a" * 64, "case": "event"},
        {"scope": "everything", "case": "event"},
        {"scope": "case", "case": "other"},
        {"scope": "range", "from": "2026-11-22T00:00:00Z"},
        {"scope": "range", "from": "2026-11-22T00:00:00Z", "until": "2026-11-21T00:00:00Z"},
        {"scope": "range", "from": "2026-11-20T00:00:00Z", "until": "2026-11-22T03:00:06Z"},
    ],
)
def test_what_is_not_clear_is_not_deleted(values: dict[str, str]) -> None:
    with pytest.raises(Refused):
        deletion.scope_of(asked(**values))


def test_many_batches_are_pinned_together_and_few_stand_one_by_one() -> None:
    few = deletion.lane("event", list(enumerate(HASHES[:200], 1)))
    many = deletion.lane("event", list(enumerate(HASHES[:201], 1)))
    assert (few.numbers, few.hashes) == ("1-200", tuple(HASHES[:200]))
    assert (many.numbers, many.hashes, many.sha256) == ("1-201", (), deletion.digest(HASHES[:201]))
    assert list(deletion.numbers(deletion.lane("event", [(1, "a"), (2, "b"), (5, "c")]).numbers)) == [1, 2, 5]


def spoilt(**changes: object) -> str:
    claims = json.loads(signed.verify(deletion.issue(stated(), KEY), KEYS, signed.DELETION))
    lane = claims["batches"][0] | {k: v for k, v in changes.items() if k in claims["batches"][0]}
    rest = {k: v for k, v in changes.items() if k not in lane}
    return signed.sign(canonical(claims | {"batches": [lane]} | rest), KEY, signed.DELETION)


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 5},
        {"numbers": "1-3,3"},
        {"numbers": "3,1-2,7"},
        {"numbers": "0-2,7"},
        {"numbers": "1-4"},
        {"hashes": HASHES[:4]},
        {"hashes": []},
        {"erased": "somehow"},
        {"host": "rose-ward-3"},
        {"deleted_at": "2026-02-31T00:00:00Z"},
    ],
)
def test_a_statement_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    if changes.get("numbers") == "1-4":
        assert deletion.read(spoilt(**changes), KEYS).lanes[0].numbers == "1-4", "as good as any other"
        return
    with pytest.raises(SignatureRefused) as no:
        deletion.read(spoilt(**changes), KEYS)
    assert no.value.code == "deletion-malformed"


def test_a_forged_statement_is_refused() -> None:
    other = Ed25519PrivateKey.generate()
    with pytest.raises(SignatureRefused, match="acceptable"):
        deletion.read(deletion.issue(stated(), other), KEYS)
    payload = signed.verify(deletion.issue(stated(), KEY), KEYS, signed.DELETION)
    with pytest.raises(SignatureRefused, match="type"):
        deletion.read(signed.sign(payload, KEY, signed.RECEIPT), KEYS)


@pytest.mark.parametrize(
    "changes",
    [{"installation": "0" * 32}, {"request": "d" * 64}, {"request": None}, {"scope": Scope("everything")},
     {"ledger_size": 11}],
)  # fmt: skip
def test_a_statement_about_something_else_does_not_answer(changes: dict[str, object]) -> None:
    request = asked(scope="case", case="event")
    deletion.matches(stated(), ID, (request, "c" * 64))
    with pytest.raises(SignatureRefused) as no:
        deletion.matches(stated(**changes), ID, (request, "c" * 64))
    assert no.value.code == "deletion-differs"
