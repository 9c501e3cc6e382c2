"""Messages judged together pass, and are withheld or found, exactly as one by one."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit import _batch, _declaring, _leaving, gate
from audit._columns import group
from audit._plan import compiled
from audit.errors import Undeclared
from tests.audit import samples
from tests.audit.samples import CODEC, CODEC_OF_LINES, GOOD, collected, header, rules

ALL = rules()
SOME = rules(allowed=samples.consent.to(f for f in ALL.catalogue.fields.values() if f.name != "shop.items"))
PLACED = {"kind": "shop/order-placed", **GOOD}
NEARLY = st.sampled_from(
    [True, 1, 1.0, 0, -1, -2, -3, 99, 100, 1000, 1001, None, "", "card", "<50", [], ["email"], ["Rose"], {"a": 1}]
)


def one_by_one(messages, given_rules) -> tuple[list[bytes | None], dict[Any, int]]:
    plans = given_rules.plans(samples.NOW.date())
    sieve = _leaving.Sieve("event", plans, given_rules.modes, _batch.window(samples.NOW), CODEC)
    return [_leaving.alone(sieve, m) for m in messages], dict(sieve.withheld)


@st.composite
def changed(draw: st.DrawFn) -> gate.Collected:
    """A good message with up to two keys changed, dropped, added, or put first."""
    message: dict[str, Any] = dict(PLACED)
    for key in draw(st.lists(st.sampled_from([*PLACED, "colour"]), max_size=2)):
        if draw(st.booleans()):
            message.pop(key, None)
        message[key] = draw(NEARLY)
        if draw(st.booleans()):
            del message[key]
    return gate.Collected(draw(st.sampled_from([1, 1, 1, 2])), message)


MIXED = st.lists(changed() | st.just(collected()) | st.just(collected(order_id=8)), max_size=12)


@given(MIXED, st.sampled_from([ALL, SOME]))
@example([collected(paid=True), collected(paid=1)], ALL)
@example([collected(paid=1), collected(paid=True)], ALL)
@example([collected(items=-2), collected(items=3), collected(items=99)], ALL)
@example([collected(items=1), collected(items=True), collected(items=1.0)], ALL)
@example([collected(at="1984-05-01T00:00:00Z"), collected()], ALL)
@example([gate.Collected(1, {**GOOD, "kind": "shop/order-placed"})], ALL)
def test_sealing_together_is_sealing_one_by_one(messages, made):
    sealed = gate.seal(messages, header(), made, CODEC)
    lines, withheld = one_by_one(messages, made)
    assert sealed.kept == tuple(line is not None for line in lines)
    assert sealed.body.split(b"\n")[1:-1] == [line for line in lines if line is not None]
    assert sealed.withheld == withheld


@given(st.lists(changed(), min_size=1, max_size=12))
@example([collected(paid=True), collected(paid=1)])
@example([collected(paid=1), collected(paid=True)])
@example([collected(at=...), collected()])
def test_judging_a_batch_together_finds_what_judging_one_by_one_finds(messages):
    body = body_of([collected.message for collected in messages])
    expected: Counter[str] = Counter()
    terms = _declaring.Terms("event", compiled(ALL.catalogue, ALL.index), _batch.window(samples.NOW))
    for collected_ in messages:
        _declaring.find(terms, collected_.message, expected)
    found: Mapping[str, int] = {}
    try:
        gate.declared(body, ALL.catalogue, ALL.index, CODEC)
    except Undeclared as refused:
        found = refused.findings
    assert found == expected


def body_of(messages: list[Mapping[str, Any]]) -> bytes:
    """A batch that holds these messages, whatever they are."""
    head = _batch.header_line(header(), ALL.catalogue.hash, ALL.index.hash, len(messages), CODEC)
    return b"\n".join((head, *map(CODEC.encode, messages), b""))


def judged(body: bytes, codec: gate.Codec) -> Any:
    """What the gate says of the bytes: the batch, or code and path of its no."""
    try:
        return gate.declared(body, ALL.catalogue, ALL.index, codec)
    except gate.Refused as refused:
        return refused.code, refused.path, str(refused)


ODD_BYTES = st.sampled_from(
    [b"", b" ", b"\n", b"\n\n", b"\r\n", b",", b"null", b"[]", b"{}", b"}", b'"', b"\xff", b"1"]
)


@given(st.integers(0, 400), st.integers(0, 3), ODD_BYTES)
@example(0, 0, b"\n")
def test_a_codec_of_lines_judges_every_change_as_one_line_after_the_other(place, taken, put):
    body = body_of([PLACED, PLACED])
    at = body.index(b"\n") + place % (len(body) - body.index(b"\n") + 1)
    changed_ = body[:at] + put + body[at + taken :]
    assert judged(changed_, CODEC_OF_LINES) == judged(changed_, CODEC)


@given(MIXED)
def test_a_codec_of_lines_seals_the_same(messages):
    assert gate.seal(messages, header(), ALL, CODEC_OF_LINES) == gate.seal(messages, header(), ALL, CODEC)


@pytest.mark.parametrize("codec", [CODEC, CODEC_OF_LINES])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_one_line_in_another_spelling_is_refused_wherever_it_stands(where, codec):
    lines = body_of([PLACED] * 3).split(b"\n")
    lines[1 + where] = lines[1 + where].replace(b'"items":3', b'"items": 3')
    with pytest.raises(gate.Refused, match="one form"):
        gate.declared(b"\n".join(lines), ALL.catalogue, ALL.index, codec)


@pytest.mark.parametrize("codec", [CODEC, CODEC_OF_LINES])
def test_two_lines_that_are_one_value_only_together_are_refused(codec):
    whole = CODEC.encode(PLACED)
    body = body_of([PLACED, PLACED]).replace(whole + b"\n" + whole, whole + b"," + whole[:5] + b"\n" + whole[5:])
    with pytest.raises(gate.Refused):
        gate.declared(body, ALL.catalogue, ALL.index, codec)


def test_shapes_stand_in_the_order_of_their_first_message():
    other = {"kind": "shop/page-seen", "at": GOOD["at"]}
    messages = [PLACED, other, PLACED, PLACED, {"at": 1}, {"kind": ["x"]}]
    assert list(group(messages, [1, 1, 2, 1, 1, 1]).values()) == [[0, 3], [1], [2], [4, 5]]
