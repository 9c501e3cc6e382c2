"""Leaves about letters to administrators, by the customer's own mail server."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import Actor, Checks, Code, Count, Destination, Hex64, Positive, Record, Types, is_destination


class Mail(Record, frozen=True, kw_only=True):
    """A connection to the mail server `destination` is about to open for the letter `sha256`, to one address.

    `about` says of what: a catalogue that was `published` or `installed`, or a `test`, which `actor` asked for.
    """

    hexes = ("sha256",)
    about: Literal["published", "installed", "test"]
    actor: Actor
    catalogue: Hex64 | None
    destination: Destination
    sha256: Hex64
    size_bytes: Positive
    type: Literal["mail"] = "mail"


class Mailed(Record, frozen=True, kw_only=True):
    """How the letter whose leaf has the index `mail` ended; `status` is the number of the server's answer (RFC 5321).

    `unknown` means that it may have arrived: it is not sent again.
    """

    code: Code | None
    mail: Count
    outcome: Literal["accepted", "rejected", "unknown"]
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None
    type: Literal["mailed"] = "mailed"


def _is_mail(record: Any) -> bool:
    return is_destination(record) and (record.catalogue is None) == (record.about == "test")


TYPES: Types = {
    "mail": Mail,
    "mailed": Mailed,
}
CHECKS: Checks = {
    Mail: _is_mail,
}
