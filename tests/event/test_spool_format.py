"""The spool record (docs/formats/spool-record.md): golden files, and what arbitrary corruption can do to it."""

import json
import tempfile
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event import spool

GOLDEN = Path(__file__).parent / "golden"


def described(item):
    if isinstance(item, spool.Damage):
        return {"damage": [item.start, item.end], "reason": item.reason}
    return {"frame": [item.start, item.end], "word": item.word, "message": item.message}


def record(payload):
    return b"\x1e%08x %b\n" % (zlib.crc32(payload), payload)


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_each_golden_file_is_read_as_it_says(name):
    told = json.loads((GOLDEN / f"{name}.json").read_text())
    data = (GOLDEN / f"{name}.spool").read_bytes()
    assert [described(item) for item in spool.frames(data, told["final"])] == told["expect"]


def test_there_is_a_golden_file_for_every_kind_of_damage():
    told = [json.loads(path.read_text()) for path in GOLDEN.glob("*.json")]
    reasons = {item["reason"] for t in told for item in t["expect"] if "reason" in item}
    assert reasons == {"torn", "checksum", "malformed", "noise"}


MESSAGES = st.builds(
    lambda word, fields: (word, {"kind": "shop/order-placed", **fields}),
    st.integers(0, 2**32 - 1),
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.booleans()
    ),
)
BATCHES = st.lists(MESSAGES, min_size=1, max_size=6)


@given(BATCHES, st.booleans())
def test_what_is_written_is_read(messages, final):
    payloads = [msgspec.json.encode(m) for m in messages]
    found = list(spool.frames(b"".join(map(record, payloads)), final))
    assert [(f.word, f.message) for f in found] == messages
    assert [f.payload for f in found] == payloads


@given(BATCHES, st.data())
def test_a_record_that_was_not_touched_survives_any_corruption_of_the_others(messages, data):
    records = [record(msgspec.json.encode(m)) for m in messages]
    touched = data.draw(st.sets(st.integers(0, len(records) - 1)))
    parts, expected, position = [], [], 0
    for number, (raw, message) in enumerate(zip(records, messages, strict=True)):
        part = data.draw(st.binary(max_size=60) | corrupted(raw)) if number in touched else raw
        if number not in touched:
            expected.append((position, position + len(raw), message))
        parts.append(part)
        position += len(part)
    whole = b"".join(parts)
    found = list(spool.frames(whole, True))
    frames = [(f.start, f.end, (f.word, f.message)) for f in found if isinstance(f, spool.Frame)]
    assert [f for f in expected if f not in frames] == []
    assert tiles(found) == len(whole)


def corrupted(raw):
    """Return strategies for what disks and kills do: cut, flip, overwrite, repeat."""
    cut = st.integers(0, len(raw)).map(lambda n: raw[:n])
    flip = st.tuples(st.integers(0, len(raw) - 1), st.integers(1, 255)).map(
        lambda at: raw[: at[0]] + bytes([raw[at[0]] ^ at[1]]) + raw[at[0] + 1 :]
    )
    return cut | flip | st.integers(0, len(raw)).map(lambda n: raw[n:]) | st.just(raw[: len(raw) // 2] + raw)


def tiles(found):
    """Return where the last item ends, having seen that each begins where the one before it ended."""
    position = 0
    for item in found:
        assert item.start == position
        assert item.end > item.start
        position = item.end
    return position


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_accounted_for(data):
    assert tiles(list(spool.frames(data, True))) == len(data)


@given(BATCHES, st.integers(0, 10**6))
def test_reading_in_two_goes_is_reading_in_one(messages, cut):
    whole = b"".join(record(msgspec.json.encode(m)) for m in messages)
    cut %= len(whole) + 1
    first = list(spool.frames(whole[:cut], False))
    position = tiles(first)
    rest = list(spool.frames(whole[position:], False))
    assert [(f.word, f.message) for f in first + rest] == messages


def test_counts_are_read_as_docs_say(tmp_path):
    slots = bytearray(256 * 128)
    for slot, count, text in (
        (0, 3, b"undeclared-kind||"),
        (10, 7, b"wrong-type|shop/order-placed|gift"),
        (11, 0, b"x|y|z"),
        (12, 2**53, b"internal||damaged"),
        (13, 1, b"internal|\0|damaged"),
    ):
        slots[slot * 128 : slot * 128 + 9 + len(text)] = count.to_bytes(8, "little") + bytes([len(text)]) + text
    (tmp_path / "1-00000000-1.spool").write_bytes(b"")
    (tmp_path / "1-00000000-1.counts").write_bytes(slots)
    assert spool.counts(tmp_path) == {
        "1-00000000-1": {
            spool.Dropped("undeclared-kind", "", ""): 3,
            spool.Dropped("wrong-type", "shop/order-placed", "gift"): 7,
        }
    }


@given(st.binary(max_size=600))
def test_counts_that_are_damaged_are_read_without_an_error(data):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "1-00000000-1.counts").write_bytes(data)
        assert all(count > 0 for count in spool.counts_of(Path(folder) / "1-00000000-1.spool").values())
