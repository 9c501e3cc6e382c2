"""Files carried by hand: one form, opened by others' tools, and nothing in them that the signed list does not name."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from audit import carried, container, signed
from audit.container import Entry
from audit.errors import CarriedRefused
from tests.audit import samples

KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"installation").digest())
KEYS = signed.ring(KEY.public_key())
NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,4})?\.[a-z0-9]{1,6}", fullmatch=True)
ENTRIES = st.lists(st.builds(Entry, NAMES, st.binary(max_size=60)), min_size=1, max_size=6, unique_by=lambda e: e.name)


def batch(sequence, body=b"one\n"):
    return carried.Batch("event", sequence, body, signed.sign(body, KEY, signed.BATCH, detached=True))


def out(*batches):
    return carried.Out(samples.INSTALLATION, batches)


@given(ENTRIES)
def test_what_is_written_is_read_back(entries):
    assert container.read(container.write(entries)) == tuple(entries)


@given(ENTRIES, st.data())
def test_no_other_bytes_are_a_file_with_these_entries(entries, data):
    """A byte is changed, taken out or put in anywhere: refused, or other entries; never the same ones spelt anew."""
    good = container.write(entries)
    at = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    for other in (good[:at] + byte + good[at + 1 :], good[:at] + good[at + 1 :], good[:at] + byte + good[at:]):
        if other == good:
            continue
        assert read(other) != tuple(entries)


def read(data):
    """The entries, or None if the file is refused."""
    try:
        return container.read(data)
    except CarriedRefused:
        return None


@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    with pytest.raises(CarriedRefused):
        container.read(b"PK\x03\x04" + noise)


@pytest.mark.parametrize(
    "name",
    ["../etc.txt", "/a.txt", "a/b.txt", "a\\b.txt", "A.txt", ".a", "a", "a b.txt", "", "a.txt\n", "x" * 99 + ".t"],
)
def test_a_name_that_could_lead_elsewhere_is_no_name(name):
    with pytest.raises(ValueError, match="cannot be the name"):
        container.write([Entry(name, b"")])


def test_a_name_twice_and_too_many_entries_are_refused():
    with pytest.raises(ValueError, match="cannot be the name"):
        container.write([Entry("a.txt", b"1"), Entry("a.txt", b"2")])
    with pytest.raises(ValueError, match="at most 1000"):
        container.write(Entry(f"{n}.txt", b"") for n in range(1001))


def test_the_bound_of_a_file_is_the_bound():
    room = container.MAX_BYTES - len(container.write([Entry("a.txt", b"")]))
    whole = container.write([Entry("a.txt", bytes(room))])
    assert len(whole) == container.MAX_BYTES
    assert len(container.read(whole)[0].data) == room
    with pytest.raises(ValueError, match="at most"):
        container.write([Entry("a.txt", bytes(room + 1))])
    with pytest.raises(CarriedRefused) as no:
        container.read(whole + b"\0")
    assert no.value.code == "file-too-large"


def test_the_same_batches_are_the_same_bytes():
    assert carried.write_out(out(batch(1), batch(2)), KEY) == carried.write_out(out(batch(1), batch(2)), KEY)


def test_what_is_carried_out_is_read_back():
    given_out = out(batch(1), batch(2, b"two\n"))
    assert carried.read_out(carried.write_out(given_out, KEY), lambda _: KEYS) == given_out


def test_more_batches_than_a_list_may_name_are_not_written():
    with pytest.raises(ValueError, match="not too many"):
        carried.write_out(out(*map(batch, range(1, carried.MAX_BATCHES + 2))), KEY)


def test_room_is_left_for_list_signatures_and_certificate():
    sizes = [carried.ROOM_BYTES // carried.MAX_BATCHES] * carried.MAX_BATCHES
    batches = tuple(batch(10**15 + n, bytes(size)) for n, size in enumerate(sizes))
    data = carried.write_out(carried.Out(samples.INSTALLATION, batches, "c" * 65_536), KEY)
    assert carried.ROOM_BYTES < len(data) <= container.MAX_BYTES


def test_a_file_of_answers_over_its_bound_is_refused_unread():
    with pytest.raises(CarriedRefused) as no:
        carried.read_in(bytes(carried.MAX_IN_BYTES + 1), lambda _: KEYS)
    assert no.value.code == "file-too-large"


def test_public_tools_open_a_file_and_check_what_it_says(tmp_path):
    """The commands of docs/formats/carried.md: unzip, sha256sum, openssl."""
    body = b'{"format":"diffgram-home-batch/1"}\n'
    (tmp_path / "out.zip").write_bytes(carried.write_out(out(batch(7, body)), KEY))
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    document = (Path(__file__).parents[2] / "docs/formats/carried.md").read_text()
    commands = [line.strip() for line in document.splitlines() if line.startswith("    ") and "x509" not in line]
    assert len(commands) == 3
    script = "\n".join(("set -e", "unzip -q out.zip", "sha256sum event-7.ndjson", *commands))
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Signature Verified Successfully" in done.stdout, done
    assert done.stdout.startswith(hashlib.sha256(body).hexdigest())
    changed = script.replace("unzip -q out.zip\n", "unzip -oq out.zip; echo >> event-7.ndjson\n")
    assert subprocess.run(["sh", "-c", changed], cwd=tmp_path, capture_output=True, check=False).returncode != 0
