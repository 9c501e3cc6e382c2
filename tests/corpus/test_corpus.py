"""No secret reaches spool, ledger, logs, database or corporate: some hundred cases of benchmarks.corpus, all ways, all
stores; and the judge sees a reduction that leaks, and a secret in a store, in every encoding.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from audit.index import EMPTY, Index, new
from benchmarks import _logging, corpus
from benchmarks._cases import CHANNELS, Case, cases
from benchmarks._installed import Installed, index_of_product, installed
from benchmarks._judging import is_compiled
from benchmarks._mistaken import as_version
from benchmarks._people import LOCALES
from benchmarks._person import Person
from benchmarks._running import Product, Run, useful
from benchmarks._spelled import ENCODINGS
from benchmarks._stores import Wanted, everything, search
from benchmarks._tallying import caught
from event import event as face
from tests.event import samples

COUNT = 15 * len(CHANNELS)
PLUG_INS = "classes of customers"
WAYS = {
    *("event.error", "event.SentryTransport", "event.Handler", "event.Handler, exceptions", "the browser's ways"),
    *("the Sentry endpoint, envelope", "the Sentry endpoint, store", "SDKs of other languages"),
    "log records over HTTP",
}


def some(*, moved: bool = False) -> Iterator[Case]:
    """A few cases; `moved` are the same of other people."""
    return cases(len(CHANNELS), corpus.SEED, moved=moved)


FIRST, SOMEBODY_ELSE = next(some()), next(some(moved=True))


@dataclass
class Ran:
    """A run of the core: its site is still up."""

    site: Installed
    run: Run
    kept: list[str]


@pytest.fixture(scope="module", autouse=True)
def _as_before() -> Iterator[None]:
    """Leave no collector and no handler behind; take away the loop that Playwright leaves running in this thread.

    With it `asyncio.run` refuses, and a raise inside a coroutine is not the one that is wanted.
    """
    loggers = [logging.getLogger("product"), _logging.logger, logging.getLogger("py.warnings")]
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)
    face._collector = None
    logging.captureWarnings(False)
    for logger in loggers:
        logger.handlers[:], logger.propagate = [], True


@pytest.fixture(scope="module")
def index() -> Index:
    """What the invented product ships."""
    return index_of_product(())


@pytest.fixture(scope="module")
def ran(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """The core of the corpus, run once."""
    with installed(tmp_path_factory.mktemp("corpus"), index) as site:
        run = Run(site, Product(site.home.settings.spool.folder, index), Wanted())
        kept, _ = corpus.whole(run, site, COUNT)
        yield Ran(site, run, kept)


def test_nothing_of_anybody_leaves_by_any_way_in(ran: Ran) -> None:
    assert ran.run.leaks == []
    assert {way: counts["cases"] > 10 for way, counts in ran.run.by_way.items()} == dict.fromkeys(WAYS, True)
    assert set(ran.run.by_channel) == set(CHANNELS)
    assert sum(counts["cases"] for counts in ran.run.by_channel.values()) > 0.9 * COUNT


def test_nothing_of_anybody_stands_in_any_store(ran: Ran) -> None:
    assert ran.kept == []


def test_every_store_holds_what_did_leave(ran: Ran) -> None:
    assert ran.site.messages > COUNT
    found = {
        name for name, data in everything(ran.site.stores) if b"benchmarks._raising:" in data and b"frames" in data
    }
    home, corporate = ran.site.stores[:2]
    assert any(name.startswith(f"{home.name}/") and name.endswith(":body") for name in found), sorted(found)
    assert any(name.startswith(f"{corporate.name}/") and ":" in name for name in found), sorted(found)
    assert (ran.site.stores[2] / "served.log").stat().st_size > 0


def test_type_place_and_words_of_what_the_product_raised_are_kept(index: Index, tmp_path: Path) -> None:
    product, kept = Product(_spool(tmp_path), index), []
    for case in cases(300 * len(CHANNELS), corpus.SEED):
        if case.in_product and case.raises is not None:
            fault = caught(lambda _, call=case.raises: call(), None)
            if fault is not None and not is_compiled(fault):
                product.error(fault)
                kept.append(useful(product.fresh()))
    assert len(kept) > 200
    assert sum(kept) / len(kept) >= corpus.GOAL_USEFUL / 100


def test_the_same_cases_leak_by_sentry_sdk_without_personal_data(ran: Ran) -> None:
    beside = sum(counts["beside"] for counts in ran.run.by_channel.values())
    assert sum(counts["sentry-sdk"] for counts in ran.run.by_channel.values()) > 0.9 * beside > 10


def test_the_cases_are_of_all_locales_in_all_encodings() -> None:
    made = list(cases(60 * len(CHANNELS), corpus.SEED))
    assert {case.locale for case in made} == set(LOCALES)
    assert {case.encoding for case in made} == set(ENCODINGS)
    assert len(LOCALES) == 25


def test_a_secret_in_a_store_is_found_in_every_encoding(tmp_path: Path) -> None:
    assert corpus.planted(tmp_path) == []


@pytest.mark.parametrize("side", ["home", "corporate"])
def test_a_secret_in_a_row_of_the_real_databases_is_found(ran: Ran, tmp_path: Path, side: str) -> None:
    who = next(iter(cases(1, 1))).who
    wanted, planted = Wanted(), 0
    wanted.add(who)
    for number, path in enumerate(sorted((ran.site.home.settings.folder.parents[1] / side).rglob("*.db"))):
        copy = tmp_path / f"{number}.db"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            planted += _planted(target, who.mail)
    assert planted
    found, _ = search([tmp_path], wanted)
    assert len({name for name in found if ":" in name}) == planted


def _planted(database: sqlite3.Connection, text: str) -> int:
    """Put a text into one value of each table that has bytes, packed, and say into how many."""
    count = 0
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")') if row[2] in ("BLOB", "TEXT")]
        for column in columns[:1]:
            packed = zstandard.compress(f"{{{text}}}".encode())
            last = f'(SELECT max(rowid) FROM "{table}")'  # noqa: S608  # a name of this very database
            with suppress(sqlite3.OperationalError):  # a table without rowid
                changed = database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = {last}', (packed,))  # noqa: S608
                count += changed.rowcount
    database.commit()
    return count


class Leaking(Product):
    """A product whose reduction lets one thing of a person out besides, once."""

    secret = ""

    def error(self, fault: BaseException) -> None:
        """Report it, and something more."""
        super().error(fault)
        with (self.spool / "besides").open("a") as file:
            file.write(self.secret)
        self.secret = ""


@pytest.fixture
def leaking(ran: Ran, tmp_path: Path) -> Run:
    """The same judge over a reduction that leaks."""
    return Run(ran.site, Leaking(_spool(tmp_path), EMPTY), ran.run.wanted)


def _spool(folder: Path) -> Path:
    spool = folder / "spool"
    spool.mkdir()
    samples.set_modes(spool)
    return spool


def judged(run: Run, secret: Callable[[Person], str]) -> int:
    """How many leaks the judge sees when `secret` leaves of a case's person, too."""
    before = len(run.leaks)
    case, twin = FIRST, SOMEBODY_ELSE
    run.product.secret = secret(case.who)  # type: ignore[attr-defined]
    run.run(case, twin)
    return len(run.leaks) - before


