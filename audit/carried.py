"""What a file carried by hand says: batches on their way out, or corporate's answers on their way in, with one signed
list of all of it (docs/formats/carried.md).

The file's own form is `audit.container`'s. Whether a batch may leave is the gate's, whether corporate takes it is
ingest's, and which keys are to be trusted the caller's: `read_out` and `read_in` ask for them once the list has said
whose it is.

Rules:
  - The list names every other entry with its hash, in order, and is signed: nothing can be dropped, added, changed or
    moved. Each batch has its own detached signature besides, the same as over a connection.
  - The list says nothing that its batches do not say themselves; there is no time in it, no name and no path. The same
    batches under the same certificate are the same file, to the byte.
  - Answers are word for word what corporate would answer over a connection, so one function judges both.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import container, signed
from audit.canonical import canonical, read_canonical, sha256_hex
from audit.catalogue import CASES
from audit.container import Entry
from audit.errors import CarriedRefused, SignatureRefused

OUT: Final = "diffgram-carried-out/1"
IN: Final = "diffgram-carried-in/1"
MAX_BATCHES = 100
"""In one file."""
MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Of one body, before any Content-Encoding: what corporate takes over a connection."""
ROOM_BYTES = container.MAX_BYTES - 512 * 1024
"""Of all bodies in one file together; what is left is more than list, signatures and certificate can take."""
MAX_IN_BYTES = 8 * 1024 * 1024
"""Of a file of answers."""
_MAX_TEXT = 65_536
_LIST, _SIGNATURE, _CERTIFICATE, _MANIFEST = "list.json", "list.jws", "certificate.pem", "manifest.json"
_HEX64, _INSTALLATION = re.compile(r"[0-9a-f]{64}\Z"), re.compile(r"[0-9a-f]{32}\Z")

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
class Out:
    """What an installation carries out: batches, or a request for enrolment. `certificate` is its own, in PEM."""

    installation: str
    batches: tuple[Batch, ...] = ()
    certificate: str | None = None
    enrolment: Request | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Corporate's answer to one batch: the HTTP status and the JSON object that it would answer with."""

    case: str
    sequence: int
    sha256: str
    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class In:
    """What corporate gives back for the file `file` (its SHA-256); `manifest` is served with it, as over a connection.

    `enrolment` is status and JSON of the answer to a request for enrolment.
    """

    installation: str
    file: str
    manifest: bytes
    answers: tuple[Answer, ...] = ()
    enrolment: tuple[int, Mapping[str, Any]] | None = None


def write_out(out: Out, key: Ed25519PrivateKey) -> bytes:
    """Return the file, its list signed by the installation's key. Raises ValueError for what none can say."""
    listed = canonical(_out_list(out))
    _out_members(read_canonical(listed))
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
    entries = (Entry(_LIST, listed), Entry(_SIGNATURE, token.encode()), Entry(_MANIFEST, answers.manifest))
    whole = container.write(entries)
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
    if [entry.name for entry in entries[2:]] != [_MANIFEST]:
        raise _differs()
    answers = _in_of(listed, entries[2].data)
    if _in_list(answers) != listed:
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
    }


def _out_entries(out: Out) -> list[Entry]:
    certificate = [] if out.certificate is None else [Entry(_CERTIFICATE, out.certificate.encode())]
    return certificate + [entry for batch in out.batches for entry in _batch_entries(batch)]


def _batch_entries(batch: Batch) -> tuple[Entry, Entry]:
    return Entry(f"{batch.name}.ndjson", batch.body), Entry(f"{batch.name}.jws", batch.signature.encode())


