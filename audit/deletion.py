"""Deletion: what a request names, and corporate's signed statement of what it deleted (docs/formats/deletion.md).

`scope_of` reads the members of a request; `issue` is called by corporate, `read` and `matches` by the installation and
by anybody who verifies later. Deleting, and which keys may sign, are left to others.

Rules:
  - A statement names every batch by case and number, and pins their hashes: `sha256` is over the hashes in the order of
    the numbers, each followed by a line feed. Up to LISTED of them stand in it one by one as well.
  - What was sealed before `ledger_size` is meant, also what corporate receives only afterwards.
  - Claims are canonical JSON with exactly the members below; anything else is refused.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit._request import Request
from audit.canonical import MAX_INTEGER
from audit.errors import Refused, SignatureRefused
from audit.types import instant_text

FORMAT: Final = "diffgram-deletion/1"
KIND: Final = "home/deletion-asked"
BATCH, FIELD, RANGE, CASE, EVERYTHING, LEAVING = "batch", "field", "range", "case", "everything", "leaving"
DECLARED: Final = "incident"
"""The member, always true, of a request whose maker declared that this should not have left."""
LISTED: Final = 200
"""So many hashes stand in a statement one by one; the others are pinned together."""
MAX_NUMBERS_CHARACTERS: Final = 30_000

_NEEDS: Mapping[str, frozenset[str]] = {
    BATCH: frozenset({"batch"}),
    FIELD: frozenset({"field"}),
    RANGE: frozenset({"from", "until"}),
    CASE: frozenset({"case"}),
    EVERYTHING: frozenset(),
    LEAVING: frozenset(),
}
_Hex64 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Time = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
_Case = Literal["event", "browser", "support", "licensing"]
_Numbers = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*\Z", max_length=30_000)]
_Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,40}\Z")]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be deleted. `what` is one of the six words; `field` is the hash of one definition of the field."""

    what: str
    case: str | None = None
    batch: str | None = None
    field: str | None = None
    from_: datetime | None = None
    until: datetime | None = None

    def values(self) -> dict[str, Any]:
        """The members of the request that say this."""
        moments = {"from": self.from_, "until": self.until}
        texts = {name: None if at is None else instant_text(at, "second") for name, at in moments.items()}
        stated = {"scope": self.what, "case": self.case, "batch": self.batch, "field": self.field, **texts}
        return {name: value for name, value in stated.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Lane:
    """The batches of one case. `numbers` is such as "1-40,42"; `hashes` has all of them, or none beyond LISTED."""

    case: str
    numbers: str
    count: int
    sha256: str
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deletion:
    """One statement.

    installation   32 hexadecimal digits
    request        SHA-256 of the request that asked for it; None where corporate's staff did, on the customer's wish
    scope          what was asked
    ledger_size    what was sealed before this size of the installation's ledger is meant
    deleted_at     corporate's clock, UTC, to the second
    lanes          the batches whose content was deleted now, by case
    already        batches of the scope whose content had been deleted before
    counts         rows deleted or emptied, by kind of table
    remains        what corporate keeps of them, as words
    backups_until  when the last backup that may hold the content will be gone
    erased         "overwritten", or "vacuumed": no longer readable by the database, its pages to be used again
    """

    installation: str
    request: str | None
    scope: Scope
    ledger_size: int
    deleted_at: datetime
    lanes: tuple[Lane, ...]
    already: int
    counts: Mapping[str, int]
    remains: tuple[str, ...]
    backups_until: datetime
    erased: str

    @property
    def batches(self) -> int:
        """How many batches it names."""
        return sum(lane.count for lane in self.lanes)


def scope_of(request: Request) -> Scope:
    """What a request asks to be deleted. Raises Refused where its members do not fit together."""
    values = dict(request.values)
    what = values.pop("scope", None)
    needs = _NEEDS.get(str(what))
    if values.pop(DECLARED, True) is not True:
        raise _unclear(DECLARED, "it is true, or not there")
    if request.kind != KIND or needs is None:
        raise _unclear("scope", "the request does not say what is to be deleted")
    optional = {"case"} if what == RANGE else set()
    if not needs <= values.keys() or not values.keys() <= needs | optional or values.get("case") == "other":
        raise _unclear("scope", f"the members do not fit the scope {what!r}")
    moments = {name: datetime.fromisoformat(values[name]) for name in ("from", "until") if name in values}
    if what == RANGE and not moments["from"] < moments["until"] <= request.at:
        raise _unclear("until", "a range begins before it ends, and ends no later than the request was made")
    return Scope(
        str(what),
        values.get("case"),
        values.get("batch"),
        values.get("field"),
        moments.get("from"),
        moments.get("until"),
    )


def is_declared(request: Request) -> bool:
    """Whether its maker declared that what is to be deleted should not have left."""
    return bool(request.values.get(DECLARED))


def lane(case: str, batches: Iterable[tuple[int, str]]) -> Lane:
    """The lane of the given (number, hash), which ascend and are at least one."""
    found = list(batches)
    hashes = tuple(sha256 for _, sha256 in found)
    numbers = [number for number, _ in found]
    return Lane(case, _written(numbers), len(found), digest(hashes), hashes if len(hashes) <= LISTED else ())


def digest(hashes: Iterable[str]) -> str:
    """The hash that pins `hashes` in their order."""
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode("ascii")).hexdigest()


