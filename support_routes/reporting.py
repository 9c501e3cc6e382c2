"""Aggregate reporters: what a product has counted in its own database, declared by `@reporter` (design 9).

    @reporter("annotations", answer="annotator/annotations", key="annotation.id", budget_ms=20_000,
              explain="how many annotations there are in all projects")
    def annotations() -> None: ...

The query stands in the product's catalogue, as `explain` of the counts that it makes, so that whoever approves the
field approves the query. A function may return it, as text or as SQLAlchemy's `select`: it has to be the same words.
Its columns are named as the keys of the kind are: at most one choice, by which it is grouped, and counts. With a `key`
it is run range by range of that column, and reads from `:after` (exclusive) to `:upto` (inclusive).

No product code runs in the installation: `support_routes.declare` calls these functions where the release is made, and
writes the document that is read here. Reading holds it against the catalogue, and reports every fault at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from audit.catalogue import Catalogue, Field
from support_routes.errors import RouteFault, RouteFaults, SupportRouteError
from support_routes.routes import Handed, Route

FORMAT = "diffgram-home-reporters/1"
ROLES = ("admin", "security", "operator", "viewer")
AT, TOOK_MS = "at", "took_ms"
"""Keys that every reporter's kind may have beside its counts: when it was counted, and how long that took."""
NUMBERS = ("count", "size_bytes", "duration_ms")
RESOURCE = "reports"
"""What the support route of a reporter reads: kept numbers, never the product's database."""
BUDGET_MS = (10, 600_000)
EVERY_HOURS = (1, 744)
MAX_REPORTERS = 200
_NAME = re.compile(r"[a-z][a-z0-9]{0,30}(?:-[a-z0-9]{1,30}){0,5}")
_KEY = re.compile(r"[a-z_][a-z0-9_]{0,62}(?:\.[a-z_][a-z0-9_]{0,62}){1,2}")
_MEMBERS = frozenset({"name", "answer", "explain", "permission", "budget_ms", "every_hours", "key", "place"})

Ask = TypeVar("Ask", bound=Callable[[], object])


@dataclass(frozen=True, slots=True)
class Reporter:
    """One declared reporter: its messages are of the kind `answer`; `permission` has the roles that may look at it.

    `key` is the column whose ranges it is counted by, or "" where one query counts all. `place` is its code place.
    """

    name: str
    answer: str
    explain: str
    permission: tuple[str, ...]
    budget_ms: int
    every_hours: int
    key: str
    place: str

    def query(self, catalogue: Catalogue) -> str:
        """Return the query that is run, which is what the catalogue explains its counts with."""
        return next(field.explain or "" for field in self.counts(catalogue))

    def counts(self, catalogue: Catalogue) -> tuple[Field, ...]:
        """Return the fields of its numbers, the time that it took aside."""
        fields = catalogue.of_kind(self.answer).values()
        return tuple(field for field in fields if field.type in NUMBERS and field.key != TOOK_MS)

    def group(self, catalogue: Catalogue) -> Field | None:
        """Return the closed choice by which it is grouped, if it is."""
        fields = catalogue.of_kind(self.answer).values()
        return next((field for field in fields if field.type == "choice"), None)


def reporter(
    name: str,
    *,
    answer: str,
    explain: str,
    permission: Sequence[str] = ROLES,
    budget_ms: int = 2_000,
    every_hours: int = 24,
    key: str = "",
) -> Callable[[Ask], Ask]:
    """Declare a reporter; the function returns its query, or nothing where the catalogue's words are all there is.

    Raises SupportRouteError (when decorating) for words and numbers that are not of their form.
    """

    def wrapper(ask: Ask) -> Ask:
        place = f"{ask.__module__}:{ask.__qualname__}"
        made = Reporter(name, answer, explain, tuple(permission), budget_ms, every_hours, key, place)
        for fault in _form(made):
            raise SupportRouteError(fault.code, fault.message, fault.hint)
        ask.reporter = made  # type: ignore[attr-defined]
        return ask

    return wrapper


def encode(reporters: Sequence[Reporter]) -> bytes:
    """Return the document of a release's reporters, in the order of their names."""
    listed = [asdict(one) for one in sorted(reporters, key=lambda one: one.name)]
    return json.dumps({"format": FORMAT, "reporters": listed}, indent=1).encode() + b"\n"


def read(data: bytes, catalogue: Catalogue) -> tuple[Reporter, ...]:
    """Return the reporters of a document, held against the catalogue. Raises RouteFaults with everything wrong."""
    faults: list[RouteFault] = []
    found = tuple(_parsed(data, faults))
    names = [one.name for one in found]
    for one in found:
        faults += _form(one) or _meaning(one, catalogue)
        if names.count(one.name) > 1:
            faults.append(_fault(one, "reporter-twice", "stands there twice", "one name is one reporter"))
    if faults:
        raise RouteFaults(tuple(dict.fromkeys(faults)))
    return found


