"""Checkpoints against the format's published keys and notes, and against a construction made here from its text."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import checkpoint, cosignature
from audit.errors import SignatureRefused

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"one").digest())
OTHER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"other").digest())
ROOT = hashlib.sha256(b"").digest()
NAME = "st-mary-hospital.example/ledger"


def built(text, name=NAME, key=KEY, kind=b"\x01", dash="\u2014 "):
    """Return a signed note, made from c2sp.org/signed-note without our code."""
    public = key.public_key().public_bytes_raw()
    identity = hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]
    return f"{text}\n{dash}{name} {base64.b64encode(identity + key.sign(text.encode())).decode()}\n"


def lines(*parts):
    return "".join(f"{part}\n" for part in parts)


def stray(note):
    """Return the note with the last base64 letter spelt otherwise: 68 bytes leave two bits of it unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return note[:-3] + alphabet[alphabet.index(note[-3]) ^ 1] + "=\n"


GOOD = lines(NAME, 7, base64.b64encode(ROOT).decode())


def test_a_note_of_gos_sumdb_is_read_by_its_published_key():
    """Key and note of golang.org/x/mod/sumdb/note's documentation: no checkpoint, so only its text is refused."""
    name, public = checkpoint.read_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    note = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBw"
        "JnAM=\n"
    )
    with pytest.raises(SignatureRefused) as no:
        checkpoint.verify(note, name, public)
    assert no.value.code == "checkpoint-malformed"
    with pytest.raises(SignatureRefused) as no:
        checkpoint.verify(note.replace("your problem is", "your problem was"), name, public)
    assert no.value.code == "signature-wrong"
    assert checkpoint.vkey(name, public) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@given(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32))
def test_what_we_sign_is_byte_for_byte_what_the_format_says(size, root):
    note = checkpoint.sign(NAME, size, root, KEY)
    assert note == built(lines(NAME, size, base64.b64encode(root).decode()))
    assert checkpoint.verify(note, NAME, KEY.public_key()) == (NAME, size, root)


def test_the_key_may_have_a_name_of_its_own():
    note = checkpoint.sign(NAME, 7, ROOT, KEY, "key.example")
    assert note == built(GOOD, "key.example")
    assert checkpoint.verify(note, "key.example", KEY.public_key()).origin == NAME
    with pytest.raises(SignatureRefused) as no:
        checkpoint.verify(note, NAME, KEY.public_key())
    assert no.value.code == "key-unknown"


def test_signatures_of_unknown_keys_are_ignored_before_and_after_ours():
    ours, theirs = built(GOOD), built(GOOD, "witness.example", OTHER)
    witness = theirs.removeprefix(GOOD + "\n")
    same_name = built(GOOD, NAME, OTHER).removeprefix(GOOD + "\n")
    identity = checkpoint.key_id(NAME, KEY.public_key())
    same_id = f"\u2014 other.example {base64.b64encode(identity + b'x' * 64).decode()}\n"
    long = f"\u2014 witness.example {base64.b64encode(b'x' * 5000).decode()}\n"
    for note in (
        ours + witness,
        theirs + ours.removeprefix(GOOD + "\n"),
        ours + same_name,
        ours + same_id,
        ours + long,
    ):
        assert checkpoint.verify(note, NAME, KEY.public_key()).size == 7


def test_a_wrong_signature_of_the_known_key_refuses_the_note_even_beside_a_good_one():
    good, wrong = built(GOOD), built(GOOD.replace("7", "8")).split("\n\n")[1]
    for note in (good + wrong, GOOD + "\n" + wrong):
        with pytest.raises(SignatureRefused) as no:
            checkpoint.verify(note, NAME, KEY.public_key())
        assert no.value.code == "signature-wrong"


