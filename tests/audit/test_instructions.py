"""Instructions: whatever corporate says, nothing becomes wider than the customer set it; and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import consent, instructions, modes, signed
from audit.canonical import canonical
from audit.errors import SignatureRefused
from audit.instructions import Ask, Instructions
from tests.audit import samples

NOW = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"i" * 32)
KEYS = signed.ring(KEY.public_key())
HERE = samples.INSTALLATION
FOUND = samples.load()
KIND_NAMES = [kind.name for kind in FOUND.live_kinds()]
RANK = {"off": 0, "offline": 0, "local": 1, "on": 2}
STOP = Ask("case", "event", "off", NOW + timedelta(days=3), "too-much")


def document(number: int = 4, asks: tuple[Ask, ...] = (STOP,), **changed: object) -> Instructions:
    return Instructions(
        str(changed.get("installation", HERE)),
        number,
        changed.get("issued_at", NOW),  # type: ignore[arg-type]
        changed.get("expires_at", NOW + timedelta(days=7)),  # type: ignore[arg-type]
        asks,
    )


def token(number: int = 4, asks: tuple[Ask, ...] = (STOP,), **changed: object) -> str:
    return instructions.issue(document(number, asks, **changed), KEY)


def forged(change: dict[str, object]) -> str:
    """A token by the right key over claims that `issue` would not make."""
    claims = {
        "asks": [{"name": "event", "to": "off", "until": "2026-11-25T09:00:00Z", "what": "case", "why": "too-much"}],
        "expires_at": "2026-11-29T09:00:00Z",
        "format": "diffgram-instructions/1",
        "installation": HERE,
        "issued_at": "2026-11-22T09:00:00Z",
        "number": 4,
    }
    return signed.sign(canonical(claims | change), KEY, signed.INSTRUCTIONS)


ASKS = st.builds(
    Ask,
    st.sampled_from(["case", "kind", "field"]),
    st.sampled_from(["event", "browser", "support", "licensing", "nothing", *KIND_NAMES]),
    st.sampled_from(["off", "local", "offline", "withheld", "on"]),
    st.just(NOW),
    st.just("other"),
)
OWN_CASES = st.fixed_dictionaries({case: st.sampled_from(offered) for case, offered in modes.MODES.items()})
OWN_KINDS = st.dictionaries(st.sampled_from(KIND_NAMES), st.sampled_from(modes.KIND_MODES))


@given(OWN_CASES, OWN_KINDS, st.lists(ASKS, max_size=8))
def test_no_ask_makes_any_mode_wider_and_every_mode_is_one_that_there_is(cases, kinds, asks):
    held_cases, held_kinds = instructions.modes([a for a in asks if a.what == "field" or a.to in RANK], cases, kinds)
    own, held = modes.effective(FOUND, cases, kinds), modes.effective(FOUND, held_cases, held_kinds)
    assert all(RANK[held_cases[case]] <= RANK[cases[case]] for case in cases)
    assert all(held_cases[case] in modes.MODES[case] for case in cases)
    assert all(RANK[held[kind]] <= RANK[own[kind]] for kind in own)


@given(
    st.sets(st.sampled_from(sorted(FOUND.fields))),
    st.lists(ASKS, max_size=4),
    st.sets(st.sampled_from(sorted(FOUND.fields))),
)
def test_no_ask_allows_a_field_that_the_customer_did_not(approved, asks, named):
    asks = [*asks, *(Ask("field", name, "withheld", NOW, "other") for name in named)]
    own = consent.to([FOUND.fields[name] for name in approved])
    held = consent.Consent(own.approved, asked=instructions.withheld(asks))
    for field in FOUND.fields.values():
        assert held.allows(field) <= own.allows(field)
        assert not (field.name in named and held.allows(field))


def test_what_is_issued_is_read_back_whole():
    asks = (STOP, Ask("kind", "shop/order-placed", "local", NOW + timedelta(days=1), "incident"))
    assert instructions.take(token(asks=asks), KEYS, HERE, 3, NOW) == document(asks=asks)


@pytest.mark.parametrize(
    ("given", "after", "at", "code"),
    [
        (token(), 4, NOW, "instructions-old"),
        (token(3), 4, NOW, "instructions-old"),
        (token(), 3, NOW + timedelta(days=7), "instructions-expired"),
        (token(), 3, NOW - timedelta(days=1, seconds=1), "instructions-future"),
        (token(installation="0" * 32), 3, NOW, "instructions-elsewhere"),
        (instructions.issue(document(), Ed25519PrivateKey.generate()), 3, NOW, "key-unknown"),
        (signed.sign(b"{}", KEY, signed.RECEIPT), 3, NOW, "type-refused"),
        (token()[:-4] + "AAAA", 3, NOW, "signature-wrong"),
        (forged({"approve": ["home.member_id"]}), 3, NOW, "instructions-malformed"),
        (forged({"format": "diffgram-instructions/2"}), 3, NOW, "instructions-malformed"),
        (forged({"number": 0}), 3, NOW, "instructions-malformed"),
        (forged({"number": "4"}), 3, NOW, "instructions-malformed"),
        (forged({"expires_at": "2028-11-29T09:00:00Z"}), 3, NOW, "instructions-malformed"),
        (forged({"issued_at": "2026-11-30T09:00:00Z"}), 3, NOW, "instructions-malformed"),
        ("", 3, NOW, "token-malformed"),
    ],
)
def test_hostile_tokens_are_refused(given, after, at, code):
    with pytest.raises(SignatureRefused) as refused:
        instructions.take(given, KEYS, HERE, after, at)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "ask",
    [
        {"name": "event", "to": "on", "until": "2026-11-25T09:00:00Z", "what": "case", "why": "other"},
        {"name": "event", "to": "withheld", "until": "2026-11-25T09:00:00Z", "what": "case", "why": "other"},
        {"name": "home.at", "to": "off", "until": "2026-11-25T09:00:00Z", "what": "field", "why": "other"},
        {"name": "event", "to": "off", "until": "2026-12-25T09:00:00Z", "what": "case", "why": "other"},
        {"name": "event", "to": "off", "until": "2026-11-25", "what": "case", "why": "other"},
        {"name": "event", "to": "off", "until": "2026-11-25T09:00:00Z", "what": "case", "why": "because"},
        {"name": "a b", "to": "off", "until": "2026-11-25T09:00:00Z", "what": "case", "why": "other"},
        {"name": "event", "more": 1, "to": "off", "until": "2026-11-25T09:00:00Z", "what": "case", "why": "other"},
    ],
)
def test_an_ask_can_say_nothing_but_less(ask):
    with pytest.raises(SignatureRefused) as refused:
        instructions.take(forged({"asks": [ask]}), KEYS, HERE, 3, NOW)
    assert refused.value.code == "instructions-malformed"


def test_the_same_thing_twice_and_the_impossible_are_not_issued():
    for asks in ((STOP, STOP), (Ask("case", "event", "on", NOW, "other"),), (Ask("case", "event", "off", NOW, "x"),)):
        with pytest.raises(ValueError, match="instructions cannot say this"):
            token(asks=asks)


def test_an_ask_is_over_at_its_very_second():
    assert instructions.in_force([STOP], STOP.until - timedelta(seconds=1)) == (STOP,)
    assert instructions.in_force([STOP], STOP.until) == ()
