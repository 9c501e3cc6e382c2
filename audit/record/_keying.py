"""Leaves about the keys by which products of other makes may tell this installation something."""

from typing import Literal

from audit.record._base import Actor, Checks, Positive, Record, Types


class Dsn(Record, frozen=True, kw_only=True):
    """A key for Sentry SDKs (a DSN) was made or revoked; `number` is the project in its address, given once."""

    actor: Actor
    change: Literal["made", "revoked"]
    number: Positive
    type: Literal["dsn"] = "dsn"


TYPES: Types = {"dsn": Dsn}
CHECKS: Checks = {}
