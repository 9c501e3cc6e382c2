"""Whether a raise yields its words, and nothing of a customer's: what the error log rests on (design 5).

Indexes an invented product, the annotator and the libraries it stands on (`event.index`), executes real raises in them
with customers' values as arguments, lets the finder (`event.error`) say what would leave, and has it judged by a judge
that knows nothing of templates (`benchmarks._judging`). Before that, leaks, false words and calls are planted, and must
be caught. `--quick` leaves the libraries out. Exits with 1 when anything leaked, when a planted fault was missed, or
when less than 90 % of the product's words were kept.
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy.orm import Session

from audit import index
from audit.index import Index
from audit.known import BEGINS
from benchmarks import _calling, _raising
from benchmarks._customers import SECRETS, SHORT
from benchmarks._judging import WORD, Said, Verdict, is_compiled, judge, shown
from benchmarks._messages import ANNOTATOR
from benchmarks._tallying import HEAD, Tally, caught, chain, place, total
from benchmarks._timing import Goals, arguments, machine, number, per_call_us, table
from event.index import build
from event.words import Words

GOAL_PRODUCT_PERCENT = 90.0
GOAL_RAISES = 500
MOST_AT_A_PLACE = 5
PRODUCT = Path(_raising.__file__)
Finder = Callable[[BaseException], Said | None]


def finder(found: Index) -> Finder:
    """Return what says the words that would leave of an exception by the raise sites of this index.

    What the catalogues of known messages say stands in no source here: `benchmarks.known` judges that.
    """
    words = Words(found)

    def find(fault: BaseException) -> Said | None:
        said = words.of(fault)
        return said["arguments"] if said is not None and not said["at"].startswith(BEGINS) else None

    return find


def product(find: Finder, forms: Mapping[str, Sequence[Callable[[Any], Any]]]) -> dict[str, Tally]:
    """Run every form with every secret."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for form, functions in forms.items():
        for function in functions:
            for secret in SECRETS:
                for fault in chain(found) if (found := caught(function, secret)) else ():
                    name = "raised by compiled code" if is_compiled(fault) else form
                    tallies[name].add(place(fault), judge(fault, find(fault), [secret], shown(fault)))
    return tallies


def libraries(find: Finder) -> dict[str, Tally]:
    """Call the libraries with customers' values; at each place the first few raises are judged."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    seen: Counter[Any] = Counter()
    for turn, (_library, call) in enumerate([*_calling.written(), *_calling.written(), *_calling.tried()]):
        value = SHORT[turn * 7 % len(SHORT)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = caught(call, value)
        for fault in chain(first) if first else ():
            where = place(fault)
            origin = _origin(where[0])
            seen[where] += 1
            if origin is None or seen[where] > MOST_AT_A_PLACE:
                continue
            name = f"{origin}, raised by compiled code" if is_compiled(fault) else origin
            tallies[name].add(where, judge(fault, find(fault), [value], shown(fault)))
    return dict(sorted(tallies.items()))


def _origin(file: str) -> str | None:
    """Return the library that a file belongs to."""
    return next((name for name in _calling.LIBRARIES if f"/{name}/" in file and "site-packages" in file), None)


def planted() -> list[str]:
    """Return the planted faults that the judge did not see: finders that leak, lie, and call."""

    def whole(fault: BaseException) -> Said:
        return [[argument] for argument in fault.args if type(argument) is str]

    def piece(fault: BaseException) -> Said:
        return [[str(argument).split()[-1][:7]] for argument in fault.args if argument]

    def encoded(fault: BaseException) -> Said:
        return [[str(argument).encode("utf-8", "replace").hex()] for argument in fault.args]

    def shaped(fault: BaseException) -> Said:
        return [[[str(argument)]] for argument in fault.args]

    def other(fault: BaseException) -> Said:
        return [["the session has ended and must be started again"] for argument in fault.args]

    missed = []
    secret = [SECRETS[0]]
    for finder in (whole, piece, encoded, shaped):
        fault = caught(_raising.from_the_customer, SECRETS[0])
        assert fault is not None
        if not judge(fault, finder(fault), secret, shown(fault)).leaks:
            missed.append(finder.__name__)
    fault = caught(_raising.f_string, SECRETS[0])
    assert fault is not None
    if not judge(fault, other(fault), secret, shown(fault)).false:
        missed.append(other.__name__)
    return missed


def annotator(find: Finder) -> Tally:
    """Make the annotator's own mistakes, in the real annotator, with a database on disk and every secret as names."""
    sys.path.insert(0, str(ANNOTATOR.parent))
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        engine = importlib.import_module("annotator.models").open_database(Path(folder) / "annotator.db")
        for secret in SECRETS:
            with Session(engine) as session:
                for call in _mistakes(session, secret.replace("\udce9", "")):
                    for fault in chain(found) if (found := caught(call, secret)) else ():
                        if _annotators(fault):
                            values = [secret, secret.replace("\udce9", "")]
                            tally.add(place(fault), judge(fault, find(fault), values, shown(fault)))
        engine.dispose()
    return tally


