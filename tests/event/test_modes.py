"""The switches as the product sees them: off is off, whatever happens to the file."""

import os
import time

import pytest

import event
from audit import modes
from event import _modes
from tests.event import samples
from tests.event.samples import ERROR, KIND, OTHER_KIND


def said(*arguments):
    with samples.product(*arguments) as process:
        text = process.communicate(timeout=60)[0]
    assert process.returncode == 0
    return text.split()


def recorded(folder):
    return [message["kind"] for message in samples.messages_in(folder)]


def until(condition):
    """Wait for what must become true within ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_off_opens_nothing_and_reads_and_writes_nothing(folder):
    samples.set_modes(folder, "off")
    assert said("calls", folder, 1000) == ["0", "0"]
    assert [path.name for path in folder.iterdir()] == ["modes"]


def test_and_the_same_measure_sees_what_on_does(folder):
    opened, calls = map(int, said("calls", folder, 1000))
    assert opened > 0
    assert calls >= 2000


def test_a_kind_that_is_off_is_off_beside_others_that_are_on(folder, start):
    samples.set_modes(folder, "on", **{"shop__order-placed": "off"})
    start()
    event.new(KIND)
    event.new(OTHER_KIND)
    assert recorded(folder) == [OTHER_KIND]


def test_a_switch_acts_at_the_next_call(folder, start):
    start()
    for mode in ("off", "on", "off", "local", "off"):
        samples.write_word(folder, KIND, modes.Switch(mode, 4))
        event.new(KIND)
    assert len(recorded(folder)) == 2


def test_the_unused_mode_is_off(folder, start):
    start()
    with (folder / "modes").open("r+b") as file:
        file.seek(modes.slots(file.read())[KIND])
        file.write((4 << 2 | 3).to_bytes(4, "little"))
    event.new(KIND)
    assert recorded(folder) == []


def test_a_replaced_file_is_mapped_again(folder, start):
    samples.set_modes(folder, "off")
    start()
    event.new(KIND)
    samples.set_modes(folder, "on", generation=9)
    until(lambda: event.new(KIND) or recorded(folder))
    assert {modes.from_word(frame.word).generation for frame in samples.found_in(folder)} == {9}


def test_a_file_that_appears_later_is_found(folder, start):
    (folder / "modes").unlink()
    start()
    event.new(KIND)
    samples.set_modes(folder)
    until(lambda: event.new(KIND) or recorded(folder))


def test_a_replaced_file_counts_even_if_the_old_one_was_never_marked(folder, start):
    """The installation was killed between the rename and the mark: the product sees it within about a second."""
    start()
    event.new(KIND)
    fresh = folder / "modes.new"
    fresh.write_bytes(modes.pack(modes.Modes({"event": "off"}, {KIND: modes.Switch("off", 9)})))
    fresh.rename(folder / "modes")

    def stopped():
        before = len(recorded(folder))
        event.new(KIND)
        return len(recorded(folder)) == before

    until(stopped)


def test_a_file_that_vanishes_means_off(folder, start):
    start()
    event.new(KIND)
    (folder / "modes").unlink()
    until(lambda: not (event.new(KIND) or event.event._collector._modes.switches[KIND][0]))
    count = len(recorded(folder))
    event.new(KIND)
    assert len(recorded(folder)) == count


GOOD = modes.pack(modes.Modes({"event": "on"}, {KIND: modes.Switch("on", 1), ERROR: modes.Switch("on", 1)}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"DHMODES1",
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        b"x" + GOOD[1:],
        GOOD[:8] + b"\x01" + GOOD[9:],
        GOOD[:12] + b"\xff\xff\xff\xff" + GOOD[16:],
        GOOD.replace(b'{"kinds"', b'["kinds"'),
        GOOD.replace(b'"kinds"', b'"Kinds"'),
        b"DHMODES1\0\0\0\0\x0b\0\0\0" + b'{"kinds":7}' + bytes(8),
        b"DHMODES1\0\0\0\0\x02\0\0\0[]" + bytes(8),
    ],
)
def test_a_file_that_cannot_be_read_means_off(folder, start, data):
    (folder / "modes").write_bytes(data)
    start()
    event.new(KIND)
    event.error(ValueError())
    assert recorded(folder) == []
    assert event.counts() == {}


def test_a_link_or_a_pipe_in_place_of_the_file_means_off(folder):
    (folder / "modes").rename(folder / "elsewhere")
    (folder / "modes").symlink_to(folder / "elsewhere")
    assert _modes.ModeFile(folder, [KIND]).switches[KIND][0] == 0
    (folder / "modes").unlink()
    os.mkfifo(folder / "modes")
    assert _modes.ModeFile(folder, [KIND]).switches[KIND][0] == 0


def test_a_kind_that_the_file_does_not_know_is_off(folder):
    (folder / "modes").write_bytes(GOOD)
    switches = _modes.ModeFile(folder, [KIND, OTHER_KIND]).switches
    assert [modes.from_word(switches[kind][0]).mode for kind in (KIND, OTHER_KIND)] == ["on", "off"]
