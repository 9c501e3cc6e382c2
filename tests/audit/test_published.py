"""The published list: what is taken, what is refused, and what proves that two customers were shown different lists."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import checkpoint, published, signed
from audit.errors import SignatureRefused
from audit.published import Entry

ROOT = "sha256:" + "5" * 64
KEY = Ed25519PrivateKey.generate()
KEYS = signed.ring(KEY.public_key())


def entry(number: int, release: str = "annotator") -> bytes:
    return published.leaf(
        Entry(at="2026-11-21T14:01:05Z", catalogue=f"{number:064x}", release=f"{release} {number}.0.0")
    )


THREE = [entry(1), entry(2), entry(3)]


def note(leaves: list[bytes], key: Ed25519PrivateKey = KEY, root: str = ROOT) -> str:
    return published.sign(leaves, root, key)


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_a_list_that_only_grew_is_taken_from_any_point(known: int):
    published.grown(THREE[:known], THREE[known:], published.read(note(THREE), ROOT, KEYS))


@pytest.mark.parametrize(
    ("known", "fresh", "signed_over", "code"),
    [
        (THREE, [], THREE[:2], "list-shorter"),
        (THREE[:2], [], THREE, "list-malformed"),
        ([entry(9), entry(2)], [entry(3)], THREE, "list-forked"),
        (THREE[:2], [entry(3, "other")], THREE, "list-forked"),
        ([entry(2), entry(1)], [entry(3)], THREE, "list-forked"),
        (THREE, [], [entry(1), entry(2), entry(4)], "list-forked"),
    ],
    ids=["shorter", "too few", "changed", "other than signed", "reordered", "same length, other end"],
)
def test_a_list_that_is_not_the_one_known_is_refused(
    known: list[bytes], fresh: list[bytes], signed_over: list[bytes], code: str
):
    with pytest.raises(SignatureRefused) as refused:
        published.grown(known, fresh, published.read(note(signed_over), ROOT, KEYS))
    assert refused.value.code == code


def test_a_note_of_another_key_or_another_corporate_is_refused():
    for made, code in (
        (note(THREE, Ed25519PrivateKey.generate()), "key-unknown"),
        (note(THREE, root="sha256:" + "6" * 64), "list-elsewhere"),
        (checkpoint.sign("catalogues.elsewhere", 1, b"\0" * 32, KEY, published.origin(ROOT)), "list-elsewhere"),
        (note(THREE).replace("\n3\n", "\n4\n"), "signature-wrong"),
        ("no note", "note-malformed"),
    ):
        with pytest.raises(SignatureRefused) as refused:
            published.read(made, ROOT, KEYS)
        assert refused.value.code == code, made


@pytest.mark.parametrize(
    ("theirs", "verdict"),
    [
        (THREE, "same"),
        (THREE[:2], "behind"),
        ([], "behind"),
        ([*THREE, entry(4)], "ahead"),
        ([entry(1), entry(7)], "fork"),
        ([entry(1), entry(2), entry(7)], "fork"),
    ],
)
def test_two_customers_find_out_whether_they_were_shown_one_list(theirs: list[bytes], verdict: str):
    assert published.compare(THREE, published.read(note(theirs), ROOT, KEYS)).verdict == verdict


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        THREE[0].replace(b'"release"', b'"Release"'),
        THREE[0][:-1] + b',"extra":1}',
        THREE[0].replace(b":", b": ", 1),
        THREE[0].replace(b"annotator", b"ann\\u0000"),
        THREE[0].replace(b"/1", b"/2"),
    ],
)
def test_what_is_no_entry_is_refused(data: bytes):
    with pytest.raises(SignatureRefused) as refused:
        published.parse(data)
    assert refused.value.code == "list-malformed"


def test_an_entry_is_read_back_and_a_note_says_of_what_it_is():
    assert published.leaf(published.parse(THREE[0])) == THREE[0]
    assert published.is_of_list(note(THREE))
    assert not published.is_of_list(checkpoint.sign("diffgram-home/" + "1" * 32, 1, b"\0" * 32, KEY))
