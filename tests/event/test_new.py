"""What `event.new` makes of values: metadata of the declared type, or a drop that is counted; never an exception."""

from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import event
from audit import consent, gate, modes
from audit.types import TYPES
from event import _reduce, spool
from event.errors import Drop
from tests.event import hostile, samples
from tests.event.hostile import BAD
from tests.event.samples import KIND, SECRET

NOW = datetime.now(UTC)


def one(folder, **fields):
    """Record one message and return it without its kind and time."""
    event.new(KIND, **fields)
    message = samples.messages_in(folder)[-1]
    assert message.pop("kind") == KIND
    message.pop("at")
    return message


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("order_id", 0, 0),
        ("order_id", 1000, 1000),
        ("items", 1, 1),
        ("items", 50, 50),
        ("items", -1, -1),
        ("items", -2, -2),
        ("size_bytes", 1000, 1000),
        ("took_ms", 0, 0),
        ("stock", 9, "<10"),
        ("stock", 10, "<100"),
        ("stock", 99, "<100"),
        ("stock", 100, ">=100"),
        ("gift", False, False),
        ("paid_by", "invoice", "invoice"),
        ("paid_by", SECRET, "other"),
        ("release", "12.345.6", "12.345.6"),
        ("release", "2.7.1827", "2.7.1827"),
        ("due", datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC), f"{NOW:%Y-%m-%d}"),
        ("due", date(NOW.year, NOW.month, NOW.day), f"{NOW:%Y-%m-%d}"),
        ("seen_at", "shop.orders:place:40", "shop.orders:place:40"),
        ("seen_at", "shop.orders:place:39", "<place>"),
        ("seen_at", SECRET, "<place>"),
        ("failed_with", ValueError, "ValueError"),
        ("failed_with", "shop.errors.OutOfStock", "shop.errors.OutOfStock"),
        ("failed_with", hostile.Liar, "<type>"),
        ("page", "/order/<int:id>", "/order/<int:id>"),
        ("page", "/order/17", "<route>"),
        ("note_looks", SECRET, ["email"]),
        ("came_from", "https://user:pw@A.example:8443/shop/x?q=1#f", "a.example/shop"),
        ("came_from", "https://a.example/other", "a.example"),
        ("came_from", "http://localhost:8080/", "localhost"),
        ("came_from", "https://a.xn--p1ai/", "a.xn--p1ai"),
        ("release", "10.20.30", "10.20.30"),
        ("document", {"title": SECRET, SECRET: 1}, ["title", "<email>"]),
        ("document", ["pages", 5], ["pages", "<integer(1)>"]),
        ("draft", "3f2a9c41d7e84b06a5b1c0ffee123456", "3f2a9c41d7e84b06a5b1c0ffee123456"),
    ],
)
def test_a_value_is_reduced_to_its_declared_type(folder, start, key, value, kept):
    start(strict=True)
    assert one(folder, **{key: value}) == {key: kept}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("order_id", -1, "out-of-bounds"),
        ("order_id", 1001, "out-of-bounds"),
        ("order_id", True, "wrong-type"),
        ("order_id", 7.0, "wrong-type"),
        ("items", 0, "out-of-bounds"),
        ("items", 51, "out-of-bounds"),
        ("items", -3, "out-of-bounds"),
        ("stock", -1, "out-of-bounds"),
        ("gift", 1, "wrong-type"),
        ("release", "1.2.3.4", "out-of-bounds"),
        ("release", "1.2.1827", "out-of-bounds"),
        ("release", "176.555.123", "out-of-bounds"),
        ("release", "17.555.12", "out-of-bounds"),
        ("due", datetime(2026, 11, 21), "wrong-type"),  # noqa: DTZ001 - a naive moment is the point
        ("due", NOW - timedelta(days=401), "out-of-bounds"),
        ("due", NOW + timedelta(days=401), "out-of-bounds"),
        ("due", datetime.max.replace(tzinfo=timezone(timedelta(hours=-5))), "out-of-bounds"),
        ("came_from", "no host at all", "out-of-bounds"),
        ("came_from", "rose", "out-of-bounds"),
        ("came_from", "rose@klinik.example", "out-of-bounds"),
        ("came_from", "mailto:rose@klinik.example", "out-of-bounds"),
        ("came_from", "https://rosas-laptop/", "out-of-bounds"),
        ("came_from", "https://rosas-laptop.local/shop", "out-of-bounds"),
        ("came_from", "https://192.168.1.7/shop", "out-of-bounds"),
        ("came_from", "https://4929183477120095/", "out-of-bounds"),
        ("draft", "3F2A9C41D7E84B06A5B1C0FFEE123456", "out-of-bounds"),
        ("words", "order <> is late", "wrong-type"),
        ("words", {"at": "shop:0", "arguments": [["order ", ["word"]]]}, "out-of-bounds"),
    ],
)
def test_a_value_outside_its_type_is_dropped_and_counted_and_the_rest_goes_on(folder, start, key, value, reason):
    start()
    assert one(folder, size_bytes=5, **{key: value}) == {"size_bytes": 5}
    assert event.counts() == {f"{reason}|{KIND}|{key}": 1} == samples.counts_in(folder)


