"""The export: written and read back, verified from the file alone, and every damaged line is found by its number."""

import hashlib
import io
import json
import tracemalloc

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoint, export
from audit.canonical import canonical
from audit.verification import Known
from tests.audit.ledgers import INSTALLATION, KEYS, START, Ledger, whole

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"ledger").digest())
OTHER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"other").digest())
ORIGIN = "st-mary-hospital.example/ledger"
MINE = (ORIGIN, KEY.public_key())


def entries(made):
    """Return leaves with their bodies as a store would bring them."""
    for index, leaf in enumerate(made.leaves):
        members = json.loads(leaf) if leaf.startswith(b"{") else {}
        body = made.bodies.get(members["sha256"]) if members.get("type") in ("sealed", "void") else None
        yield export.Entry(index, leaf, body)


def lines_of(made, key=KEY):
    first = export.start(INSTALLATION, made.frontier.size, ORIGIN, KEY.public_key(), START)
    note = checkpoint.sign(ORIGIN, made.frontier.size, made.frontier.root(), key)
    return list(export.write(first, entries(made), note))


def verify(lines, known=None, key=MINE):
    *found, report = export.verify(io.BytesIO(b"".join(lines)), known or Known(receipts=KEYS), key)
    return found, report


def codes(found):
    return [(finding.index, finding.code) for finding in found]


def test_an_export_of_a_whole_ledger_holds_by_itself():
    made = whole()
    found, report = verify(lines_of(made))
    assert found == []
    assert (report.size, report.root, report.receipts) == (len(made.leaves), made.frontier.root().hex(), 4)
    assert not any("key in this file" in line for line in report.not_proved)


def test_an_export_of_an_empty_ledger_holds():
    assert verify(lines_of(Ledger()))[1].holds


def test_its_lines_can_be_checked_with_nothing_but_json_and_sha256():
    made = whole()
    first, *middle, last = [json.loads(line) for line in lines_of(made)]
    assert first["format"] == "diffgram-ledger-export/1"
    assert first["vkey"] == checkpoint.vkey(*MINE)
    for index, line in enumerate(middle):
        assert line["index"] == index
        assert line["leaf"].encode() == made.leaves[index]
        if "body" in line:
            assert hashlib.sha256(line["body"].encode()).hexdigest() == json.loads(line["leaf"])["sha256"]
    assert sum("body" in line for line in middle) == 6
    assert last["checkpoint"].startswith(f"{ORIGIN}\n{len(middle)}\n")


@pytest.mark.parametrize("number", range(len(lines_of(whole()))))
def test_every_line_is_canonical_json(number):
    line = lines_of(whole())[number]
    assert line == canonical(json.loads(line)) + b"\n"


@given(st.lists(st.tuples(st.binary(max_size=30), st.none() | st.binary(max_size=30)), max_size=8))
def test_any_bytes_come_back_as_they_were(pairs):
    given_entries = [export.Entry(index, leaf, body) for index, (leaf, body) in enumerate(pairs)]
    first = export.start(INSTALLATION, len(pairs), ORIGIN, KEY.public_key(), START)
    stream = io.BytesIO(b"".join(export.write(first, given_entries, "note\n")))
    assert list(export.read(stream)) == [first, *given_entries, "note\n"]


def test_bytes_that_are_no_text_stand_as_base64():
    line = list(
        export.write(
            export.start(INSTALLATION, 1, ORIGIN, KEY.public_key(), START), [export.Entry(0, b"\xff", b"\xfe")], ""
        )
    )[1]
    assert line == b'{"body64":"/g==","index":0,"leaf64":"/w=="}\n'


@pytest.mark.parametrize("number", range(1, len(lines_of(whole()))))
def test_a_line_left_out_is_found(number):
    lines = lines_of(whole())
    assert not verify(lines[:number] + lines[number + 1 :])[1].holds


