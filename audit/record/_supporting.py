"""Leaves about support: what was asked, what was granted or refused, every use, and how it ended (`audit.support`)."""

from typing import Annotated, Any, Literal

import msgspec

from audit.record._base import Actor, Checks, Code, Document, Hex64, Positive, Record, Role, Token, Types, is_hex

RouteName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,60}(/[a-z][a-z0-9-]{0,60})?\Z")]


class Support(Record, frozen=True, kw_only=True):
    """A step of a support request, which `request` names.

    `asked`: it came, and `document` is corporate's text. `refused` by somebody here for the reason `code`; `lapsed`:
    nobody decided in time, or support was switched off. `granted`: `document` is this installation's grant of `routes`.
    `ended`: `document` says that the grant is over, and `code` why. `grant` is the id of the grant.
    """

    actor: Actor
    code: Code | None
    document: Document | None
    grant: Token | None
    request: Token
    role: Role | None
    routes: Annotated[list[RouteName], msgspec.Meta(max_length=50)]
    step: Literal["asked", "refused", "lapsed", "granted", "ended"]
    type: Literal["support"] = "support"


class SupportUse(Record, frozen=True, kw_only=True):
    """A route was asked under a grant that `actor` gave: so many `messages`, in the batch with this SHA-256.

    `messages` counts what the route made, before the gate. `empty`: there was nothing to tell; `failed`: the route
    itself could not answer.
    """

    hexes = ("sha256",)
    actor: Actor
    grant: Token
    messages: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    outcome: Literal["answered", "empty", "failed"]
    request: Token
    route: RouteName
    sequence: Positive
    sha256: Hex64
    type: Literal["support-use"] = "support-use"


def _is_step(record: Any) -> bool:
    documented = record.document is not None
    granted = record.grant is not None
    return (documented, granted, record.code is not None, bool(record.routes)) in _FORMS[record.step]


_FORMS = {
    "asked": {(True, False, False, True)},
    "refused": {(False, False, True, False)},
    "lapsed": {(False, False, True, False)},
    "granted": {(True, True, False, True)},
    "ended": {(True, True, True, False)},
}
"""Of each step: whether there is a document, a grant, a code, and routes."""


def _is_use(record: Any) -> bool:
    return is_hex(record.sha256)


TYPES: Types = {"support": Support, "support-use": SupportUse}
CHECKS: Checks = {Support: _is_step, SupportUse: _is_use}
