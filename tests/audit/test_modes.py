"""Modes, generations, and the file that products map."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import catalogue, modes
from audit.modes import ALL_OFF, Modes, Switch
from tests.audit import samples

FOUND = samples.load()
CASES = st.fixed_dictionaries(
    {"event": st.sampled_from(modes.MODES["event"]), "browser": st.sampled_from(modes.MODES["browser"])}
)
KINDS = st.dictionaries(st.sampled_from([k.name for k in FOUND.live_kinds()]), st.sampled_from(modes.KIND_MODES))


def test_without_a_word_nothing_leaves():
    found = modes.effective(FOUND, {}, {})
    assert {FOUND.kinds[name].case: mode for name, mode in found.items()} == {
        **dict.fromkeys(("browser", "event"), "local"),
        "support": "off",
    }


@pytest.mark.parametrize(
    ("case", "kind", "result"),
    [
        ("on", "off", "off"),
        ("on", "local", "local"),
        ("local", "on", "local"),
        ("off", "on", "off"),
        ("on", "on", "on"),
    ],
)
def test_a_kind_can_only_narrow_its_case(case, kind, result):
    assert modes.effective(FOUND, {"event": case}, {"shop/order-placed": kind})["shop/order-placed"] == result


_SHOP = samples.product()
LICENSED = samples.load(catalogue.Source(_SHOP.name, _SHOP.text.replace('case = "browser"', 'case = "licensing"')))


@pytest.mark.parametrize(("own", "result"), [("on", "on"), ("local", "local"), ("off", "off")])
def test_offline_collects_like_on_and_a_kind_still_narrows_it(own, result):
    for case in ("offline", "on"):
        assert modes.effective(LICENSED, {"licensing": case}, {"shop/page-seen": own})["shop/page-seen"] == result


def test_a_switch_between_offline_and_on_loses_nothing_that_was_collected():
    wanted = modes.effective(LICENSED, {"licensing": "offline"}, {})
    before, generation = modes.advance(ALL_OFF, {"licensing": "offline"}, wanted, 0)
    wanted = modes.effective(LICENSED, {"licensing": "on"}, {})
    after, risen = modes.advance(before, {"licensing": "on"}, wanted, generation)
    assert (after.kinds, risen) == (before.kinds, generation)
    assert after.cases == {"licensing": "on"}


def test_only_on_leaves_by_hand_and_for_licensing_offline():
    every = {(case, mode) for case in modes.MODES for mode in ("off", "local", "on", "offline")}
    leaving = {(case, mode) for case, mode in every if modes.leaves_by_hand(case, mode)}
    assert leaving == {(case, "on") for case in modes.MODES} | {("licensing", "offline")}


def test_offline_for_a_case_that_has_no_such_mode_is_off():
    assert set(modes.effective(FOUND, {"event": "offline", "browser": "offline"}, {}).values()) == {"off"}


@given(st.lists(st.tuples(CASES, KINDS), min_size=1, max_size=6))
def test_a_generation_rises_exactly_when_an_effective_mode_changes(steps):
    now, generation = ALL_OFF, 0
    for cases, kinds in steps:
        wanted = modes.effective(FOUND, cases, kinds)
        after, risen = modes.advance(now, cases, wanted, generation)
        changed = {kind for kind in wanted if now.of(kind).mode != wanted[kind]}
        assert risen == generation + bool(changed or now.kinds.keys() - wanted.keys())
        for kind, mode in wanted.items():
            assert after.of(kind) == (Switch(mode, risen) if kind in changed else now.of(kind))
        now, generation = after, risen


@given(st.sampled_from(["off", "local", "on"]), st.integers(0, modes.MAX_GENERATION))
def test_a_word_says_the_switch_and_fits_32_bits(mode, generation):
    word = modes.word(Switch(mode, generation))
    assert 0 <= word < 2**32
    assert modes.from_word(word) == Switch(mode, generation)


def test_the_unused_mode_is_off():
    assert modes.from_word(3).mode == "off"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,9}/[a-z]{1,30}", fullmatch=True), st.sampled_from(["off", "local", "on"]), max_size=40
    )
)
def test_a_mode_file_says_every_switch(kinds):
    packed = modes.pack(Modes({}, {kind: Switch(mode, 5) for kind, mode in kinds.items()}))
    found = {kind: struct.unpack_from("<I", packed, offset)[0] for kind, offset in modes.slots(packed).items()}
    assert {kind: modes.from_word(word).mode for kind, word in found.items()} == kinds


def test_a_stale_or_foreign_mode_file_is_refused():
    packed = bytearray(modes.pack(Modes({}, {"shop/order-placed": Switch("on", 1)})))
    modes.slots(bytes(packed))
    packed[modes.STALE_OFFSET] = 1
    with pytest.raises(ValueError, match="replaced"):
        modes.slots(bytes(packed))
    with pytest.raises(ValueError, match="shorter"):
        modes.slots(b"")


@pytest.mark.parametrize(
    "directory",
    [
        b"",
        b"[]",
        b"{}",
        b'{"kinds": 5}',
        b'{"kinds": {"a/b": "4"}}',
        b'{"kinds": {"a/b": 4.0}}',
        b"\xff",
        b"[" * 90_000,
    ],
)
def test_a_mode_file_with_a_damaged_directory_is_refused_by_one_error(directory):
    damaged = b"DHMODES1" + bytes(4) + len(directory).to_bytes(4, "little") + directory
    with pytest.raises(ValueError):
        modes.slots(damaged + bytes(64))