@pytest.mark.parametrize("number", range(len(lines_of(whole()))))
def test_a_file_that_was_cut_is_found(number):
    lines = lines_of(whole())
    for tail in ([], [lines[number][:-1]], [lines[number][: len(lines[number]) // 2]]):
        found, report = verify(lines[:number] + tail)
        assert "export-cut" in [finding.code for finding in found]
        assert not report.holds


def spoil(number, change):
    lines = lines_of(whole())
    lines[number] = canonical(json.loads(lines[number]) | change) + b"\n"
    return lines


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (spoil(0, {"format": "diffgram-ledger-export/2"}), (None, "export-malformed")),
        (spoil(0, {"more": 1}), (None, "export-malformed")),
        (spoil(0, {"vkey": "x"}), (None, "export-malformed")),
        (spoil(0, {"vkey": checkpoint.vkey(ORIGIN, OTHER.public_key())}), (None, "export-malformed")),
        (spoil(0, {"installation": "f" * 32}), (4, "body-differs")),
        (spoil(0, {"size": 5}), (None, "head-differs")),
        (spoil(0, {"origin": "other.example"}), (None, "head-differs")),
        (spoil(1, {"more": 1}), (None, "export-malformed")),
        (spoil(1, {"index": 1}), (1, "leaf-missing")),
        (spoil(1, {"leaf64": "AA=="}), (None, "export-malformed")),
        (spoil(1, {"leaf": 7}), (None, "export-malformed")),
        (spoil(1, {"body": "a stray body"}), (0, "body-stray")),
        (spoil(5, {"body": "another body"}), (4, "body-changed")),
        (spoil(-1, {"checkpoint": "no note"}), (None, "checkpoint-refused")),
        (lines_of(whole(), OTHER), (None, "checkpoint-refused")),
        ([*lines_of(whole()), b"{}\n"], (None, "export-malformed")),
        ([b"\n", *lines_of(whole())], (None, "export-malformed")),
        ([b""], (None, "export-cut")),
        ([b"\xff\n" * 3], (None, "export-malformed")),
    ],
    ids=range(19),
)
def test_a_spoilt_file_is_found(lines, expected):
    found, report = verify(lines)
    assert expected in codes(found)
    assert not report.holds


def test_what_follows_after_the_checkpoint_is_not_read_as_part_of_the_ledger():
    lines = lines_of(whole())
    for more in (lines[1], lines[-1], lines[0]):
        found, _ = verify([*lines, more])
        assert codes(found) == [(None, "export-malformed")]


def test_a_damaged_line_is_named_by_its_number_and_the_rest_is_still_verified():
    lines = lines_of(whole())
    lines[3] = b"\0\0\0\n"
    found, report = verify(lines)
    assert found[0].message == "line 4: the line is not one of an export"
    assert codes(found)[:2] == [(None, "export-malformed"), (3, "leaf-missing")]
    assert len([finding for finding in found if finding.code == "leaf-missing"]) == 1
    assert not any(finding.code == "checkpoint-differs" for finding in found)
    assert (report.size, report.bodies) == (len(lines) - 3, 6)


def test_without_a_key_from_elsewhere_the_files_own_is_used_and_the_report_says_so():
    found, report = verify(lines_of(whole()), key=None)
    assert (found, report.holds) == ([], True)
    assert any("key in this file" in line for line in report.not_proved)


def test_an_export_signed_by_a_forger_holds_only_by_its_own_key():
    made = whole()
    first = export.start(INSTALLATION, made.frontier.size, ORIGIN, OTHER.public_key(), START)
    note = checkpoint.sign(ORIGIN, made.frontier.size, made.frontier.root(), OTHER)
    forged = list(export.write(first, entries(made), note))
    assert verify(forged, key=None)[1].holds
    found, _ = verify(forged)
    assert codes(found) == [(None, "export-malformed"), (None, "checkpoint-refused")]


def test_a_line_without_end_is_not_read_into_memory():
    class Endless:
        """A file without line feeds, which notes how much is asked of it at once."""

        def __init__(self):
            self.asked = []

        def readline(self, limit, /):
            self.asked.append(limit)
            return b"x" * 100 if len(self.asked) == 1 else b""

    stream = Endless()
    *found, _report = export.verify(stream, Known(), MINE)
    assert "export-cut" in [finding.code for finding in found]
    assert set(stream.asked) == {export.MAX_LINE_BYTES}


def test_memory_stays_bounded_while_a_long_export_is_verified():
    """Only a few lines' worth of the file may be held at any time."""
    made = Ledger()
    for number in range(1, 41):
        made.send(number, count=90)
    lines = lines_of(made)
    size = sum(map(len, lines))

    class Lines:
        """The lines, without a copy of them."""

        def __init__(self):
            self.rest = iter(lines)

        def readline(self, limit, /):
            return next(self.rest, b"")

    tracemalloc.start()
    report = list(export.verify(Lines(), Known(receipts=KEYS), MINE))[-1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.holds
    assert peak < size / 4


def test_what_the_installation_kept_elsewhere_is_compared_too():
    made = whole()
    kept = Known(kept=((3, made.roots[3]),), receipts=KEYS)
    assert verify(lines_of(made), kept)[1].kept == 1
    found, _ = verify(lines_of(made), Known(kept=((3, made.roots[4]),), receipts=KEYS))
    assert codes(found) == [(2, "kept-differs")]


def test_an_export_of_another_installation_is_found():
    found, _ = verify(lines_of(whole()), Known(installation="f" * 32, receipts=KEYS))
    assert codes(found)[0] == (None, "export-malformed")


def test_findings_of_a_file_and_of_the_ledger_add_up():
    found, report = verify(spoil(-1, {"checkpoint": "no note"}))
    assert report.faults == len(found) == 1