@pytest.mark.parametrize("bad", sorted(BAD))
@pytest.mark.parametrize("key", sorted(samples.read_catalogue().of_kind(KIND)))
def test_nothing_bad_ever_raises_or_reaches_the_disk_in_production(folder, start, caplog, key, bad):
    start()
    event.new(KIND, **{key: BAD[bad]()})
    event.new(KIND, order_id=1)
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    assert SECRET.encode() not in written
    assert len(samples.messages_in(folder)) == 2
    assert caplog.records == []


@pytest.mark.parametrize("bad", sorted(BAD))
@pytest.mark.parametrize("key", ["order_id", "items", "took_ms", "size_bytes", "gift"])
def test_in_development_a_bad_value_raises_at_the_call_and_names_the_field(folder, start, key, bad):
    start(strict=True)
    with pytest.raises(event.EventError) as caught:
        event.new(KIND, **{key: BAD[bad]()})
    assert repr(key) in str(caught.value)
    assert repr(KIND) in str(caught.value)
    assert caught.value.hint.startswith("hand in ")
    assert SECRET not in str(caught.value)
    assert list(samples.found_in(folder)) == []


def test_in_development_it_raises_whether_or_not_the_kind_is_collected(folder, start):
    samples.set_modes(folder, "off")
    start(strict=True)
    with pytest.raises(event.EventError, match="'order_id'"):
        event.new(KIND, order_id="7")


def test_an_undeclared_kind_raises_in_development_and_names_it(start):
    start(strict=True)
    with pytest.raises(event.EventError, match="kind 'shop/order-lost' is not declared: declare it"):
        event.new("shop/order-lost")


def test_an_undeclared_field_raises_in_development_and_names_the_declared_ones(start):
    start(strict=True)
    with pytest.raises(event.EventError, match=r"field 'colour' is not declared .* use one of came_from, document"):
        event.new(KIND, colour=3)


@pytest.mark.parametrize("name", sorted(BAD))
def test_an_undeclared_kind_is_counted_in_production_without_its_name(folder, start, name):
    start()
    event.new(BAD[name]())
    assert event.counts() == {"undeclared-kind|<undeclared>|": 1} == samples.counts_in(folder)
    assert list(samples.found_in(folder)) == []


@pytest.mark.parametrize("key", ["colour", SECRET, "kind", "at", "x" * 1000])
def test_an_undeclared_field_is_counted_in_production_without_its_name(folder, start, key):
    start()
    assert one(folder, **{key: 1}) == {}
    assert event.counts() == {f"undeclared-field|{KIND}|<undeclared>": 1} == samples.counts_in(folder)


