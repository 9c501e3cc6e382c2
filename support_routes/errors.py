"""What can be wrong with support routes.

SupportRouteError     a route cannot be declared, is unknown, or reads what it did not declare
RouteFaults           raised at start: every fault of every route at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SupportRouteError(ValueError):
    """A route that cannot be declared or asked: a short `code`, a sentence, and what to do next."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.hint = code, hint


@dataclass(frozen=True, slots=True)
class RouteFault:
    """One thing that is wrong with one route, and what to do about it."""

    code: str
    route: str
    message: str
    hint: str


class RouteFaults(Exception):
    """Raised at start: these routes may not be asked, and nothing starts with them."""

    def __init__(self, faults: Sequence[RouteFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.message}: {fault.hint}" for fault in self.faults))
