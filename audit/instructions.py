"""Instructions: corporate asks an installation to stop or reduce a case, a kind or a field; nothing here can widen.

`issue` is called by corporate, `take` by the installation (docs/formats/instructions.md). Which keys may sign is the
manifest's matter; keeping, showing and riding on answers is left to others.

Rules:
  - One document states everything that is asked of one installation now; a higher number replaces it, an empty one
    lifts all. Numbers only rise, so an old document cannot come back.
  - Every ask ends by itself at `until`. There is no way to state a wider mode than `local`, or an approval: what an ask
    is combined with can only become narrower (`modes`, `withheld`), whatever it says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.canonical import MAX_INTEGER
from audit.errors import SignatureRefused
from audit.modes import MODES, narrower

FORMAT: Final = "diffgram-instructions/1"
CASE, KIND, FIELD = "case", "kind", "field"
WHATS: Final = (CASE, KIND, FIELD)
TO: Final[Mapping[str, tuple[str, ...]]] = {
    CASE: ("off", "local", "offline"),
    KIND: ("off", "local"),
    FIELD: ("withheld",),
}
WHYS: Final = ("not-needed", "too-much", "incident", "maintenance", "law", "other")
MOST_ASKS: Final = 200
LONGEST: Final = timedelta(days=400)
CLOCK_SLACK: Final = timedelta(days=1)
"""How far the two clocks may differ before a document is of the future."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, order=True)
class Ask:
    """One thing asked: `what` (case, kind, field) and its `name`, narrowed `to`, `until` when (UTC), and `why`."""

    what: str
    name: str
    to: str
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Instructions:
    """Everything that corporate asks of one installation, as its document of this `number` says."""

    installation: str
    number: int
    issued_at: datetime
    expires_at: datetime
    asks: tuple[Ask, ...]


def issue(instructions: Instructions, key: Ed25519PrivateKey) -> str:
    """Return `instructions` as a compact JWS. Raises ValueError for what `take` would refuse anywhere."""
    payload = _encode(
        _Claims(
            asks=[_Ask(a.name, a.to, _text(a.until), a.what, a.why) for a in instructions.asks],  # type: ignore[arg-type]
            expires_at=_text(instructions.expires_at),
            format=FORMAT,
            installation=instructions.installation,
            issued_at=_text(instructions.issued_at),
            number=instructions.number,
        )
    )
    try:
        _claimed(payload)
    except SignatureRefused as no:
        raise ValueError(f"instructions cannot say this: {no}") from None
    return signed.sign(payload, key, signed.INSTRUCTIONS)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Instructions:
    """Return what is in `token`, verified and whole, whatever its dates and number. Raises SignatureRefused."""
    return _claimed(signed.verify(token, keys, signed.INSTRUCTIONS))


def take(
    token: str, keys: Mapping[str, Ed25519PublicKey], installation: str, after: int, now: datetime
) -> Instructions:
    """Return the instructions in `token` if they are for `installation`, newer than number `after`, and current.

    Raises SignatureRefused: what `signed.verify` says, or `instructions-` `malformed`, `elsewhere`, `old`, `expired`,
    `future`.
    """
    found = read(token, keys)
    if found.installation != installation:
        raise _refused("instructions-elsewhere", "the instructions are for another installation")
    if found.number <= after:
        raise _refused("instructions-old", f"instructions number {found.number} do not follow number {after}")
    if found.expires_at <= now:
        raise _refused("instructions-expired", f"instructions number {found.number} ended at {_text(found.expires_at)}")
    if found.issued_at > now + CLOCK_SLACK:
        raise _refused("instructions-future", f"instructions number {found.number} were issued in the future")
    return found


def in_force(asks: Iterable[Ask], now: datetime) -> tuple[Ask, ...]:
    """Return the asks that have not ended."""
    return tuple(ask for ask in asks if ask.until > now)


def modes(
    asks: Iterable[Ask], cases: Mapping[str, str], kinds: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the customer's modes of cases and kinds, each held to what is asked where that is narrower."""
    held_cases, held_kinds = dict(cases), dict(kinds)
    for ask in asks:
        if ask.what == CASE and ask.name in MODES and ask.name in held_cases:
            held_cases[ask.name] = narrower(held_cases[ask.name], _mode_of(ask))
        elif ask.what == KIND:
            held_kinds[ask.name] = narrower(held_kinds.get(ask.name, "on"), _mode_of(ask))
    return held_cases, held_kinds


def withheld(asks: Iterable[Ask]) -> frozenset[str]:
    """Return the names of fields that are not to leave."""
    return frozenset(ask.name for ask in asks if ask.what == FIELD)


def _mode_of(ask: Ask) -> str:
    """What is asked as a mode that there is: a case without it gets its narrowest (`offline`, for `support` `off`)."""
    if ask.what == CASE and ask.to not in MODES[ask.name]:
        return MODES[ask.name][0]
    return ask.to


class _Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_./-]{0,199}\Z")]
    to: Literal["off", "local", "offline", "withheld"]
    until: Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
    what: Literal["case", "kind", "field"]
    why: Literal["not-needed", "too-much", "incident", "maintenance", "law", "other"]


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload, member by member."""

    asks: Annotated[list[_Ask], msgspec.Meta(max_length=MOST_ASKS)]
    expires_at: Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
    format: Literal["diffgram-instructions/1"]
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    issued_at: Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]


_decode = msgspec.json.Decoder(_Claims).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _claimed(payload: bytes) -> Instructions:
    try:
        claims = _decode(payload)
        asks = tuple(Ask(a.what, a.name, a.to, _moment(a.until), a.why) for a in claims.asks)
        issued_at, expires_at = _moment(claims.issued_at), _moment(claims.expires_at)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _refused("instructions-malformed", "the instructions do not have exactly their members") from None
    if _encode(claims) != payload:
        raise _refused("instructions-malformed", "the instructions are not in canonical form")
    if any(ask.to not in TO[ask.what] for ask in asks) or len({(a.what, a.name, a.to) for a in asks}) < len(asks):
        raise _refused("instructions-malformed", "the instructions ask for what there is not, or twice")
    if not issued_at < expires_at <= issued_at + LONGEST or any(ask.until > expires_at for ask in asks):
        raise _refused("instructions-malformed", "the dates of the instructions contradict each other")
    return Instructions(claims.installation, claims.number, issued_at, expires_at, asks)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_TIME)


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "nothing was changed; ask corporate what it meant")
