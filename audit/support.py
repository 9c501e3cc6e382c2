"""Support: what corporate asks (a request), what the installation allows (a grant), and how that ended (an ending).

`ask` is called by corporate and `hear` by the installation; `grant` and `end` by the installation, `read_grant` and
`read_ending` by whoever checks. Which keys may sign is the manifest's and the enrolment's matter; storing, showing,
riding and answering are left to others (docs/formats/support.md). Values in, values out or SignatureRefused.

Rules:
  - A request names routes, a reason of a closed list, a ticket, how long, and by whom: the thumbprint of a key, and a
    role; a name only where its owner wants it told. It ends by itself at `expires_at`, whatever becomes of it.
  - A grant names one request by the SHA-256 of its very text. It can be narrower than what was asked, never wider:
    fewer routes, a shorter time. It starts when it is signed, so that nobody has waited it away, and is for that key.
  - More time is another request that `extends` the first, and another grant. A document never changes.
  - An ending ends for good: what a clock says later does not bring a grant back.
"""

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.errors import SignatureRefused

REASONS: Final = ("customer-asked", "alert", "service", "review", "law")
"""Why support asks: the customer wanted help; something at the vendor noticed trouble; work that was agreed on; looking
after a change; somebody with the law on their side demands it."""
REQUESTERS: Final = ("support", "developer", "operations", "manager")
"""As what somebody asks."""
ENDINGS: Final = ("expired", "revoked", "off", "handed-back", "clock")
"""Why a grant ended: by its date; somebody here ended it, or all support; support had no more use for it; a clock that
went back."""
MOST_ROUTES: Final = 50
SHORTEST, LONGEST, USUAL = timedelta(minutes=5), timedelta(days=7), timedelta(hours=4)
LONGEST_PENDING: Final = timedelta(days=14)
CLOCK_SLACK: Final = timedelta(hours=1)
"""How far the two clocks may differ before a request is of the future."""
_TIME = "%Y-%m-%dT%H:%M:%SZ"