def _parsed(data: bytes, faults: list[RouteFault]) -> Iterator[Reporter]:
    hint = "make it again: python -m support_routes.declare"
    try:
        document = json.loads(data)
        if document.keys() != {"format", "reporters"} or document["format"] != FORMAT:
            raise ValueError
        rows = document["reporters"]
        if len(rows) > MAX_REPORTERS or any(row.keys() != _MEMBERS for row in rows):
            raise ValueError
        for row in rows:
            yield Reporter(**row | {"permission": tuple(row["permission"])})
    except (ValueError, AttributeError, TypeError, RecursionError):
        faults.append(RouteFault("reporters-malformed", "", f"this is no document {FORMAT!r} of reporters", hint))


def _form(one: Reporter) -> list[RouteFault]:
    """What is wrong with a reporter by itself."""
    rules = (
        ("reporter-name", _is(_NAME, one.name), "has no name of lower case words with - between", "name it anew"),
        ("reporter-answer", _is(re.compile(r"[a-z0-9/-]{3,120}"), one.answer), "answers with no kind", "name a kind"),
        ("reporter-explain", _is_sentence(one.explain), "does not say what it counts", "one sentence, for people"),
        ("reporter-roles", _are_roles(one.permission), "names no roles", f"choose of {', '.join(ROLES)}"),
        ("reporter-budget", _within(one.budget_ms, BUDGET_MS), "has no budget", "10 to 600000 milliseconds"),
        ("reporter-every", _within(one.every_hours, EVERY_HOURS), "has no interval", "1 to 744 hours"),
        ("reporter-key", one.key == "" or _is(_KEY, one.key), "has an odd key", 'write key = "table.column"'),
        ("reporter-place", isinstance(one.place, str), "has no code place", "make the document again"),
    )
    return [_fault(one, code, message, hint) for code, holds, message, hint in rules if not holds]


def _meaning(one: Reporter, catalogue: Catalogue) -> list[RouteFault]:
    """What is wrong with a reporter beside the catalogue."""
    kind = catalogue.kinds.get(one.answer)
    if kind is None or kind.removed or kind.case != "support":
        return [_fault(one, "reporter-kind", "answers with no kind of case 'support'", "declare it in the catalogue")]
    fields = tuple(catalogue.of_kind(one.answer).values())
    counts, choices = one.counts(catalogue), [field for field in fields if field.type == "choice"]
    queries = {field.explain or "" for field in counts}
    named = {field.key: field.type for field in fields}
    others = [field for field in fields if field not in counts and field.key not in (AT, TOOK_MS)]
    ranged = all(word in query for query in queries for word in (":after", ":upto"))
    rules = (
        ("reporter-counts", bool(counts), "counts nothing", "declare a count in its kind"),
        ("reporter-at", named.get(AT) == "instant", "does not say when", f"declare {AT!r} of type instant"),
        ("reporter-took", named.get(TOOK_MS, "duration_ms") == "duration_ms", "has an odd took_ms", "a duration_ms"),
        ("reporter-other", others == choices, "has fields that no query makes", "a choice, counts, at, took_ms"),
        ("reporter-groups", len(choices) < 2, "is grouped by two choices", "one: small groups hide in two"),
        ("reporter-query", len(queries) == 1 and "" not in queries, "has no one query", "the same explain on each"),
        ("reporter-range", ranged == bool(one.key), "has a key and no range, or the reverse", ":after and :upto"),
    )
    return [_fault(one, code, message, hint) for code, holds, message, hint in rules if not holds]


def _fault(one: Reporter, code: str, message: str, hint: str) -> RouteFault:
    return RouteFault(code, str(one.name), f"reporter {one.name!r} {message}", hint)


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and 10 <= len(value) <= 300


def _are_roles(values: Sequence[Any]) -> bool:
    return bool(values) and all(value in ROLES for value in values)


def _within(value: object, span: tuple[int, int]) -> bool:
    return type(value) is int and span[0] <= value <= span[1]


def as_route(one: Reporter) -> Route:
    """Return the named support route of a reporter, `report/<name>`.

    Its resource is `reports`: a function of a reporter's name and a moment that gives the messages it has.
    """

    def told(handed: Handed, now: datetime) -> Iterator[Mapping[str, Any]]:
        yield from handed[RESOURCE](one.name, now)

    return Route(f"report/{one.name}", one.answer, (RESOURCE,), one.explain, told)


def by_name(reporters: Sequence[Reporter]) -> Mapping[str, Reporter]:
    """Return the reporters by their names."""
    return {one.name: one for one in reporters}
