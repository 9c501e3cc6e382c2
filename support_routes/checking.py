"""The check at start: what every route answers is declared, and none reads what is forbidden.

The forbidden resources are those that hold personal data and blobs; the customer names them beside the identity
provider (seed `diffgram.txt`, "Support": no support route can map to one). Naming `annotation` forbids also what lies
under it, `annotation.comment` and `annotation/files`, and a route that reads all of `annotation` is refused where only
a part of it is forbidden.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from audit.catalogue import Catalogue
from support_routes.errors import RouteFault, RouteFaults
from support_routes.routes import Route

CASE = "support"


def check_routes(routes: Mapping[str, Route], catalogue: Catalogue, forbidden: Collection[str] = ()) -> None:
    """Return if every route may be asked. Raises RouteFaults with everything that is wrong."""
    faults = [fault for route in routes.values() for fault in _faults(route, catalogue, forbidden)]
    if faults:
        raise RouteFaults(faults)


def _faults(route: Route, catalogue: Catalogue, forbidden: Collection[str]) -> Iterator[RouteFault]:
    kind = catalogue.kinds.get(route.answer)
    if kind is None or kind.removed:
        text = f"support route {route.name!r} answers with {route.answer!r}, which no catalogue declares"
        yield RouteFault("answer-undeclared", route.name, text, "declare the kind, with its fields")
    elif kind.case != CASE:
        text = f"support route {route.name!r} answers with {route.answer!r}, which is of case {kind.case!r}"
        yield RouteFault("answer-case", route.name, text, "answer with a kind of case 'support'")
    for resource in route.reads:
        for held in sorted(forbidden):
            if _within(resource, held) or _within(held, resource):
                text = f"support route {route.name!r} reads {resource!r}, and {held!r} holds personal data or blobs"
                yield RouteFault("resource-forbidden", route.name, text, "take the route out: support never reads it")


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}/"))