Token = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Hex64 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,60}(/[a-z][a-z0-9-]{0,60})?\Z")]
_Routes = Annotated[list[_Name], msgspec.Meta(min_length=1, max_length=MOST_ROUTES)]
_Thumbprint = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
_Ticket = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9][A-Z0-9-]{0,31}\Z")]
_Person = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f<>&\"]{1,80}\Z")]
_At = Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
_Seconds = Annotated[int, msgspec.Meta(ge=300, le=604_800)]
_Reason = Literal["customer-asked", "alert", "service", "review", "law"]
_As = Literal["support", "developer", "operations", "manager"]
_Why = Literal["expired", "revoked", "off", "handed-back", "clock"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What corporate asks of one installation. `id` is its nonce; `seconds` how long; `name` only if declared.

    `extends` is the id of an earlier request whose grant should be followed by another.
    """

    asked_at: _At
    expires_at: _At
    extends: Token | None
    format: Literal["diffgram-support-request/1"] = "diffgram-support-request/1"
    id: Token
    installation: Token
    name: _Person | None
    reason: _Reason
    requester: _Thumbprint
    role: _As
    routes: _Routes
    seconds: _Seconds
    ticket: _Ticket


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the installation allows: `routes` from `starts_at` until `ends_at`, to the holder of the key `requester`.

    `request` is the id of the request, and `sha256` that of its text; `extends` the grant that this one follows.
    """

    ends_at: _At
    extends: Token | None
    format: Literal["diffgram-support-grant/1"] = "diffgram-support-grant/1"
    id: Token
    installation: Token
    reason: _Reason
    request: Token
    requester: _Thumbprint
    routes: _Routes
    sha256: _Hex64
    starts_at: _At
    ticket: _Ticket

    def covers(self, route: str, requester: str, now: datetime) -> bool:
        """Whether this grant, if it was not ended, lets the holder of this key have this route `now`."""
        held = moment(self.starts_at) <= now < moment(self.ends_at)
        return held and route in self.routes and requester == self.requester


class Ending(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a grant is over since `ended_at`, and why."""

    ended_at: _At
    format: Literal["diffgram-support-ending/1"] = "diffgram-support-ending/1"
    grant: Token
    installation: Token
    why: _Why


@dataclass(frozen=True, slots=True)
class Allowed:
    """What somebody approves: these of the routes that were asked, for so long, under this id for the grant."""

    id: str
    routes: tuple[str, ...]
    lasts: timedelta
    extends: str | None = None


def ask(request: Request, key: Ed25519PrivateKey) -> str:
    """Return `request` as a compact JWS. Raises ValueError for what `hear` would refuse anywhere."""
    return _signed(request, key, signed.SUPPORT_REQUEST, _check_request)


def read_request(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Request:
    """Return the request in `token`, verified and whole, whatever its dates. Raises SignatureRefused."""
    found: Request = _read(token, keys, signed.SUPPORT_REQUEST, _requests, _check_request)
    return found


def read_unverified(token: str) -> Request:
    """Return the request in a token that was made or verified here before. Nothing is checked. Raises ValueError."""
    return _requests(_payload(token))


def granted_unverified(token: str) -> Grant:
    """Return the grant in a token that was made or verified here before. Nothing is checked. Raises ValueError."""
    return _grants(_payload(token))


def hear(token: str, keys: Mapping[str, Ed25519PublicKey], installation: str, now: datetime) -> Request:
    """Return the request in `token` if it is for `installation` and can be decided about now.

    Raises SignatureRefused: what `signed.verify` says, or `support-` `malformed`, `elsewhere`, `expired`, `future`.
    Whether its id was seen before is the caller's to know.
    """
    found = read_request(token, keys)
    if found.installation != installation:
        raise _refused("support-elsewhere", "the request is for another installation")
    if moment(found.expires_at) <= now:
        raise _refused("support-expired", f"the request ended at {found.expires_at}")
    if moment(found.asked_at) > now + CLOCK_SLACK:
        raise _refused("support-future", f"the request was made in the future, at {found.asked_at}")
    return found


def grant(token: str, request: Request, allowed: Allowed, longest: timedelta, now: datetime) -> Grant:
    """Return the grant for `request`, read from `token`, that starts `now`.

    Raises ValueError for routes that were not asked, for more time than was asked or than `longest`, and for a request
    that is over: whatever a caller does, no grant is wider than what was asked and what policy allows.
    """
    if not allowed.routes or not set(allowed.routes) <= set(request.routes):
        raise ValueError("a grant has one or more of the routes that were asked, and no other")
    if not timedelta(0) < allowed.lasts <= min(longest, LONGEST, timedelta(seconds=request.seconds)):
        raise ValueError("a grant lasts no longer than was asked, and than policy allows")
    if moment(request.expires_at) <= now:
        raise ValueError(f"the request ended at {request.expires_at}")
    starts = now.astimezone(UTC).replace(microsecond=0)
    return Grant(
        ends_at=text(starts + allowed.lasts),
        extends=allowed.extends,
        id=allowed.id,
        installation=request.installation,
        reason=request.reason,
        request=request.id,
        requester=request.requester,
        routes=sorted(allowed.routes),
        sha256=digest(token),
        starts_at=text(starts),
        ticket=request.ticket,
    )


def sign_grant(granted: Grant, key: Ed25519PrivateKey) -> str:
    """Return `granted` as a compact JWS. Raises ValueError for what `read_grant` would refuse."""
    return _signed(granted, key, signed.SUPPORT_GRANT, _check_grant)


def read_grant(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Grant:
    """Return the grant in `token`, verified and whole, whatever its dates. Raises SignatureRefused."""
    found: Grant = _read(token, keys, signed.SUPPORT_GRANT, _grants, _check_grant)
    return found


def fits(granted: Grant, token: str, request: Request) -> None:
    """Return if `granted` is for this very request and no wider than it. Raises SignatureRefused `support-wider`."""
    same = (granted.request, granted.installation, granted.requester, granted.reason, granted.ticket)
    asked = (request.id, request.installation, request.requester, request.reason, request.ticket)
    lasts = moment(granted.ends_at) - moment(granted.starts_at)
    narrow = set(granted.routes) <= set(request.routes) and lasts <= timedelta(seconds=request.seconds)
    if same != asked or granted.sha256 != digest(token) or not narrow:
        raise _refused("support-wider", "the grant is not for this request, or wider than it")


def end(ending: Ending, key: Ed25519PrivateKey) -> str:
    """Return `ending` as a compact JWS. Raises ValueError for what `read_ending` would refuse."""
    return _signed(ending, key, signed.SUPPORT_ENDING, _check_ending)


def read_ending(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Ending:
    """Return the ending in `token`, verified and whole. Raises SignatureRefused."""
    found: Ending = _read(token, keys, signed.SUPPORT_ENDING, _endings, _check_ending)
    return found


def digest(token: str) -> str:
    """Return the SHA-256 of a document's very text, by which others name it."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def moment(at: str) -> datetime:
    """Return a time of a document as an aware UTC one. Raises ValueError, also for a second spelling of a time."""
    found = datetime.strptime(at, _TIME).replace(tzinfo=UTC)
    if text(found) != at:
        raise ValueError(f"{at!r} is not a time as documents write it")
    return found


def text(at: datetime) -> str:
    """Return a time as documents write it: UTC, to the second."""
    return at.astimezone(UTC).strftime(_TIME)


_requests = msgspec.json.Decoder(Request).decode
_grants = msgspec.json.Decoder(Grant).decode
_endings = msgspec.json.Decoder(Ending).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _payload(token: str) -> bytes:
    payload = token.split(".")[1]
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def _check_request(request: Request) -> None:
    asked, ends = moment(request.asked_at), moment(request.expires_at)
    _check_order(request.routes)
    if not asked < ends <= asked + LONGEST_PENDING:
        raise ValueError("a request waits for an answer for at most 14 days")
    if request.extends == request.id:
        raise ValueError("a request cannot extend itself")


def _check_grant(granted: Grant) -> None:
    starts, ends = moment(granted.starts_at), moment(granted.ends_at)
    _check_order(granted.routes)
    if not starts < ends <= starts + LONGEST:
        raise ValueError("a grant lasts at most 7 days")


def _check_ending(ending: Ending) -> None:
    moment(ending.ended_at)


def _check_order(routes: Collection[str]) -> None:
    if list(routes) != sorted(set(routes)):
        raise ValueError("routes stand in the order of their names, each once")


def _signed(document: Any, key: Ed25519PrivateKey, typ: str, check: Any) -> str:
    payload = _encode(document)
    # What a caller put together by hand was not checked against its types: reading it again is that check.
    check(msgspec.json.decode(payload, type=type(document)))
    return signed.sign(payload, key, typ)


def _read(token: str, keys: Mapping[str, Ed25519PublicKey], typ: str, decode: Any, check: Any) -> Any:
    payload = signed.verify(token, keys, typ)
    try:
        found = decode(payload)
        check(found)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _refused("support-malformed", "the document does not have exactly its members") from None
    if _encode(found) != payload:
        raise _refused("support-malformed", "the document is not in canonical form")
    return found


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "nothing was changed; ask corporate what it meant")