B64 = base64.b64encode(ROOT).decode()
BROKEN = {
    "nothing": ("", "note-malformed"),
    "no signature": (GOOD, "note-malformed"),
    "an empty line and no signature": (GOOD + "\n", "note-malformed"),
    "the final line feed missing": (built(GOOD)[:-1], "note-malformed"),
    "text after the signatures": (built(GOOD) + "more\n", "note-malformed"),
    "a hyphen for the dash": (built(GOOD, dash="- "), "note-malformed"),
    "a carriage return": (built(GOOD.replace("\n", "\r\n")), "note-malformed"),
    "a null character": (built(GOOD.replace("7", "7\0")), "note-malformed"),
    "a lone surrogate": (built(GOOD).replace("7", "\ud800"), "note-malformed"),
    "a signature that is not base64": (GOOD + f"\n\u2014 {NAME} ???\n", "note-malformed"),
    "a signature of four bytes": (GOOD + f"\n\u2014 {NAME} {base64.b64encode(b'1234').decode()}\n", "note-malformed"),
    "a signature with stray bits": (stray(built(GOOD)), "note-malformed"),
    "a signature by a name with a plus": (
        built(GOOD) + built(GOOD).split("\n\n")[1].replace(".", "+"),
        "note-malformed",
    ),
    "too many signatures": (built(GOOD) + built(GOOD).split("\n\n")[1] * 64, "note-malformed"),
    "a long note": (built(GOOD + "x" * 65_536 + "\n"), "note-malformed"),
    "another key of that name": (built(GOOD, key=OTHER), "key-unknown"),
    "another signature type": (built(GOOD, kind=b"\x04"), "key-unknown"),
    "another name": (built(GOOD, "other.example"), "key-unknown"),
    "a text changed after signing": (built(GOOD).replace("\n7\n", "\n8\n"), "signature-wrong"),
    "an origin changed after signing": ("x" + built(GOOD), "signature-wrong"),
    "two lines": (built(lines(NAME, 7)), "checkpoint-malformed"),
    "an extension line": (built(GOOD + "more\n"), "checkpoint-malformed"),
    "an empty line in the text": (built(lines(NAME, "", B64)), "checkpoint-malformed"),
    "no origin": (built(lines("", 7, B64)), "checkpoint-malformed"),
    "a size with a leading zero": (built(lines(NAME, "07", B64)), "checkpoint-malformed"),
    "a negative size": (built(lines(NAME, -7, B64)), "checkpoint-malformed"),
    "a size in other digits": (built(lines(NAME, "\u0667", B64)), "checkpoint-malformed"),
    "a size beyond 2^53-1": (built(lines(NAME, 2**53, B64)), "checkpoint-malformed"),
    "a short root": (built(lines(NAME, 7, base64.b64encode(ROOT[:31]).decode())), "checkpoint-malformed"),
    "a root with stray bits": (built(lines(NAME, 7, B64[:-2] + "V=")), "note-malformed"),
    "a root in hexadecimal": (built(lines(NAME, 7, ROOT.hex())), "checkpoint-malformed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_note_is_refused_for_its_fault(name):
    note, code = BROKEN[name]
    with pytest.raises(SignatureRefused) as no:
        checkpoint.verify(note, NAME, KEY.public_key())
    assert no.value.code == code


def test_sixteen_signatures_are_accepted_as_the_format_demands():
    note = built(GOOD) + built(GOOD, "witness.example", OTHER).removeprefix(GOOD + "\n") * 15
    assert checkpoint.verify(note, NAME, KEY.public_key()).size == 7


@pytest.mark.parametrize(
    "line", ["", "a+b", "a+00000000+AQ==", "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"]
)
def test_a_broken_verifiers_key_is_refused(line):
    with pytest.raises(SignatureRefused):
        checkpoint.read_vkey(line)


def test_a_verifiers_key_under_another_name_is_refused():
    line = checkpoint.vkey(NAME, KEY.public_key())
    assert checkpoint.read_vkey(line)[0] == NAME
    with pytest.raises(SignatureRefused):
        checkpoint.read_vkey("x" + line)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\u2003b"])
def test_an_origin_that_no_note_can_hold_is_refused(origin):
    with pytest.raises(ValueError, match="no checkpoint can say"):
        checkpoint.sign(origin, 7, ROOT, KEY)


@pytest.mark.parametrize(("size", "root"), [(-1, ROOT), (2**53, ROOT), (7, ROOT[:31])])
def test_an_impossible_size_or_root_is_not_signed(size, root):
    with pytest.raises(ValueError, match="no checkpoint can say"):
        checkpoint.sign(NAME, size, root, KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb"])
def test_a_name_that_no_note_can_hold_is_refused(name):
    for use in (checkpoint.key_id, checkpoint.vkey):
        with pytest.raises(ValueError, match="no space"):
            use(name, KEY.public_key())
    if name:
        with pytest.raises(ValueError, match="no space"):
            checkpoint.sign(NAME, 7, ROOT, KEY, name)


def test_a_verifiers_key_of_another_type_is_refused():
    identity = checkpoint.key_id(NAME, KEY.public_key()).hex()
    raw = b"\x02" + KEY.public_key().public_bytes_raw()
    with pytest.raises(SignatureRefused) as no:
        checkpoint.read_vkey(f"{NAME}+{identity}+{base64.b64encode(raw).decode()}")
    assert no.value.code == "key-malformed"


WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def test_a_cosignature_is_read_with_the_witness_s_key_line():
    note = checkpoint.sign(NAME, 3, ROOT, KEY)
    line = cosignature.cosign(note, "witness.example/w1", WITNESS, datetime(2026, 11, 21, tzinfo=UTC))
    name, public = checkpoint.read_vkey(
        checkpoint.vkey("witness.example/w1", WITNESS.public_key(), cosignature.TYPE), cosignature.TYPE
    )
    assert cosignature.verify(note + line, name, public) == datetime(2026, 11, 21, tzinfo=UTC)
    assert checkpoint.verify(note + line, NAME, KEY.public_key()).size == 3
    assert cosignature.lines_of("— other aGVsbG8=\n" + line, note, name, public) == line


def test_a_cosignature_of_other_text_another_time_or_another_key_is_refused():
    note = checkpoint.sign(NAME, 3, ROOT, KEY)
    other = checkpoint.sign(NAME, 4, ROOT, KEY)
    line = cosignature.cosign(note, "w", WITNESS, datetime(2026, 11, 21, tzinfo=UTC))
    raw = bytearray(base64.b64decode(line.split(" ")[2]))
    raw[11] ^= 1  # one second earlier or later
    later = f"\u2014 w {base64.b64encode(raw).decode()}\n"
    for spoilt in (other + line, note + later):
        with pytest.raises(SignatureRefused):
            cosignature.verify(spoilt, "w", WITNESS.public_key())
    with pytest.raises(SignatureRefused) as error:
        cosignature.verify(note, "w", WITNESS.public_key())
    assert error.value.code == "key-unknown"
    with pytest.raises(SignatureRefused):
        cosignature.lines_of("", note, "w", WITNESS.public_key())
    with pytest.raises(SignatureRefused):
        cosignature.lines_of("\n" + line, note, "w", WITNESS.public_key())


def test_several_checkpoints_are_read_from_a_file_and_from_a_log():
    notes = [checkpoint.sign(NAME, size, ROOT, KEY) for size in (1, 2, 3)]
    assert checkpoint.notes("\n".join(notes)) == notes
    assert checkpoint.notes("".join(notes)) == notes
    lines = [f"Nov 21 14:00:00 host home[1]: {json.dumps({'checkpoint': note})}\n" for note in notes]
    assert checkpoint.notes("other line\n" + "".join(lines)) == notes
    assert checkpoint.notes("no note") == ["no note"]
