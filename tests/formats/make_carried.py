"""Golden files of what is carried by hand, for make_golden; each broken one is a good one with one thing planted."""

import io
import json
import zipfile
from binascii import crc32
from pathlib import Path

from audit import carried, container, deletion, signed
from audit.canonical import canonical, sha256_hex
from audit.container import Entry

_INSTALLATION = "3f2a9c41d7e84b06a5b1c0ffee123456"


def make(
    folder: Path,
    put,
    key,
    batch: bytes,
    void: bytes,
    certificate: str,
    manifest: bytes,
    csr: str,
    token: str,
    asked: bytes,
):
    """Write all of them; `put` writes a golden file with its expectation, `key` gives a key for a word.

    `asked` is a request for deletion.
    """
    ours, corporate = key("installation of st mary"), key("receipts of corporate")
    folder.mkdir(parents=True)
    for name, one in (("installation", ours), ("corporate", corporate)):
        (folder / f"{name}.jwks").write_text(json.dumps({"keys": [signed.to_jwk(one.public_key())]}) + "\n")

    def batch_of(sequence, body, signer=ours):
        return carried.Batch("event", sequence, body, signed.sign(body, signer, signed.BATCH, detached=True))

    out = carried.Out(_INSTALLATION, (batch_of(7, batch), batch_of(8, void)), certificate)
    good = carried.write_out(out, ours)
    put("carried/two-batches.out.zip", good, "a batch and a void", accepted=True)
    request = carried.Asked(deletion.KIND, asked, signed.sign(asked, ours, signed.REQUEST, detached=True))
    both = carried.write_out(carried.Out(_INSTALLATION, (batch_of(7, batch),), certificate, None, (request,)), ours)
    put("carried/batch-and-request.out.zip", both, "a batch, and a request to delete", accepted=True)
    alone = carried.write_out(carried.Out(_INSTALLATION, requests=(request,)), ours)
    put("carried/request.out.zip", alone, "a request alone, without certificate", accepted=True)
    edited = _again(
        both,
        lambda e: (
            Entry(e.name, e.data.replace(b'"scope":"case"', b'"scope":"all"')) if e.name == "request-1.ndjson" else e
        ),
    )
    put("carried/request-edited.out.zip", edited, "a request for more", accepted=False, code="list-differs")
    other = _relist(alone, canonical(_list(alone) | {"requests": [_list(alone)["requests"][0] | {"kind": "x"}]}), ours)
    put("carried/request-no-kind.out.zip", other, "a kind that is none", accepted=False, code="list-malformed")
    enrolment = carried.Out(_INSTALLATION, enrolment=carried.Request(token, csr))
    put("carried/enrolment.out.zip", carried.write_out(enrolment, ours), "a request for enrolment", accepted=True)
    for name, data, brief, code in (*_spoilt(good), *_relisted(good, out, ours, key("somebody else"))):
        put(f"carried/{name}.out.zip", data, brief, accepted=False, code=code)

    refusal = {"code": "unknown-catalogue", "hint": "the vendor adds it", "message": "not known here", "retry": True}
    answers = carried.In(
        _INSTALLATION,
        sha256_hex(good),
        manifest,
        (
            carried.Answer("event", 7, sha256_hex(batch), 200, {"receipt": "a.b.c"}),
            carried.Answer("event", 8, sha256_hex(void), 404, refusal),
        ),
    )
    put("carried/answers.in.zip", carried.write_in(answers, corporate), "a receipt and a refusal", accepted=True)
    document = carried.Document(deletion.KIND, sha256_hex(asked), 200, {"document": "a.b.c"})
    told = carried.In(_INSTALLATION, sha256_hex(both), manifest, answers.answers[:1], None, (document,), b'{"first":0}')
    more = carried.write_in(told, corporate)
    put("carried/document.in.zip", more, "a receipt, a document, and the published list", accepted=True)
    entries = container.read(more)
    put(
        "carried/list-dropped.in.zip",
        container.write(entries[:-1]),
        "without the published list that it names",
        accepted=False,
        code="list-differs",
    )
    swapped = _again(more, lambda e: Entry(e.name, b'{"first":1}') if e.name == "catalogues.json" else e)
    put("carried/list-changed.in.zip", swapped, "another published list", accepted=False, code="list-differs")
    forged = carried.write_in(answers, key("somebody else"))
    put("carried/forged.in.zip", forged, "signed by somebody else", accepted=False, code="key-unknown")
    whole = carried.write_in(answers, corporate)
    changed = _again(whole, lambda e: Entry(e.name, e.data.replace(b"404", b"200", 1)) if e.name == "list.json" else e)
    put("carried/changed.in.zip", changed, "a refusal made an acceptance", accepted=False, code="signature-wrong")
    put("carried/out-for-in.in.zip", good, "batches where answers belong", accepted=False, code="list-differs")