@pytest.mark.parametrize("part", ["given", "family", "mail", "phone", "number", "street", "town", "card", "token"])
def test_a_reduction_that_leaks_is_caught_in_every_encoding(leaking: Run, part: str) -> None:
    assert judged(leaking, lambda _who: "") == 0
    seen = {name: judged(leaking, lambda who, to=to: to(getattr(who, part))) for name, to in ENCODINGS.items()}
    assert seen == dict.fromkeys(ENCODINGS, 1)


def test_an_ordinary_word_of_the_source_that_leaves_once_more_is_caught(leaking: Run) -> None:
    assert judged(leaking, lambda who: f"a {who.word}") == 1


def test_a_telephone_number_that_poses_as_a_version_is_caught(leaking: Run) -> None:
    assert judged(leaking, lambda who: as_version(who.phone)) == 1


@pytest.mark.parametrize("caught", [True, False])
def test_an_index_with_the_names_of_a_customers_plug_in_is_caught(ran: Ran, tmp_path: Path, caught: bool) -> None:
    """The real reduction, which leaks because what it trusts was made of a customer's code."""
    case, twin = next(both for both in zip(some(), some(moved=True), strict=True) if both[0].channel == PLUG_INS)
    name = f"plugins.{case.who.family}.{case.who.given}" if caught else "plugins.other.Name"
    run = Run(ran.site, Product(_spool(tmp_path), new("polluted 1.0.0", {}, frozenset({name}))), ran.run.wanted)
    run.run(case, twin)
    assert bool(run.leaks) is caught
