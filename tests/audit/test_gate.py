"""The gate: what is sealed was declared, approved and on; bytes are accepted or refused, never mended."""

import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import consent, gate, modes
from audit.errors import Refused, Undeclared
from tests.audit import samples
from tests.audit.samples import CODEC, NOW, collected, header, rules

ALL = rules()


def seal(*messages, given_rules=ALL, head=None):
    return gate.seal(messages, head or header(), given_rules, CODEC)


def lines(sealed):
    return [CODEC.decode(line) for line in sealed.body.splitlines()]


def test_a_good_message_is_sealed_checked_and_declared():
    sealed = seal(collected(), collected(order_id=8))
    assert (sealed.taken, sealed.kept, sealed.withheld) == (2, (True, True), {})
    batch = gate.check(sealed.body, ALL, 1, CODEC, now=NOW)
    assert batch == gate.declared(sealed.body, ALL.catalogue, ALL.index, CODEC)
    assert batch.header == header()
    assert batch.messages[1] == {"kind": "shop/order-placed", **samples.GOOD, "order_id": 8}


def test_what_is_not_declared_is_left_out_and_counted_without_its_name():
    sealed = seal(collected(customer_name="Rose Price"), collected(kind="shop/person-met"))
    assert sealed.kept == (True, False)
    assert sealed.withheld == {
        ("undeclared-field", "shop/order-placed.<undeclared>"): 1,
        ("undeclared-kind", "<undeclared>"): 1,
    }
    assert b"Rose" not in sealed.body
    assert b"person" not in sealed.body


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("order_id", 1001), ("order_id", -1), ("order_id", True), ("order_id", 1.0), ("order_id", "7"),
        ("items", 100), ("items", -3), ("took", "<51"), ("paid", 1), ("paid", "yes"), ("way", "Rose"),
        ("day", "2026-02-30"), ("day", "2026-11-20T10Z"), ("day", "٢٠٢٦-11-20"), ("release", "1.2.3.4"),
        ("release", "0049"), ("release", "١.2"), ("release", "176.555.123"), ("release", "4.929.183"),
        ("where", "shop:buy:21"), ("where", "shop:sell:12"), ("where", "shop:buy:012"), ("where", "Rose"),
        ("looks", ["Rose"]), ("looks", "email"), ("looks", ["email"] * 9), ("looks", ["integer(33)"]),
        ("route", "/order/7"), ("route", None), ("items", None), ("items", [3]), ("looks", {"email": 1}),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_its_type_is_left_out(key, value):
    sealed = seal(collected(**{key: value}))
    assert sealed.withheld == {("wrong-value", f"shop/order-placed.{key}"): 1}
    assert key not in lines(sealed)[1]


@pytest.mark.parametrize("value", [-1, -2])
def test_a_count_may_say_that_it_timed_out_or_failed(value):
    assert lines(seal(collected(items=value)))[1]["items"] == value


@pytest.mark.parametrize(("days", "passes"), [(-400, True), (-401, False), (400, True), (401, False), (-9000, False)])
def test_an_instant_must_be_within_400_days_so_that_no_birth_date_passes(days, passes):
    sealed = seal(collected(day=(NOW + timedelta(days=days)).strftime("%Y-%m-%d")))
    assert ("day" in lines(sealed)[1]) == passes


def test_a_message_without_its_own_instant_does_not_leave():
    sealed = seal(collected(at=...), collected(at="1984-05-01T00:00:00Z"))
    assert sealed.kept == (False, False)
    assert sealed.withheld[("no-at", "shop/order-placed")] == 2


def test_only_approved_definitions_leave():
    some = consent.to(field for field in ALL.catalogue.fields.values() if field.name != "shop.items")
    sealed = seal(collected(), given_rules=rules(allowed=some))
    assert sealed.withheld == {("not-approved", "shop.items"): 1}
    assert "items" not in lines(sealed)[1]


def test_an_approval_is_of_one_definition_and_not_of_a_name():
    changed = samples.load(samples.product(items=samples.TYPED["items"].replace("99", "100")))
    sealed = seal(collected(), given_rules=rules(changed, consent.to(ALL.catalogue.fields.values())))
    assert sealed.withheld == {("not-approved", "shop.items"): 1}


def test_an_expired_field_is_withheld_from_the_day_after():
    expiring = rules(samples.load(samples.product(expires="2026-11-21")))
    assert seal(collected(), given_rules=expiring).withheld == {}
    tomorrow = gate.Header(samples.INSTALLATION, "event", 2, NOW + timedelta(days=1), 4, "ab" * 32)
    withheld = seal(collected(), given_rules=expiring, head=tomorrow).withheld
    assert ("expired", "shop.items") in withheld


