"""Incidents: corporate's signed statement that undeclared content arrived, and that nothing of it was kept.

`issue` is called by corporate, `read` and `concerns` by the installation and by anybody who verifies later
(docs/formats/incident.md). Keys for `deletions` sign it: it is the first half of "promptly reported and deleted".

Rules: key paths up to the last declared key, then `<undeclared>`, with counts; never content. The body is named by its
SHA-256, which the ledger of the installation has beside the attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import signed
from audit.canonical import MAX_INTEGER
from audit.errors import SignatureRefused

FORMAT: Final = "diffgram-incident/1"
MOST_PATHS: Final = 200
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Incident:
    """One Unexpected Data Transfer as corporate states it.

    incident      32 hexadecimal digits that corporate minted for it
    installation  who sent it
    sha256        hash of the body that arrived
    paths         key paths up to the last declared key, then `<undeclared>`, with counts
    arrived_at    corporate's clock, UTC, to the second
    kept          what corporate kept of it: "nothing"
    """

    incident: str
    installation: str
    sha256: str
    paths: Mapping[str, int]
    arrived_at: datetime
    kept: str = "nothing"


def issue(incident: Incident, key: Ed25519PrivateKey) -> str:
    """Return `incident` as a compact JWS. Raises ValueError for one that `read` would refuse."""
    payload = _encode(
        _Claims(
            arrived_at=incident.arrived_at.astimezone(UTC).strftime(_TIME),
            format=FORMAT,
            incident=incident.incident,
            installation=incident.installation,
            kept=incident.kept,  # type: ignore[arg-type]
            paths=dict(incident.paths),
            sha256=incident.sha256,
        )
    )
    try:
        _claimed(payload)
    except SignatureRefused as no:
        raise ValueError(f"an incident cannot say this: {no}") from None
    return signed.sign(payload, key, signed.INCIDENT)


def read(token: str, keys: Mapping[str, Ed25519PublicKey]) -> Incident:
    """Return the incident in `token`, verified and whole. Raises SignatureRefused."""
    return _claimed(signed.verify(token, keys, signed.INCIDENT))


def concerns(incident: Incident, installation: str, sha256: str) -> None:
    """Return if `incident` speaks of this body of this installation; raises SignatureRefused("incident-differs")."""
    if (incident.installation, incident.sha256) != (installation, sha256):
        raise _refused("incident-differs", "the statement speaks of another installation or of other bytes")


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The payload, member by member."""

    arrived_at: Annotated[str, msgspec.Meta(min_length=20, max_length=20)]
    format: Literal["diffgram-incident/1"]
    incident: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    installation: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    kept: Literal["nothing"]
    paths: Annotated[
        dict[
            Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}\Z")],
            Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)],
        ],
        msgspec.Meta(min_length=1, max_length=MOST_PATHS),
    ]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


_decode = msgspec.json.Decoder(_Claims).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def _claimed(payload: bytes) -> Incident:
    try:
        claims = _decode(payload)
        arrived_at = datetime.strptime(claims.arrived_at, _TIME).replace(tzinfo=UTC)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _refused("incident-malformed", "the statement does not have exactly its members") from None
    if _encode(claims) != payload:
        raise _refused("incident-malformed", "the statement is not in canonical form")
    return Incident(claims.incident, claims.installation, claims.sha256, claims.paths, arrived_at, claims.kept)


def _refused(code: str, message: str) -> SignatureRefused:
    return SignatureRefused(code, message, "keep it and ask corporate for a statement that holds")