@pytest.mark.parametrize(("declared", "value"), [("order_id", 5), ("gift", True)])
def test_a_key_that_is_equal_to_a_declared_one_cannot_bring_its_own_text(folder, start, declared, value):
    class Twin(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return hash(declared)

        def __eq__(self, other: object) -> bool:
            return other == declared

    start()
    assert one(folder, **{Twin(SECRET): value}) == {declared: value}
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_an_error_log_cannot_be_handed_in(folder, start):
    start()
    event.new("home/error", error_log={"chain": [], "frames": []})
    assert event.counts() == {"wrong-type|home/error|error_log": 1}


def test_the_time_is_cut_to_the_declared_precision(folder, start):
    start()
    before = datetime.now(UTC)
    event.new(KIND)
    message = samples.messages_in(folder)[0]
    assert message["at"] in {f"{moment:%Y-%m-%dT%H:%MZ}" for moment in (before, datetime.now(UTC))}


def test_nothing_happens_before_start(folder):
    event.new(KIND, order_id=1)
    event.error(ValueError())
    assert event.counts() == {}
    assert [path.name for path in folder.iterdir()] == ["modes"]


def test_a_start_that_fails_raises_in_development(tmp_path):
    with pytest.raises(event.EventError, match=r"event\.start cannot begin"):
        event.start(tmp_path, [tmp_path / "none.toml"], strict=True)


def test_a_start_that_fails_in_production_says_so_and_collects_nothing(folder, tmp_path, caplog):
    event.start(folder, [tmp_path / "none.toml"])
    event.new(KIND, order_id=1)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert list(samples.found_in(folder)) == []


def test_every_record_carries_the_switch_under_which_it_was_collected(folder, start):
    start()
    event.new(KIND)
    samples.write_word(folder, KIND, modes.Switch("local", 9))
    event.new(KIND)
    assert [modes.from_word(f.word) for f in samples.found_in(folder) if isinstance(f, spool.Frame)] == [
        modes.Switch("on", 3),
        modes.Switch("local", 9),
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4) | st.tuples(inner),
    max_leaves=6,
)
CATALOGUE = samples.read_catalogue()
KINDS = _reduce.compile_kinds(CATALOGUE, samples.INDEX)
ALLOWED = consent.Consent({f.name: frozenset({f.hash}) for f in CATALOGUE.fields.values()})


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(KINDS[KIND].fields)), ANYTHING))
def test_whatever_a_reducer_lets_through_the_gate_takes(values):
    """The product and the gate hold one opinion of every type: what is recorded is never withheld as malformed."""
    fields = CATALOGUE.of_kind(KIND)
    for key, value in values.items():
        try:
            reduced = KINDS[KIND].fields[key][3](value)
        except Drop:
            continue
        accepts = TYPES[fields[key].type].make(fields[key].params, samples.INDEX)
        assert accepts(reduced), key


def test_the_gate_takes_what_was_recorded(folder, start):
    start()
    event.new(KIND, order_id=7, items=-1, stock=5, paid_by="x", note_looks=SECRET, document={"title": 1})
    try:
        raise ValueError(SECRET)
    except ValueError as fault:
        event.error(fault, project_id=4, release="1.2.3")
    frames = [f for f in samples.found_in(folder) if isinstance(f, spool.Frame)]
    switches = {frame.message["kind"]: modes.from_word(frame.word) for frame in frames}
    rules = gate.Rules(CATALOGUE, samples.INDEX, ALLOWED, modes.Modes({"event": "on"}, switches))
    header = gate.Header("3f2a9c41d7e84b06a5b1c0ffee123456", "event", 1, datetime.now(UTC), 0, "0" * 64)
    collected = [gate.Collected(modes.from_word(frame.word).generation, frame.message) for frame in frames]
    sealed = gate.seal(collected, header, rules, gate.Codec(msgspec.json.encode, msgspec.json.decode))
    assert (sealed.taken, dict(sealed.withheld)) == (2, {})