@pytest.mark.parametrize("name", ["home.header.sequence", "home.envelope.source_address"])
def test_nothing_is_sealed_while_what_wraps_a_batch_is_not_approved(name):
    some = consent.to(field for field in ALL.catalogue.fields.values() if field.name != name)
    with pytest.raises(Refused) as refused:
        seal(collected(), given_rules=rules(allowed=some))
    assert (refused.value.code, refused.value.path) == ("wrapping-not-approved", name)


@pytest.mark.parametrize("mode", ["off", "local"])
def test_only_on_leaves(mode):
    sealed = seal(collected(), given_rules=rules(event=mode))
    assert (sealed.taken, sealed.withheld) == (0, {("not-on", "shop/order-placed"): 1})


@pytest.mark.parametrize("generation", [0, 2])
def test_what_was_collected_under_another_position_of_the_switch_never_leaves(generation):
    assert seal(collected(generation)).withheld == {("collected-earlier", "shop/order-placed"): 1}


def test_a_batch_holds_one_case():
    sealed = seal(collected(kind="shop/page-seen"))
    assert sealed.withheld == {("other-case", "shop/page-seen"): 1}


def test_the_check_refuses_bytes_sealed_before_the_switch_moved():
    sealed = seal(collected())
    gate.check(sealed.body, ALL, 1, CODEC, now=NOW)
    with pytest.raises(Refused, match="switched"):
        gate.check(sealed.body, ALL, 0, CODEC, now=NOW)
    with pytest.raises(Refused, match="switched"):
        gate.check(sealed.body, rules(event="local"), 1, CODEC, now=NOW)


def test_the_check_refuses_bytes_whose_approval_was_withdrawn():
    sealed = seal(collected())
    some = consent.to(field for field in ALL.catalogue.fields.values() if field.name != "shop.items")
    with pytest.raises(Refused) as refused:
        gate.check(sealed.body, rules(allowed=some), 1, CODEC, now=NOW)
    assert (refused.value.code, refused.value.path) == ("not-approved", "shop.items")


def test_the_check_refuses_a_field_that_expired_while_its_batch_waited():
    expiring = rules(samples.load(samples.product(expires="2026-11-21")))
    body = seal(collected(), given_rules=expiring).body
    gate.check(body, expiring, 1, CODEC, now=NOW)
    with pytest.raises(Refused, match="expired"):
        gate.check(body, expiring, 1, CODEC, now=NOW + timedelta(days=1))


def test_a_clock_that_was_set_back_brings_no_expired_field_back():
    body = seal(collected()).body
    expired = rules(samples.load(samples.product(expires="2026-11-20")))
    ours = ALL.catalogue.hash.encode(), expired.catalogue.hash.encode()
    with pytest.raises(Refused, match="expired"):
        gate.check(body.replace(*ours), expired, 1, CODEC, now=NOW - timedelta(days=9))


def test_a_void_carries_the_number_and_nothing_else():
    sealed = gate.void(header(void="withdrawn"), ALL, CODEC)
    assert [line["void"] for line in lines(sealed)] == ["withdrawn"]
    assert gate.declared(sealed.body, ALL.catalogue, ALL.index, CODEC).header.void == "withdrawn"


def test_a_void_outlives_the_catalogue_under_which_its_number_was_sealed():
    sealed = gate.void(header(void="withdrawn"), ALL, CODEC)
    later = rules(samples.load(samples.product(items=samples.TYPED["items"].replace("99", "100"))))
    assert gate.check(sealed.body, later, 1, CODEC, now=NOW).header == header(void="withdrawn")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sealed_at", "0001-01-01T00:00:00Z"), ("sealed_at", "9999-12-31T23:59:59Z"), ("case", "other"),
        ("void", "other"), ("void", ...), ("sequence", 0),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_meant_is_refused(key, value):
    head = {**lines(gate.void(header(void="mode"), ALL, CODEC))[0], key: value}
    body = CODEC.encode({name: held for name, held in head.items() if held is not ...}) + b"\n"
    with pytest.raises(Refused):
        gate.declared(body, ALL.catalogue, ALL.index, CODEC)


def test_a_bomb_of_line_feeds_is_refused_without_taking_it_apart():
    body = seal(collected()).body + b"\n" * 4_000_000
    tracemalloc.start()
    try:
        assert gate.header_of(body, CODEC)[0] == header()
        with pytest.raises(Refused) as refused:
            gate.declared(body, ALL.catalogue, ALL.index, CODEC)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(body)
    finally:
        tracemalloc.stop()
    assert "too short" in str(refused.value)