def _mistakes(session: Session, name: str) -> tuple[Callable[[str], object], ...]:
    """Return calls that fail: a full project, a completed task, label files that are none."""
    labels, work = (importlib.import_module(f"annotator.{module}") for module in ("labels", "work"))
    now = datetime.now(UTC)
    owner = work.add_member(session, name)
    project = work.create_project(session, name, 1, owner)
    task = work.upload(session, project, name, "image/png", b"x").task
    work.complete(session, task, owner, now)
    return (
        lambda value: work.upload(session, project, value, "image/png", b"x"),
        lambda value: work.annotate(session, task, owner, value, None, None, now),
        lambda value: labels.parse(value, b"{"),
        lambda value: labels.parse(value, b'[{"colour": "#112233"}]'),
    )


def _annotators(fault: BaseException) -> bool:
    return str(ANNOTATOR) in place(fault)[0] and not is_compiled(fault)


def patched(find: Finder) -> Tally:
    """Run the invented product again, patched on site: each line one further down, and a word in one changed."""
    source = "\n" + PRODUCT.read_text().replace("has no labels", "has no Quillfeather labels")
    names: dict[str, Any] = {"__name__": _raising.__name__}
    exec(compile(source, str(PRODUCT), "exec", dont_inherit=True), names)  # noqa: S102 - the patched product
    return total(product(find, {**names["KNOWN"], **names["HARD"]}).values())


