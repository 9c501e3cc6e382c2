"""What catalogues keep of exceptions that compiled code, drivers and servers raise (`event.known`).

Runs the raises of `benchmarks.words` that no source explains, and mistakes that reach databases, servers and the
operating system, with customers' values in them, and has each judged: which words of the message stayed, whether
anything of the value left, whether words left that the message does not say. Before that, faults are planted, and must
be caught. `--quick` leaves the libraries out. Exits with 1 for any leak or false word, or a planted fault that is
missed.
"""

# ruff: noqa: ARG005
# (a mistake need not mention the value)

import contextlib
import sqlite3
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import Any

import sqlalchemy as sa

from audit.known import slots_of
from benchmarks import _calling, _mistakes, _raising
from benchmarks._customers import SECRETS, SHORT
from benchmarks._judging import Said as Out
from benchmarks._judging import is_compiled, judge, shown
from benchmarks._tallying import HEAD, Tally, caught, chain, place, total
from benchmarks._timing import Goals, arguments, machine, number, per_call_us, table
from event.known import Said, shipped

GOAL_PERCENT = 75.0
MOST_AT_A_PLACE = 5
Finder = Callable[[BaseException], Out | None]


def types() -> frozenset[str]:
    """Return every exception type that is loaded: which of them an index names is not the question here."""
    found: set[type] = set()
    waiting: list[type] = [BaseException]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += type.__subclasses__(kind)
    return frozenset(
        k.__qualname__ if k.__module__ == "builtins" else f"{k.__module__}.{k.__qualname__}" for k in found
    )


def carried(fault: BaseException) -> list[str]:
    """Return the texts that an exception carries; what its `str` puts around them is its class's own."""
    return [value for value in fault.args if type(value) is str] or shown(fault)


def finder(said: Said) -> Finder:
    """Return what would leave for an exception by the catalogues alone."""

    def find(fault: BaseException) -> Out | None:
        found = said.of(type(fault), BaseException.__dict__["args"].__get__(fault))
        return found["arguments"] if found is not None else None

    return find


def published(said: Said) -> frozenset[str]:
    """Return every literal and every listed name of the catalogues."""
    known = said.known
    literals = {
        part
        for groups in known.catalogues.values()
        for _, messages in groups
        for message in messages
        for part in message
        if isinstance(part, str)
    }
    return frozenset(literals | {"\n"} | types() | {name for names in known.lists.values() for name in names})


def compiled(find: Finder, texts: Collection[str], *, quick: bool) -> dict[str, Tally]:
    """Judge what compiled code raises in the invented product, in libraries, and in the mistakes of `_mistakes`."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    seen: Counter[Any] = Counter()
    for name, call, value in _calls(quick):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = caught(call, value)
        for fault in chain(first) if first else ():
            where = (*place(fault), *shown(fault)[:1]) if name in _mistakes.PARTS else place(fault)
            seen[where] += 1
            if any(isinstance(argument, BaseException) for argument in fault.args):
                continue  # what it wraps stands in the chain itself
            if seen[where] <= MOST_AT_A_PLACE and (is_compiled(fault) or name in _mistakes.PARTS):
                tallies[name].add(where, judge(fault, find(fault), [value], carried(fault), texts))
    return dict(tallies)


def _calls(quick: bool) -> Iterator[tuple[str, Callable[[Any], object], str]]:
    for functions in (*_raising.KNOWN.values(), *_raising.HARD.values()):
        for function in functions:
            yield from (("the invented product", function, secret) for secret in SECRETS)
    for part, mistakes in _mistakes.PARTS.items():
        yield from ((part, mistake, secret) for mistake in mistakes() for secret in SHORT[:: 9 if quick else 1])
    if quick:
        return
    for turn, (_, call) in enumerate([*_calling.written(), *_calling.tried()]):
        yield "libraries", call, SHORT[turn * 7 % len(SHORT)]


def planted(find: Finder, texts: Collection[str]) -> list[str]:
    """Return the planted faults that the judge did not see."""
    secret = "rehtaefylliuQ"[::-1]  # not to stand in this file, which raises
    fault = caught(lambda value: int(value), secret)
    assert fault is not None
    honest = find(fault)
    outs: dict[str, Out] = {
        "the value whole": [[secret]],
        "the value in a hole": [["invalid literal for int() with base ", ["integer(2)"], ": ", f"'{secret}'"]],
        "a part of the value": [["invalid literal for int() with base ", ["integer(2)"], ": ", secret[:5]]],
        "the value in hexadecimal": [[secret.encode().hex()]],
        "the value as a shape": [["invalid literal for int() with base ", ["integer(2)"], ": ", [secret]]],
        "the words of another message": [["list index out of range"]],
    }
    verdicts = {name: judge(fault, out, [secret], shown(fault), texts) for name, out in outs.items()}
    missed = [name for name, verdict in verdicts.items() if not (verdict.leaks or verdict.false)]
    true = judge(fault, honest, [secret], shown(fault), texts)
    return missed + (["an honest finder is blamed"] if true.leaks or true.false or not true.kept else [])


def main() -> int:
    """Print the table; exit with 1 when anything is not as it must be."""
    goals = Goals(arguments(__doc__ or ""))
    print(machine("flask", "sqlalchemy", "urllib3", "psycopg"))
    said = Said(shipped(), slots_of(types(), (), ()))
    find, texts = finder(said), published(said)
    if missed := planted(find, texts):
        print(f"the judge missed planted faults: {missed}")
        return 1
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        tallies = compiled(find, texts, quick=goals.quick)
    whole = total(tallies.values())
    rows = [tally.row(name) for name, tally in tallies.items()] + [whole.row("**together**")]
    print(table("Raised by compiled code, drivers, servers and the system", HEAD, rows))
    for fault in whole.faults[:40]:
        print(fault)
    _speed(find, goals)
    goals.hold("faults (leaks and false words), and one", 1 + len(whole.faults), 1, at_most=True)
    goals.hold("words kept, %", whole.percent, GOAL_PERCENT, at_most=False)
    return goals.end()


def _speed(find: Finder, goals: Goals) -> None:
    connection = sqlite3.connect(":memory:")
    faults = {
        "int('rose')": caught(int, "rose"),
        "None.rose": caught(lambda value: None.rose, ""),  # type: ignore[attr-defined]
        "no such table": caught(lambda value: connection.execute("select 1 from rose"), ""),
        "the same by SQLAlchemy": caught(
            lambda value: sa.create_engine("sqlite://").connect().execute(sa.text("x")), ""
        ),
    }
    calls = {name: (lambda fault=fault: find(fault)) for name, fault in faults.items()}
    for name, row in per_call_us(calls, count=200 if goals.quick else 5_000).items():
        print(f"finding the words of {name}, warm: {number(row.value)} µs ({number(row.low)} to {number(row.high)})")


if __name__ == "__main__":
    sys.exit(main())