TAMPERED = {
    "an unknown key": (b'"items":3', b'"items":3,"rose":1', "shop/order-placed.<undeclared>"),
    "another value": (b'"items":3', b'"items":100', "shop/order-placed.items.<undeclared>"),
    "an unknown kind": (b"shop/order-placed", b"shop/rose-placed", "<undeclared>"),
    "a header key": (b'"case":', b'"rose":1,"case":', "home/header.<undeclared>"),
    "a header value": (b'"ledger_size":4', b'"ledger_size":-4', "home/header.ledger_size.<undeclared>"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_undeclared_content_is_found_by_key_path_and_never_by_value(what):
    old, new, path = TAMPERED[what]
    body = seal(collected()).body
    assert old in body
    with pytest.raises(Undeclared) as refused:
        gate.declared(body.replace(old, new), ALL.catalogue, ALL.index, CODEC)
    assert refused.value.findings == {path: 1}
    assert "rose" not in str(refused.value)


HIDDEN = {
    "a repeated key": (b'"items":3', b'"items":9,"items":3'),
    "white space": (b'"items":3', b'"items": 3'),
    "another spelling": (b'"card"', b'"c\\u0061rd"'),
    "a number with a fraction": (b'"items":3', b'"items":3.0'),
    "a blank line": (b"\n{", b"\n\n{"),
    "a carriage return": (b"}\n", b"}\r\n"),
    "no line feed at the end": (b"}\n", b"}"),
    "one line less": (b'"messages":1', b'"messages":2'),
    "another format": (b"batch/1", b"batch/2"),
}


@pytest.mark.parametrize("what", HIDDEN)
def test_nothing_fits_between_the_lines(what):
    old, new = HIDDEN[what]
    body = seal(collected()).body
    assert old in body
    with pytest.raises(Refused):
        gate.declared(body.replace(old, new), ALL.catalogue, ALL.index, CODEC)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_never_crash(noise):
    with pytest.raises(Refused):
        gate.declared(noise, ALL.catalogue, ALL.index, CODEC)
    with pytest.raises(Refused):
        gate.header_of(noise, CODEC)


@given(st.data())
def test_one_changed_byte_is_refused_or_still_wholly_declared(data):
    body = bytearray(seal(collected(), collected(items=5)).body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    try:
        batch = gate.declared(bytes(body), ALL.catalogue, ALL.index, CODEC)
    except Refused:
        return
    again = [CODEC.encode(message) for message in batch.messages]
    assert bytes(body).split(b"\n")[1:-1] == again


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from([*samples.GOOD, "kind", "void"]) | st.text(max_size=12)
MESSAGES = st.lists(
    st.builds(
        gate.Collected,
        st.integers(0, 2),
        st.dictionaries(KEYS, VALUES, max_size=6)
        | st.dictionaries(KEYS, VALUES, max_size=4).map(lambda d: {**samples.GOOD, "kind": "shop/order-placed", **d}),
    ),
    max_size=5,
)


@given(MESSAGES, st.sets(st.sampled_from(sorted(ALL.catalogue.fields))), st.sampled_from(["off", "local", "on"]))
def test_whatever_is_sealed_is_declared_approved_and_on(messages, withdrawn, mode):
    allowed = consent.to(f for f in ALL.catalogue.fields.values() if f.name not in withdrawn or f.case == "every")
    made = rules(allowed=allowed, event=mode)
    sealed = gate.seal(messages, header(), made, CODEC)
    if not sealed.taken:
        with pytest.raises(Refused):
            gate.check(sealed.body, made, 1, CODEC, now=NOW)
        return
    batch = gate.check(sealed.body, made, 1, CODEC, now=NOW)
    assert len(batch.messages) == sealed.taken == sum(sealed.kept)
    assert mode == "on" or not batch.messages
    names = {key: f.name for key, f in ALL.catalogue.of_kind("shop/order-placed").items()}
    for message in batch.messages:
        assert not {names[key] for key in message if key != "kind"} & withdrawn


def test_the_header_can_be_read_before_its_catalogue_is_known():
    sealed = seal(collected())
    assert gate.header_of(sealed.body, CODEC) == (header(), ALL.catalogue.hash, ALL.index.hash)


def test_corporate_refuses_a_batch_of_another_catalogue():
    sealed = seal(collected())
    other = samples.load(samples.product(items=samples.TYPED["items"].replace("99", "100")))
    with pytest.raises(Refused) as refused:
        gate.declared(sealed.body, other, ALL.index, CODEC)
    assert refused.value.code == "other-catalogue"


def test_all_off_means_no_kind_is_on():
    assert all(modes.ALL_OFF.of(kind.name).mode == "off" for kind in ALL.catalogue.live_kinds())