def _spoilt(good: bytes):
    """The container itself: what is not the one form of these entries."""
    entries = container.read(good)
    yield "cut", good[:-40], "cut before its end", "file-cut"
    yield "cut-early", good[: len(good) // 2], "only the first half", "file-cut"
    yield "empty", b"", "nothing at all", "file-malformed"
    yield "trailing", good + b"Rose Price", "bytes behind the end", "file-malformed"
    yield "leading", b"Rose Price" + good, "bytes before the beginning", "file-malformed"
    yield "comment", good[:-2] + b"\x04\x00Rose", "a comment of the archive", "file-malformed"
    yield (
        "packed-again",
        _packed(entries, zipfile.ZIP_STORED),
        "unpacked, and packed again with times",
        "file-malformed",
    )
    bomb = [*entries[:-1], Entry(entries[-1].name, b"\n" * 20_000_000)]
    yield "bomb", _packed(bomb, zipfile.ZIP_DEFLATED), "an entry that would grow to 20 MB", "file-malformed"
    second = good.replace(b"list.json", b"lisT.json", 1)
    yield "two-names", second, "an entry has another name in the directory than before its bytes", "file-malformed"
    checksum = crc32(entries[0].data).to_bytes(4, "little")
    yield "checksum", good.replace(checksum, b"\0\0\0\0", 1), "a checksum that does not fit", "file-malformed"


def _relisted(good: bytes, out, ours, other):
    """Files in good form that do not hold what their list says, or whose list is not theirs."""
    entries = container.read(good)
    yield (
        "changed",
        _again(good, lambda e: Entry(e.name, e.data.replace(b":7,", b":8,")) if e.name == "event-7.ndjson" else e),
        "one digit of a batch was changed",
        "list-differs",
    )
    yield "dropped", container.write(entries[:-2]), "the last batch was taken out", "list-differs"
    moved = (*entries[:3], *entries[5:7], *entries[3:5])
    yield "reordered", container.write(moved), "two batches changed places", "list-differs"
    yield "added", container.write((*entries, Entry("rose.txt", b"Rose"))), "an entry more", "list-differs"
    yield "no-list", container.write(entries[2:]), "the list is missing", "list-malformed"
    yield "spaces", _relist(good, json.dumps(_list(good)).encode(), ours), "a list with spaces", "list-malformed"
    for name, brief, change in (
        ("later-format", "a later format", {"format": "diffgram-carried-out/2"}),
        ("more", "a member more", {"host": "rose-ward-3"}),
        ("nothing", "neither batches nor a request", {"batches": []}),
    ):
        yield name, _relist(good, canonical(_list(good) | change), ours), brief, "list-malformed"
    fewer = _list(good) | {"batches": _list(good)["batches"][:1]}
    yield "list-shorter", _relist(good, canonical(fewer), ours), "a batch that the list does not name", "list-differs"
    yield "forged", carried.write_out(out, other), "the list is signed by somebody else", "key-unknown"
    turned = carried.write_out(carried.Out(out.installation, out.batches[::-1], out.certificate), ours)
    one, two = container.read(good)[1], container.read(turned)[1]
    swapped = _again(turned, lambda e: Entry(e.name, one.data) if e.data == two.data else e)
    yield "other-signature", swapped, "the signature of another list", "signature-wrong"
    typ = signed.sign(entries[0].data, ours, signed.BATCH, detached=True).encode()
    as_batch = _again(good, lambda e: Entry(e.name, typ) if e.name == "list.jws" else e)
    yield "batch-typ", as_batch, "signed for another purpose", "type-refused"


def _list(data):
    return json.loads(container.read(data)[0].data)


def _relist(data, listed, signer):
    token = signed.sign(listed, signer, signed.CARRIED_OUT, detached=True).encode()
    return container.write((Entry("list.json", listed), Entry("list.jws", token), *container.read(data)[2:]))


def _again(data, change):
    return container.write(map(change, container.read(data)))


def _packed(entries, method):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as file:
        for entry in entries:
            info = zipfile.ZipInfo(entry.name, (2026, 11, 21, 14, 1, 4))
            info.compress_type = method
            file.writestr(info, entry.data)
    return written.getvalue()