def _in_list(answers: In) -> dict[str, Any]:
    enrolment = answers.enrolment
    return {
        "answers": [
            {"answer": dict(a.answer), "case": a.case, "sequence": a.sequence, "sha256": a.sha256, "status": a.status}
            for a in answers.answers
        ],
        "enrolment": None if enrolment is None else {"answer": dict(enrolment[1]), "status": enrolment[0]},
        "file": answers.file,
        "format": IN,
        "installation": answers.installation,
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
        _out_members(listed)
        named = [(b["case"], b["sequence"], f"{b['case']}-{b['sequence']}") for b in listed["batches"]]
        request = listed["enrolment"]
    except (ValueError, KeyError, TypeError):
        raise _no_list("the list does not have exactly its members") from None
    try:
        return Out(
            installation=listed["installation"],
            batches=tuple(Batch(c, n, data[f"{name}.ndjson"], _text(data[f"{name}.jws"])) for c, n, name in named),
            certificate=None if listed["certificate"] is None else _text(data[_CERTIFICATE]),
            enrolment=None if request is None else Request(request["token"], request["csr"]),
        )
    except (KeyError, ValueError):
        raise _differs() from None


def _in_of(listed: dict[str, Any], manifest: bytes) -> In:
    try:
        _members(listed, "answers", "enrolment", "file", "format", "installation")
        _whose(listed, IN)
        _hex64(listed["file"])
        if not isinstance(listed["answers"], list) or len(listed["answers"]) > MAX_BATCHES:
            raise ValueError("too many answers")
        for one in listed["answers"]:
            _members(one, "answer", "case", "sequence", "sha256", "status")
            _number(one)
            _answered(one)
        enrolment = listed["enrolment"]
        if enrolment is not None:
            _members(enrolment, "answer", "status")
            _answered(enrolment)
    except (ValueError, KeyError, TypeError):
        raise _no_list("the list does not have exactly its members") from None
    answers = tuple(Answer(a["case"], a["sequence"], a["sha256"], a["status"], a["answer"]) for a in listed["answers"])
    asked = None if enrolment is None else (enrolment["status"], enrolment["answer"])
    return In(listed["installation"], listed["file"], manifest, answers, asked)


def _out_members(listed: dict[str, Any]) -> None:
    """Raises ValueError, KeyError or TypeError for a list that is not one of an outgoing file."""
    _members(listed, "batches", "certificate", "enrolment", "format", "installation")
    _whose(listed, OUT)
    batches, request = listed["batches"], listed["enrolment"]
    if not isinstance(batches, list) or len(batches) > MAX_BATCHES or bool(batches) == (request is not None):
        raise ValueError("batches or a request, and not too many")
    for one in batches:
        _members(one, "case", "sequence", "sha256", "size_bytes")
        _number(one)
        if type(one["size_bytes"]) is not int or not 0 < one["size_bytes"] <= MAX_BATCH_BYTES:
            raise ValueError("no size of a batch")
    if listed["certificate"] is not None:
        _hex64(listed["certificate"])
    if request is not None:
        _members(request, "csr", "token")
        if not all(isinstance(text, str) and 0 < len(text) <= _MAX_TEXT for text in request.values()):
            raise ValueError("no request")


def _whose(listed: Mapping[str, Any], form: str) -> None:
    if listed["format"] != form or not _INSTALLATION.match(listed["installation"]):
        raise ValueError("another format, or no installation")


def _members(value: Any, *names: str) -> None:
    if not isinstance(value, dict) or set(value) != set(names):
        raise ValueError("other members")


def _number(one: Mapping[str, Any]) -> None:
    _hex64(one["sha256"])
    if one["case"] not in CASES or type(one["sequence"]) is not int or one["sequence"] < 1:
        raise ValueError("no number of a case")


def _answered(one: Mapping[str, Any]) -> None:
    if type(one["status"]) is not int or not 100 <= one["status"] <= 599 or not isinstance(one["answer"], dict):
        raise ValueError("no answer")


def _hex64(text: Any) -> None:
    if not _HEX64.match(text):
        raise ValueError("no hash")


def _text(data: bytes) -> str:
    if len(data) > _MAX_TEXT:
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
