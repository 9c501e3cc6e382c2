"""What a file carried by hand says: batches and requests on their way out, or corporate's answers on their way in, with
one signed list of all of it (docs/formats/carried.md).

The file's own form is `audit.container`'s. Whether something may leave is the gate's, whether corporate takes it is
ingest's and requests', and which keys are to be trusted the caller's: `read_out` and `read_in` ask for them once the
list has said whose it is.

Rules:
  - The list names every other entry with its hash, in order, and is signed: nothing can be dropped, added, changed or
    moved. Each batch and request has its own detached signature besides, the same as over a connection.
  - The list says nothing that its entries do not say themselves; there is no time in it, no name and no path. The same
    batches under the same certificate are the same file, to the byte.
  - Answers are word for word what corporate would answer over a connection, so one function judges both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import container, signed
from audit._listing import (
    IN,
    MAX_BATCH_BYTES,
    MAX_BATCHES,
    MAX_IN_BYTES,
    MAX_REQUESTS,
    MAX_TEXT,
    OUT,
    ROOM_BYTES,
    in_members,
    out_members,
)
from audit.canonical import canonical, read_canonical, sha256_hex
from audit.container import Entry
from audit.errors import CarriedRefused, SignatureRefused

__all__ = [
    "IN",
    "MAX_BATCHES",
    "MAX_BATCH_BYTES",
    "MAX_IN_BYTES",
    "MAX_REQUESTS",
    "OUT",
    "ROOM_BYTES",
    "Answer",
    "Asked",
    "Batch",
    "Document",
    "In",
    "Keys",
    "Out",
    "Request",
    "read_in",
    "read_out",
    "write_in",
    "write_out",
]
_LIST, _SIGNATURE, _CERTIFICATE, _MANIFEST = "list.json", "list.jws", "certificate.pem", "manifest.json"
_CATALOGUES = "catalogues.json"

Keys = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch in a file: its exact bytes, and their detached JWS."""

    case: str
    sequence: int
    body: bytes
    signature: str

    @property
    def name(self) -> str:
        """What its entries are called, without their endings."""
        return f"{self.case}-{self.sequence}"


@dataclass(frozen=True, slots=True)
class Request:
    """A request for enrolment: the token as handed over, and a signing request in PEM."""

    token: str
    csr: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of corporate (docs/formats/request.md): its kind, its exact bytes, and their detached JWS."""

    kind: str
    body: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Out:
    """What an installation carries out: batches and requests, or a request for enrolment. `certificate` is its own."""

    installation: str
    batches: tuple[Batch, ...] = ()
    certificate: str | None = None
    enrolment: Request | None = None
    requests: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Corporate's answer to one batch: the HTTP status and the JSON object that it would answer with."""

    case: str
    sequence: int
    sha256: str
    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """Corporate's answer to one request: the HTTP status and the JSON object, with the signed document in it."""

    kind: str
    sha256: str
    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class In:
    """What corporate gives back for the file `file` (its SHA-256); `manifest` is served with it, as over a connection.

    `enrolment` is status and JSON of the answer to a request for enrolment. `catalogues` is the end of the published
    list, as its path would give it, with the position of its first entry.
    """

    installation: str
    file: str
    manifest: bytes
    answers: tuple[Answer, ...] = ()
    enrolment: tuple[int, Mapping[str, Any]] | None = None
    requests: tuple[Document, ...] = ()
    catalogues: bytes | None = None


def write_out(out: Out, key: Ed25519PrivateKey) -> bytes:
    """Return the file, its list signed by the installation's key. Raises ValueError for what none can say."""
    listed = canonical(_out_list(out))
    out_members(read_canonical(listed))
    token = signed.sign(listed, key, signed.CARRIED_OUT, detached=True)
    return container.write((Entry(_LIST, listed), Entry(_SIGNATURE, token.encode()), *_out_entries(out)))


def read_out(data: bytes, keys: Callable[[Out], Keys]) -> Out:
    """Return what an installation carried out, whole and signed by one of `keys`.

    `keys` is called with what the file claims, to look up whose key that is. Raises CarriedRefused, SignatureRefused,
    and whatever `keys` raises.
    """
    entries = container.read(data)
    listed, token = _listed(entries)
    out = _out_of(listed, {entry.name: entry.data for entry in entries})
    if tuple(entries[2:]) != tuple(_out_entries(out)) or _out_list(out) != listed:
        raise _differs()
    _verify(token, keys(out), signed.CARRIED_OUT, entries[0].data)
    return out


def write_in(answers: In, key: Ed25519PrivateKey) -> bytes:
    """Return the file, its list signed by corporate's key for receipts. Raises ValueError for what cannot be said."""
    listed = canonical(_in_list(answers))
    token = signed.sign(listed, key, signed.CARRIED_IN, detached=True)
    whole = container.write((Entry(_LIST, listed), Entry(_SIGNATURE, token.encode()), *_in_entries(answers)))
    if len(whole) > MAX_IN_BYTES:
        raise ValueError(f"a file of answers has at most {MAX_IN_BYTES} bytes")
    return whole


def read_in(data: bytes, keys: Callable[[In], Keys]) -> In:
    """Return corporate's answers, whole and signed by one of `keys`.

    `keys` is called with what the file claims, the manifest unchecked. Raises CarriedRefused, SignatureRefused, and
    whatever `keys` raises.
    """
    if len(data) > MAX_IN_BYTES:
        raise CarriedRefused("file-too-large", f"a file of answers has at most {MAX_IN_BYTES} bytes", _TAKE_THE_FILE)
    entries = container.read(data)
    listed, token = _listed(entries)
    if [entry.name for entry in entries[2:3]] != [_MANIFEST]:
        raise _differs()
    answers = _in_of(listed, {entry.name: entry.data for entry in entries})
    if tuple(entries[2:]) != tuple(_in_entries(answers)) or _in_list(answers) != listed:
        raise _differs()
    _verify(token, keys(answers), signed.CARRIED_IN, entries[0].data)
    return answers


