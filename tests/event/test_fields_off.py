"""A field that is switched off is not even reduced (acceptance check 10); the rest of its message is collected."""

import pytest

import event
from audit import modes
from tests.event import samples
from tests.event.samples import ERROR, KIND, OTHER_KIND

PAGE, LOG = "shop.size_bytes", "home.error_log"


class Loud:
    """A value that says when anything of it is asked: its type is all that a reducer may look at."""


def messages(folder):
    return [{key: value for key, value in m.items() if key != "at"} for m in samples.messages_in(folder)]


def test_a_value_of_a_field_that_is_off_is_neither_kept_nor_looked_at(folder, start):
    samples.set_modes(folder, fields_off=[PAGE])
    start()
    event.new(KIND, size_bytes=Loud(), order_id=7)
    event.new(KIND, size_bytes=12, order_id=8)
    assert messages(folder) == [{"kind": KIND, "order_id": 7}, {"kind": KIND, "order_id": 8}]
    assert event.counts() == {}, "no reducer saw the wrong value, and nothing was dropped with a reason"


def test_and_the_same_measure_sees_a_reducer_that_runs(folder, start):
    start()
    event.new(KIND, size_bytes=Loud(), order_id=7)
    assert event.counts() == {f"wrong-type|{KIND}|size_bytes": 1}


def test_an_exception_whose_log_is_off_is_not_read(folder, start):
    samples.set_modes(folder, fields_off=[LOG])
    start()
    try:
        raise ValueError(4711)
    except ValueError as fault:
        event.error(fault, member_id=7)
    assert messages(folder) == [{"kind": ERROR, "member_id": 7}]


def test_a_switch_of_a_field_acts_on_a_product_that_runs(folder, start):
    start()
    event.new(KIND, size_bytes=1, order_id=1)
    samples.set_modes(folder, fields_off=[PAGE])
    event.new(KIND, size_bytes=2, order_id=2)
    samples.set_modes(folder)
    event.new(KIND, size_bytes=3, order_id=3)
    assert messages(folder) == [
        {"kind": KIND, "size_bytes": 1, "order_id": 1},
        {"kind": KIND, "order_id": 2},
        {"kind": KIND, "size_bytes": 3, "order_id": 3},
    ]


def test_the_first_message_after_the_switch_lacks_the_field_already(folder, start):
    start()
    samples.set_modes(folder, fields_off=[PAGE])
    event.new(KIND, size_bytes=2, order_id=2)
    assert messages(folder) == [{"kind": KIND, "order_id": 2}]


def test_a_product_can_ask_before_a_costly_query(folder, start):
    assert not event.collects(KIND), "nothing is collected before the start"
    samples.set_modes(folder, fields_off=[PAGE], **{"shop__order-sent": "off"})
    start()
    asked = [event.collects(KIND), event.collects(KIND, "order_id"), event.collects(KIND, "at")]
    assert asked == [True, True, True]
    for words in ((KIND, "size_bytes"), (KIND, "nothing"), ("shop/nothing",), (OTHER_KIND,), (OTHER_KIND, "at")):
        assert not event.collects(*words), words
    assert not event.collects([], {})
    assert not event.collects(KIND, [])
    assert messages(folder) == []


def test_a_call_that_is_wrong_as_written_is_still_told_in_development(folder, start):
    samples.set_modes(folder, fields_off=[PAGE])
    start(strict=True)
    with pytest.raises(event.EventError):
        event.new(KIND, size_bytes="many")


def test_the_mode_file_of_a_release_that_knows_no_fields_is_read_as_none_off():
    switches = modes.Modes({"event": "on"}, {KIND: modes.Switch("on", 1)})
    assert modes.fields_off(modes.pack(switches)) == frozenset()
    packed = modes.pack(switches, [PAGE, LOG])
    assert modes.fields_off(packed) == {PAGE, LOG}
    assert modes.slots(packed).keys() == {KIND}


@pytest.mark.parametrize("off", ["7", '{"a":1}', "[7]", "null"])
def test_a_mode_file_whose_fields_are_no_names_is_no_mode_file(folder, start, off):
    directory = f'{{"kinds":{{}},"off":{off}}}'.encode()
    damaged = modes.MAGIC + bytes(4) + len(directory).to_bytes(4, "little") + directory
    with pytest.raises(ValueError, match="no list of names"):
        modes.fields_off(damaged)
    (folder / "modes").write_bytes(damaged)
    start()
    event.new(KIND, order_id=1)
    assert messages(folder) == []
