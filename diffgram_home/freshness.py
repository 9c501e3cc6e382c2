"""Which decisions ask anew who decides: a browser that was left alone must not let more leave, or delete.

Whoever signed in, or confirmed, within `FRESH` is not asked. Otherwise a page asks for the password, or leads to the
provider, and goes on with the very form that was sent. Rules:

- `ASKS` and `NEVER` name every POST of the pages; a route in neither asks always, and a test fails.
- What narrows is never held up: switching off, declining, withdrawing, refusing go at once.
- Commands need none: who types them was let in by the operating system.

It leaves asking and checking to `confirming`, and who may do it at all to `permissions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

FRESH: Final = timedelta(minutes=15)
"""How long after signing in, or confirming, nobody is asked again."""


def _always(_values: Mapping[str, Any]) -> bool:
    return True


def _on(values: Mapping[str, Any]) -> bool:
    return values.get("mode") == "on"


def _less_than_two(values: Mapping[str, Any]) -> bool:
    return values.get("level") != "two"


@dataclass(frozen=True, slots=True)
class Asks:
    """A decision that asks: what it does, in words that follow "You are about to"; `when`, by the address's values."""

    what: str
    when: Callable[[Mapping[str, Any]], bool] = _always


ASKS: Final[Mapping[str, Asks]] = {
    "fields.approve": Asks("approve fields: what may leave grows"),
    "fields.switch": Asks("switch fields on again: what may leave grows", _on),
    "fields.transform": Asks("choose how a field leaves: its values may become finer"),
    "cases.switch": Asks("switch a case on: what was approved leaves from then on", _on),
    "queue.approve": Asks("let these very bytes go"),
    "queue.set_level": Asks("let a case ask for fewer people before its batches go", _less_than_two),
    "identity.settle": Asks("say that a conflict is cleared up: sending goes on"),
    "dsns.make": Asks("make a key by which an SDK may tell errors here"),
    "deletion.ask": Asks("ask corporate to delete"),
    "deletion.left": Asks("leave corporate altogether"),
    "incidents.declare": Asks("declare an incident, and ask corporate to delete"),
    "support.approve": Asks("let support ask, and make the answer"),
    "people.delete": Asks("delete an account and its name"),
}
"""Endpoint → what it lets leave, or deletes."""

NEVER: Final[Mapping[str, str]] = {
    "fields.decline": "narrows",
    "fields.withdraw": "narrows",
    "queue.refuse": "narrows",
    "support.refuse": "narrows",
    "support.revoke": "narrows",
    "support.stop": "narrows",
    "dsns.revoke": "narrows",
    "incidents.close": "says that somebody looked; nothing leaves by it",
    "deletion.again": "sends again what was confirmed before",
    "deletion.take": "takes in what corporate signed",
    "carrying.out": "carries what was approved before; nothing more",
    "carrying.take": "takes in what corporate signed",
    "account.signed_in": "is signing in",
    "account.sign_out": "ends a session",
    "account.sign_out_everywhere": "ends sessions",
    "account.change_password": "asks for the password itself",
    "oidc.start": "is signing in",
    "oidc.confirm": "leads to the provider, which asks",
}
"""Endpoint → why it does not ask."""


def asked(endpoint: str, values: Mapping[str, Any]) -> Asks | None:
    """What to tell whoever must confirm, or None; `values` are those of the address."""
    if endpoint in NEVER:
        return None
    found = ASKS.get(endpoint, Asks("change something here"))
    return found if found.when(values) else None
