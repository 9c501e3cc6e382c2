"""Does anything of a person leave? 20,000 cases of mistakes with invented people's data, by all ways in, to corporate.

A case raises, logs, or asks the installation something as a page, a browser or an SDK does, with the data of somebody
of 25 locales wherever there is room for it, written in twelve encodings. What raises goes through `event.error` and, in
turn, `event.SentryTransport`, the Sentry endpoint (what sentry-sdk would send with send_default_pii=True; envelope or
store) and `event.Handler`. What each case left is judged at once. A word of a person that also stands in the index is a
leak unless the same mistake with another person's data leaves it just as often. The installation takes, seals and sends
all of it to a real corporate; then everything that either keeps (spool, databases, ledger, sealed bodies, logs, memory
file system), unpacked, is searched for everybody. Beside it, on the same cases, sentry-sdk with send_default_pii=False.

Leaks are planted first in every encoding and every kind of store, and must be found. `--quick` has 180 cases. Exits
with 1 for any leak, or when under 95 % of the product's raises keep type, place and words.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from benchmarks import _cases
from benchmarks._installed import Installed, index_of_product, installed
from benchmarks._running import Product, Run
from benchmarks._spelled import ENCODINGS, found_in
from benchmarks._stores import Wanted, plant, search
from benchmarks._timing import Goals, arguments, machine, table

GOAL_CASES, GOAL_USEFUL = 20_000, 95.0
SEED = 20261122
SENT_EVERY = 3_000
"""So many cases are spooled before they are taken and sent: the spool has a bound."""
TOLD_EVERY = 1_000
QUICK, WHOLE = 180, 21_600


def main() -> int:
    """Print the tables; exit with 1 when anything is not as it must be."""
    goals = Goals(arguments(__doc__ or ""))
    print(machine("sentry-sdk", "sqlalchemy"))
    with tempfile.TemporaryDirectory() as name:
        if missed := planted(Path(name)):
            print(f"planted leaks were not found: {missed}")
            return 1
        index = index_of_product(()) if goals.quick else index_of_product()
        with installed(Path(name), index) as site:
            run = Run(site, Product(site.home.settings.spool.folder, index), Wanted())
            kept, size = whole(run, site, QUICK if goals.quick else WHOLE)
            print(
                f"{site.messages:,} messages were sent to corporate and acknowledged; {size / 1e6:,.0f} MB of what "
                f"both keep were searched for {len(run.wanted):,} beginnings of spellings\n"
            )
    return _report(run, kept, goals)


def whole(run: Run, site: Installed, count: int) -> tuple[list[str], int]:
    """Run the cases and send what is left of them; return what of anybody stands in the stores, and their bytes.

    What stood there before the first case is nobody's: words of the index, of settings, of catalogues.
    """
    before, _ = search(site.stores, run.wanted)
    stood = set().union(*before.values()) if before else set()
    begin = perf_counter()
    both = zip(_cases.cases(count, SEED), _cases.cases(count, SEED, moved=True), strict=True)
    for number, (case, twin) in enumerate(both, 1):
        run.run(case, twin)
        if number % SENT_EVERY == 0:
            site.send()
        if number % TOLD_EVERY == 0:
            print(f"{number:,} of {count:,} cases, {perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    spooled, _ = search(site.stores, run.wanted)
    site.send()
    sent, size = search(site.stores, run.wanted)
    together = [(name, seen - stood) for found in (spooled, sent) for name, seen in found.items()]
    return [f"{name}: {sorted(seen)[:3]}" for name, seen in together if seen], size


def planted(folder: Path) -> list[str]:
    """Return what is planted and not found: a person in what left and in every kind of store, in each encoding."""
    case = next(_cases.cases(1, SEED))
    left = {name: encode_as(case.who.mail).encode() for name, encode_as in ENCODINGS.items()}
    missed = [name for name, data in left.items() if not found_in(b'{"a":"' + data + b'"}', case.who.secrets())]
    wanted, stores = Wanted(), folder / "planted"
    wanted.add(case.who)
    stores.mkdir()
    names = plant(stores, case.who)
    found, _ = search([stores], wanted)
    return missed + [name for name in names if not any(place.startswith(f"planted/{name}") for place in found)]


def _report(run: Run, kept: list[str], goals: Goals) -> int:
    _table("Cases by channel", run.by_channel, ("cases", "leaks", "beside", "sentry-sdk"))
    _table("The same by way in", run.by_way, ("cases", "leaks"))
    for way, counts in run.by_way.items():
        if answered := {name: count for name, count in counts.items() if name.startswith("answered ")}:
            print(f"{way}: {answered}")
    for leak in (*run.leaks, *kept)[:20]:
        print(leak)
    cases = sum(counts["cases"] for counts in run.by_channel.values())
    leaks = len(run.leaks) + len(kept)
    percent = 100 * run.useful[True] / max(run.useful.total(), 1)
    if not goals.quick:
        goals.hold("cases", cases, GOAL_CASES, at_most=False)
    goals.hold("cases and stores with a leak, and one", 1 + leaks, 1, at_most=True)
    goals.hold("raises of the product with type, place and words, %", percent, GOAL_USEFUL, at_most=False)
    return max(goals.end(), int(leaks > 0))


def _table(title: str, counted: Mapping[str, Counter[str]], keys: tuple[str, ...]) -> None:
    rows = [[name, *(f"{counts[key]:,}" for key in keys)] for name, counts in counted.items()]
    together: Counter[str] = sum(counted.values(), Counter())
    rows.append(["**together**", *(f"{together[key]:,}" for key in keys)])
    names = {"leaks": "that leaked", "beside": "beside", "sentry-sdk": "leaked by sentry-sdk"}
    print(table(title, (title.rpartition(" ")[2], *(names.get(key, key) for key in keys)), rows))


if __name__ == "__main__":
    sys.exit(main())