def elsewhere(found: Index, *options: str) -> dict[str, int]:
    """Run the invented product in an interpreter with other options, against the index made in this one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "invented.index"
        path.write_bytes(index.encode(found))
        program = f"from benchmarks.words import alone; alone({str(path)!r})"
        root = Path(__file__).parents[1]
        done = subprocess.run([sys.executable, *options, "-c", program], cwd=root, capture_output=True, check=True)
    numbers: dict[str, int] = json.loads(done.stdout)
    return numbers


def alone(path: str) -> None:
    """Print what `elsewhere` wants to know."""
    find = finder(index.parse(Path(path).read_bytes()))
    whole = total(product(find, _raising.KNOWN).values())
    print(json.dumps({"raises": whole.raises, "said": whole.said, "kept": whole.kept, "faults": len(whole.faults)}))


def in_source(found: Index, root: Path) -> Tally:
    """Count, without running anything, the words that literals of each `raise` hold, and those of known templates.

    What builds its message elsewhere (a class, a name) counts as known where its templates are, and is not seen
    where they are not: read it beside the raises that were run.
    """
    tally = Tally()
    for module, them in found.raises.items():
        path = root / (module.replace(".", "/") + ".py")
        path = path if path.exists() else root / module.replace(".", "/") / "__init__.py"
        nodes = {
            (n.lineno, n.end_lineno, n.col_offset, n.end_col_offset): n
            for n in ast.walk(ast.parse(path.read_bytes()))
            if isinstance(n, ast.Raise)
        }
        for site in them.sites:
            if site.position in nodes:
                texts = [n.value for n in ast.walk(nodes[site.position]) if isinstance(n, ast.Constant)]
                said = sum(len(WORD.findall(text)) for text in texts if isinstance(text, str))
                known = [
                    t for one in (*site.arguments.positional, *(t for _, t in site.arguments.keywords)) for t in one
                ]
                words = [len(WORD.findall(part)) for template in known for part in template if isinstance(part, str)]
                verdict = Verdict((), (), said, min(said, sum(words)))
                tally.add((module, site.position), verdict)
    return tally


def main() -> int:
    """Print the tables; exit with 1 when anything is not as it must be."""
    goals = Goals(arguments(__doc__ or ""))
    print(machine("flask", "sqlalchemy", "urllib3", "psycopg"))
    if missed := planted():
        print(f"the judge missed planted faults: {missed}")
        return 1
    started = perf_counter()
    found = build([PRODUCT.parent, ANNOTATOR], "invented 1.0.0")
    print(f"{len(found.sources)} modules read in {perf_counter() - started:.1f} s, {len(index.encode(found)):,} B")
    find = finder(found)
    known, hard, own = product(find, _raising.KNOWN), product(find, _raising.HARD), annotator(find)
    ours = total([*known.values(), own])
    everything = total([ours, *hard.values()])
    rows = [tally.row(name) for name, tally in known.items()] + [
        own.row("the annotator itself"),
        ours.row("**together**"),
    ]
    rows += [tally.row(f"*{name}*") for name, tally in hard.items()]
    rows += [everything.row("**with those that cannot be known**")]
    print(table("In the product, by form", HEAD, rows))
    changed = patched(find)
    rows = [changed.row("patched on site, found by its own hash")]
    for options in ((), ("-X", "no_debug_ranges"), ("-O",), ("-OO",)):
        seen = elsewhere(found, *options)
        percent = f"{100 * seen['kept'] / seen['said']:.1f}"
        rows.append(
            [
                f"python {' '.join(options)}",
                *(f"{seen[k]:,}" for k in ("raises",)),
                "",
                f"{seen['said']:,}",
                f"{seen['kept']:,}",
                percent,
                str(seen["faults"]),
            ]
        )
        everything.faults += ["in another interpreter"] * seen["faults"]
    print(table("The same product otherwise", HEAD, rows))
    _speed(find, goals)
    ran = everything.raises
    everything = total([everything, changed])
    if not goals.quick:
        of_libraries = _in_libraries()
        everything = total([everything, *of_libraries.values()])
        ran = sum(tally.raises for name, tally in of_libraries.items() if "compiled" not in name)
    for fault in everything.faults[:40]:
        print(fault)
    goals.hold("faults (leaks and false words)", len(everything.faults), 0, at_most=True)
    goals.hold("words of the product kept, %", ours.percent, GOAL_PRODUCT_PERCENT, at_most=False)
    goals.hold("raises of Python source in libraries" if not goals.quick else "raises", ran, GOAL_RAISES, at_most=False)
    return goals.end()


def _speed(find: Finder, goals: Goals) -> None:
    fault = caught(_raising.built_through_two, SECRETS[0])
    assert fault is not None
    row = per_call_us({"words": lambda: find(fault)}, count=200 if goals.quick else 5_000)["words"]
    print(
        f"finding the words of one exception, warm: {number(row.value)} µs ({number(row.low)} to {number(row.high)})\n"
    )


def _in_libraries() -> dict[str, Tally]:
    """Index and call the libraries; print their tables."""
    started = perf_counter()
    specs = [importlib.util.find_spec(name) for name in _calling.LIBRARIES]
    where = [Path(next(iter(spec.submodule_search_locations or ()))) for spec in specs if spec is not None]
    found = build(where, "libraries 1.0.0")
    size = len(index.encode(found))
    print(f"{len(found.sources)} modules of libraries read in {perf_counter() - started:.0f} s, {size:,} B\n")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        of_libraries = libraries(finder(found))
    raised = {name: tally for name, tally in of_libraries.items() if "compiled" not in name}
    compiled = {name: tally for name, tally in of_libraries.items() if "compiled" in name}
    rows = [tally.row(name) for name, tally in raised.items()] + [total(raised.values()).row("**together**")]
    rows += [total(compiled.values()).row("raised by compiled code, all libraries")]
    print(table("In libraries", HEAD, rows))
    root = Path(__file__).parents[1]
    own = [root / name for name in ("audit", "event", "diffgram_home", "corporate")]
    static = [("Diffgram Home itself", in_source(build(own, "home 1.0.0"), root))]
    static += [("the libraries", in_source(found, where[0].parent))]
    print(table("In the source, without running it", HEAD, [tally.row(name) for name, tally in static]))
    return of_libraries


if __name__ == "__main__":
    sys.exit(main())