def numbers(text: str) -> Iterator[int]:
    """Yield the numbers that "1-40,42" names."""
    for run in text.split(","):
        first, _, last = run.partition("-")
        yield from range(int(first), int(last or first) + 1)


def issue(deletion: Deletion, key: Ed25519PrivateKey) -> str:
    """Return the signed statement as a compact JWS. Raises ValueError for one that `read` would refuse."""
    payload = _encode(_as_claims(deletion))
    try:
        _claims(payload)
    except SignatureRefused as no:
        raise ValueError(f"a statement cannot say this: {no}") from None
    return signed.sign(payload, key, signed.DELETION)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Deletion:
    """Return the statement in `token`, verified and complete. Raises SignatureRefused."""
    claims = _claims(signed.verify(token, keys, signed.DELETION))
    scope = claims.scope
    return Deletion(
        installation=claims.installation,
        request=claims.request,
        scope=Scope(
            scope.what, scope.case, scope.batch, scope.field, _moment_or_none(scope.from_), _moment_or_none(scope.until)
        ),
        ledger_size=claims.ledger_size,
        deleted_at=_moment(claims.deleted_at),
        lanes=tuple(Lane(one.case, one.numbers, one.count, one.sha256, tuple(one.hashes)) for one in claims.batches),
        already=claims.already,
        counts=claims.counts,
        remains=tuple(claims.remains),
        backups_until=_moment(claims.backups_until),
        erased=claims.erased,
    )


def matches(found: Deletion, installation: str, asked: tuple[Request, str] | None) -> None:
    """Return if `found` answers the request `asked` (with its SHA-256), or none; raises SignatureRefused."""
    if found.installation != installation:
        raise _refused("deletion-differs", "the statement speaks of another installation")
    if found.request != (None if asked is None else asked[1]):
        raise _refused("deletion-differs", "the statement answers another request")
    if asked is not None and (found.scope, found.ledger_size) != (scope_of(asked[0]), asked[0].ledger_size):
        raise _refused("deletion-differs", "the statement names something else than was asked")


class _Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every member is always present."""

    batch: _Hex64 | None
    case: _Case | None
    field: _Hex64 | None
    from_: _Time | None = msgspec.field(name="from")
    until: _Time | None
    what: Literal["batch", "case", "everything", "field", "leaving", "range"]


class _Lane(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The batches of one case."""

    case: _Case
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]
    hashes: list[_Hex64]
    numbers: _Numbers
    sha256: _Hex64


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload, member by member."""

    already: _Count
    backups_until: _Time
    batches: Annotated[list[_Lane], msgspec.Meta(max_length=4)]
    counts: dict[_Word, _Count]
    deleted_at: _Time
    erased: Literal["overwritten", "vacuumed"]
    format: Literal["diffgram-deletion/1"]
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    ledger_size: _Count
    remains: list[_Word]
    request: _Hex64 | None
    scope: _Scope


_decode = msgspec.json.Decoder(_Claims).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _as_claims(one: Deletion) -> _Claims:
    scope = one.scope
    return _Claims(
        already=one.already,
        backups_until=_text(one.backups_until),
        batches=[
            _Lane(case=x.case, count=x.count, hashes=list(x.hashes), numbers=x.numbers, sha256=x.sha256)  # type: ignore[arg-type]
            for x in one.lanes
        ],
        counts=dict(one.counts),
        deleted_at=_text(one.deleted_at),
        erased=one.erased,  # type: ignore[arg-type]  # read checks the word
        format=FORMAT,
        installation=one.installation,
        ledger_size=one.ledger_size,
        remains=list(one.remains),
        request=one.request,
        scope=_Scope(
            batch=scope.batch,
            case=scope.case,  # type: ignore[arg-type]
            field=scope.field,
            from_=None if scope.from_ is None else _text(scope.from_),
            until=None if scope.until is None else _text(scope.until),
            what=scope.what,  # type: ignore[arg-type]
        ),
    )


def _claims(payload: bytes) -> _Claims:
    try:
        claims = _decode(payload)
        times = (claims.deleted_at, claims.backups_until, claims.scope.from_, claims.scope.until)
        for text in filter(None, times):
            datetime.fromisoformat(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _refused("deletion-malformed", "the statement does not have exactly its members") from None
    if _encode(claims) != payload:
        raise _refused("deletion-malformed", "the statement is not in canonical form")
    if len({one.case for one in claims.batches}) < len(claims.batches) or not all(map(_holds, claims.batches)):
        raise _refused("deletion-malformed", "the statement contradicts itself about its batches")
    return claims


def _holds(one: _Lane) -> bool:
    """Whether numbers ascend and are as many as counted, and the hashes listed are those pinned."""
    last = 0
    count = 0
    for run in one.numbers.split(","):
        first, _, end = run.partition("-")
        if len(run) > 33 or not last < int(first) <= int(end or first) <= MAX_INTEGER:
            return False
        last, count = int(end or first), count + int(end or first) - int(first) + 1
    if count != one.count:
        return False
    return digest(one.hashes) == one.sha256 if one.count <= LISTED else not one.hashes


def _written(found: list[int]) -> str:
    runs: list[list[int]] = []
    for number in found:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment_or_none(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)


def _unclear(key: str, message: str) -> Refused:
    return Refused("malformed", f"{KIND}.{key}", message, "ask with this release")


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "keep the request as unanswered and ask corporate")