def _out_list(out: Out) -> dict[str, Any]:
    request = out.enrolment
    return {
        "batches": [
            {"case": b.case, "sequence": b.sequence, "sha256": sha256_hex(b.body), "size_bytes": len(b.body)}
            for b in out.batches
        ],
        "certificate": None if out.certificate is None else sha256_hex(out.certificate.encode()),
        "enrolment": None if request is None else {"csr": request.csr, "token": request.token},
        "format": OUT,
        "installation": out.installation,
        "requests": [{"kind": r.kind, "sha256": sha256_hex(r.body), "size_bytes": len(r.body)} for r in out.requests],
    }


def _out_entries(out: Out) -> list[Entry]:
    certificate = [] if out.certificate is None else [Entry(_CERTIFICATE, out.certificate.encode())]
    batches = [entry for batch in out.batches for entry in _pair(batch.name, batch.body, batch.signature)]
    asked = enumerate(out.requests, start=1)
    return certificate + batches + [entry for n, r in asked for entry in _pair(f"request-{n}", r.body, r.signature)]


def _pair(name: str, body: bytes, signature: str) -> tuple[Entry, Entry]:
    return Entry(f"{name}.ndjson", body), Entry(f"{name}.jws", signature.encode())


def _in_entries(answers: In) -> list[Entry]:
    more = [] if answers.catalogues is None else [Entry(_CATALOGUES, answers.catalogues)]
    return [Entry(_MANIFEST, answers.manifest), *more]


def _in_list(answers: In) -> dict[str, Any]:
    enrolment = answers.enrolment
    return {
        "answers": [
            {"answer": dict(a.answer), "case": a.case, "sequence": a.sequence, "sha256": a.sha256, "status": a.status}
            for a in answers.answers
        ],
        "catalogues": None if answers.catalogues is None else sha256_hex(answers.catalogues),
        "enrolment": None if enrolment is None else {"answer": dict(enrolment[1]), "status": enrolment[0]},
        "file": answers.file,
        "format": IN,
        "installation": answers.installation,
        "requests": [
            {"answer": dict(r.answer), "kind": r.kind, "sha256": r.sha256, "status": r.status} for r in answers.requests
        ],
    }


def _listed(entries: Sequence[Entry]) -> tuple[dict[str, Any], str]:
    """The list and its signature: the first two entries of every file."""
    if [entry.name for entry in entries[:2]] != [_LIST, _SIGNATURE]:
        raise _no_list("the file does not begin with its list and the list's signature")
    try:
        return read_canonical(entries[0].data), _text(entries[1].data)
    except ValueError:
        raise _no_list("the list is not one JSON object in canonical form") from None


def _out_of(listed: dict[str, Any], data: Mapping[str, bytes]) -> Out:
    """What the list claims, with the bytes of the entries that it names; the caller compares the two."""
    try:
        out_members(listed)
        named = [(b["case"], b["sequence"], f"{b['case']}-{b['sequence']}") for b in listed["batches"]]
        asked = [(r["kind"], f"request-{n}") for n, r in enumerate(listed["requests"], start=1)]
        request = listed["enrolment"]
    except (ValueError, KeyError, TypeError):
        raise _no_list("the list does not have exactly its members") from None
    try:
        return Out(
            installation=listed["installation"],
            batches=tuple(Batch(c, n, data[f"{name}.ndjson"], _text(data[f"{name}.jws"])) for c, n, name in named),
            certificate=None if listed["certificate"] is None else _text(data[_CERTIFICATE]),
            enrolment=None if request is None else Request(request["token"], request["csr"]),
            requests=tuple(Asked(kind, data[f"{name}.ndjson"], _text(data[f"{name}.jws"])) for kind, name in asked),
        )
    except (KeyError, ValueError):
        raise _differs() from None


def _in_of(listed: dict[str, Any], data: Mapping[str, bytes]) -> In:
    try:
        in_members(listed)
    except (ValueError, KeyError, TypeError):
        raise _no_list("the list does not have exactly its members") from None
    enrolment = listed["enrolment"]
    try:
        return In(
            installation=listed["installation"],
            file=listed["file"],
            manifest=data[_MANIFEST],
            answers=tuple(
                Answer(a["case"], a["sequence"], a["sha256"], a["status"], a["answer"]) for a in listed["answers"]
            ),
            enrolment=None if enrolment is None else (enrolment["status"], enrolment["answer"]),
            requests=tuple(Document(r["kind"], r["sha256"], r["status"], r["answer"]) for r in listed["requests"]),
            catalogues=None if listed["catalogues"] is None else data[_CATALOGUES],
        )
    except KeyError:
        raise _differs() from None


def _text(data: bytes) -> str:
    if len(data) > MAX_TEXT:
        raise ValueError("too long")
    return data.decode("ascii")


def _verify(token: str, keys: Keys, typ: str, payload: bytes) -> None:
    try:
        signed.verify(token, keys, typ, payload=payload)
    except SignatureRefused as no:
        message = f"the file's list is not signed by whom it names: {no}"
        raise SignatureRefused(no.code, message, "do not use the file; ask for it again") from no


_TAKE_THE_FILE = "take the very file that was written, and give it on unchanged"


def _no_list(message: str) -> CarriedRefused:
    return CarriedRefused("list-malformed", message, _TAKE_THE_FILE)


def _differs() -> CarriedRefused:
    message = "the file does not hold exactly what its list says: something was changed, dropped, added or moved"
    return CarriedRefused("list-differs", message, _TAKE_THE_FILE)
