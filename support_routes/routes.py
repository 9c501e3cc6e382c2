"""The wrapper `@support_route`, and the routes that it made, by name.

What a name, a kind and a resource may look like is checked when the wrapper runs; whether the kind is in the catalogue,
and whether the resource is forbidden, only the installation's start can tell (`checking`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from support_routes.errors import SupportRouteError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:/[a-z][a-z0-9]*(?:-[a-z0-9]+)*)?")
_RESOURCE = re.compile(r"[a-z][a-z0-9_]*(?:[./][a-z0-9_]+)*")
MOST_MESSAGES = 500
"""No answer has more messages; the rest is cut off, and a route that could have more counts instead."""


class Handed(Mapping[str, Any]):
    """What one route may read: the resources that it declared, each made when it is asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]], route: Route) -> None:
        self._makers, self._route = makers, route

    def __getitem__(self, name: str) -> Any:
        """Return the resource. Raises SupportRouteError for one that the route did not declare, or nobody hands in."""
        if name not in self._route.reads:
            text = f"support route {self._route.name!r} reads {name!r}, which it did not declare"
            raise SupportRouteError("resource-undeclared", text, "state it in reads=(…), where it can be judged")
        if name not in self._makers:
            text = f"nothing hands {name!r} to support route {self._route.name!r}"
            raise SupportRouteError("resource-missing", text, "hand it in, or take the route out")
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._route.reads)

    def __len__(self) -> int:
        return len(self._route.reads)


Answers = Callable[[Handed, datetime], Iterable[Mapping[str, Any]]]
View = TypeVar("View", bound=Answers)


@dataclass(frozen=True, slots=True)
class Route:
    """One named route: the kind that its answer is, the resources that it reads, and what it tells, in one sentence."""

    name: str
    answer: str
    reads: tuple[str, ...]
    brief: str
    make: Answers

    def messages(self, makers: Mapping[str, Callable[[], Any]], now: datetime) -> list[dict[str, Any]]:
        """Return the answer as messages of its kind, at most MOST_MESSAGES, not yet judged by the gate.

        `makers` has a function for each resource by its name. Raises SupportRouteError, and what the route raises.
        """
        found: list[dict[str, Any]] = []
        for values in self.make(Handed(makers, self), now):
            if len(found) == MOST_MESSAGES:
                break
            found.append({**values, "kind": self.answer})
        return found


class Routes(Mapping[str, Route]):
    """Routes by name, in the order of their names."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}

    def add(self, route: Route) -> None:
        """Take a route in. Raises SupportRouteError for a name that is taken."""
        if route.name in self._routes:
            text = f"there are two support routes {route.name!r}"
            raise SupportRouteError("route-twice", text, "one name is one question: rename the newer")
        self._routes[route.name] = route

    def __getitem__(self, name: str) -> Route:
        return self._routes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._routes))

    def __len__(self) -> int:
        return len(self._routes)


ROUTES = Routes()
"""Those that `@support_route` made without naming others."""


def support_route(
    name: str, *, answer: str, reads: Iterable[str], brief: str, routes: Routes = ROUTES
) -> Callable[[View], View]:
    """Declare a question that support may ask: `answer` is a kind of case `support`, `reads` are resources by name.

    `brief` tells the customer's administrator what the answer says. Raises SupportRouteError (when decorating) for a
    name that is taken, and for words that are not of their form.
    """
    resources = tuple(reads)
    if not _NAME.fullmatch(name):
        raise SupportRouteError("route-name", f"{name!r} names no support route", "lower case, - between words")
    odd = [word for word in resources if not _RESOURCE.fullmatch(word)]
    if odd or not resources:
        text = f"support route {name!r} has to name the resources that it reads, and {odd} are none"
        raise SupportRouteError("route-resources", text, "lower case words with . or / between them, at least one")
    if len(brief) < 10:
        text = f"support route {name!r} does not say what it tells"
        raise SupportRouteError("route-brief", text, "one sentence: an administrator approves by it")

    def wrapper(view: View) -> View:
        routes.add(Route(name, answer, resources, brief, view))
        return view

    return wrapper
