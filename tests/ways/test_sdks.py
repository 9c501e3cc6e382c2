"""Unmodified Sentry SDKs with a DSN of this installation, over HTTP to its real server: what arrives and what does not.

Each runs in a process of its own, with a customer's secret wherever the SDK looks. Afterwards the whole data folder
(spool, database, ledger) and everything that the server said at its most talkative are searched for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit import index
from diffgram_home import blocks, dsns, intake
from diffgram_home.home import Home
from diffgram_home.models import Block
from event import index as building
from tests.node import modules, node
from tests.store.building import ACTOR
from tests.ways import running, site, spelled

__all__ = ["modules"]
CHAIN = ["LookupError", "shop.StockError"]
DEEPEST = [["shop:sell:24", 1], ["shop:sell:22", 1], ["shop:Shelf.take:16", 1]]


@dataclass(frozen=True)
class Served:
    """A served installation, and the DSN that it shows."""

    home: Home
    dsn: str
    base: str
    key: str

    def taken(self) -> list[dict[str, object]]:
        """Take in what was spooled; return its messages."""
        with self.home.store.read() as session:
            known = session.query(Block).count()
        intake.take(self.home, datetime.now(UTC))
        with self.home.store.read() as session:
            rows = session.query(Block).order_by(Block.id).offset(known)
            return [message for row in rows for _, message in blocks.unpack(row)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with _served(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same, of a release whose index has the names of its program on Node."""
    shipped = building.build([], "shop 1.4.2", names=[running.PRODUCTS / "orders.names.json"])
    with _served(tmp_path_factory.mktemp("declared"), shipped) as made:
        yield made


@contextmanager
def _served(folder: Path, shipped: index.Index | None = None) -> Iterator[Served]:
    home = site.build(folder, shipped=shipped)
    key = dsns.make(home, "shop", ACTOR, datetime.now(UTC))
    log = folder / "server.log"
    with site.serving(home.settings.path, log) as base:
        yield Served(home, dsns.address(key, base), f"{base}/api/{key.number}", key.key)
    home.close()
    assert b"Listening at" in log.read_bytes()
    assert spelled.found_under(folder) == {}


@pytest.mark.parametrize("framework", running.FRAMEWORKS)
def test_a_python_sdk_reports_places_and_types_and_nothing_of_the_customer(served: Served, framework: str):
    ran = running.run(framework, spelled.SECRET, "dsn", served.dsn)
    assert spelled.found_in(ran.stdout.encode()), "the control: it was there"
    [message] = [found for found in served.taken() if found["kind"] == "home/error"]
    log = message["error_log"]
    assert message["release"] == "1.4.2"
    types = [link["type"] for link in log["chain"]]  # type: ignore[index]
    assert types == (["ExceptionGroup", *CHAIN, *CHAIN] if framework == "groups" else CHAIN)
    sold = next(link for link in log["chain"] if link["type"] == "LookupError")  # type: ignore[index]
    assert sold["code_text"]["arguments"][0][0] == "nothing was sold to "
    deepest = log["frames"][-3:]  # type: ignore[index]
    assert deepest == DEEPEST or (framework, deepest[-1]) == ("groups", ["shop:sell_many:34", 1])
    assert spelled.found_under(served.home.settings.folder) == {}


def test_node_reports_its_errors_as_pages_do(served: Served, modules: Path):
    environment = {**os.environ, "SHOP_SECRET": spelled.SECRET}
    ran = node(running.PRODUCTS / "with_node.mjs", modules, served.dsn, env=environment, timeout=120)
    assert spelled.found_in(ran.stdout.encode()), ran.stderr
    [message] = served.taken()
    log = message["error_log"]
    assert (message["kind"], message["how"]) == ("home/browser-error", "caught")
    assert log["chain"] == [{"type": "TypeError", "shapes": ["text(<256)"]}]  # type: ignore[index]
    assert log["frames"] == [["<place>", 0]]  # type: ignore[index]
    assert spelled.found_under(served.home.settings.folder) == {}


def test_a_program_on_node_whose_names_are_declared_reports_types_places_and_words(declared: Served, modules: Path):
    environment = {**os.environ, "SHOP_SECRET": spelled.SECRET}
    ran = node(running.PRODUCTS / "orders.js", modules, declared.dsn, env=environment, timeout=120)
    assert spelled.found_in(ran.stdout.encode()), ran.stderr
    other, full = sorted(declared.taken(), key=lambda one: "QuotaError" in str(one["error_log"]))
    assert {full["kind"], other["kind"]} == {"home/error"}
    assert full["release"] == "1.4.2"
    [link] = full["error_log"]["chain"]  # type: ignore[index]
    words = ["the cart of ", ["text(<32)"], " is full: ", ["integer(1)"], " of ", ["integer(1)"]]
    assert link == {
        "type": "QuotaError",
        "shapes": ["text(<64)"],
        "code_text": {"at": "known:names:0", "arguments": [words]},
    }
    ours = [["orders.js:Object.?:26", 1], ["orders.js:?:24", 1], ["orders.js:Cart.fill:16", 1]]
    assert full["error_log"]["frames"][-3:] == ours  # type: ignore[index]
    [secret] = other["error_log"]["chain"]  # type: ignore[index]
    assert secret == {"type": "<type>", "shapes": ["text(<64)"]}, "what is not declared says nothing"
    assert other["error_log"]["frames"][-2:] == ours[:2]  # type: ignore[index]
    assert spelled.found_under(declared.home.settings.folder) == {}


def test_without_names_the_same_program_leaves_as_a_type_and_a_place_unknown(served: Served, modules: Path):
    environment = {**os.environ, "SHOP_SECRET": spelled.SECRET}
    node(running.PRODUCTS / "orders.js", modules, served.dsn, env=environment, timeout=120)
    for message in served.taken():
        assert message["kind"] == "home/browser-error"
        log = message["error_log"]
        assert [link["type"] for link in log["chain"]] == ["<type>"]  # type: ignore[index]
        assert {place for place, _ in log["frames"]} == {"<place>"}  # type: ignore[index]
    assert spelled.found_under(served.home.settings.folder) == {}


@pytest.mark.parametrize("packed", ["none", "gzip", "deflate"])
def test_opentelemetry_for_python_tells_levels_loggers_places_and_words(served: Served, packed: str):
    ran = running.run("otel", spelled.SECRET, served.base, served.key, packed)
    assert spelled.found_in(ran.stdout.encode()), "the control: it was there"
    assert ran.stderr == ""
    messages = [{k: v for k, v in found.items() if k != "at"} for found in served.taken()]
    logs = [found for found in messages if found["kind"] == "home/log"]
    assert [(m["level"], m["logger"], m["place"]) for m in logs] == [
        ("info", "depot", "depot:stocktake:9"),
        ("warning", "depot", "depot:stocktake:10"),
        ("error", "depot", "depot:stocktake:11"),
        ("critical", "depot", "depot:stocktake:12"),
        ("error", "<logger>", "<place>"),
    ]
    words = [m["words"]["arguments"][0] if "words" in m else None for m in logs]  # type: ignore[index]
    assert words == [
        ["the stocktake begins"],
        ["shelf ", ["text(<32)"], " lacks ", ["integer(1)"], " for ", ["text(<32)"]],
        ["no more than ", ["integer(1)"], " were kept for ", ["text(<32)"]],
        None,
        None,
    ]
    [error] = [found for found in messages if found["kind"] == "home/error"]
    log = error["error_log"]
    assert error["release"] == "1.4.2"
    assert [link["type"] for link in log["chain"]] == CHAIN  # type: ignore[index]
    assert log["chain"][0]["code_text"]["arguments"][0][0] == "nothing was sold to "  # type: ignore[index]
    assert log["frames"][-3:] == DEEPEST  # type: ignore[index]
    assert spelled.found_under(served.home.settings.folder) == {}


def test_opentelemetry_for_node_tells_its_errors_as_pages_do(served: Served, modules: Path):
    environment = {**os.environ, "SHOP_SECRET": spelled.SECRET}
    script = running.PRODUCTS / "with_otel.mjs"
    ran = node(script, modules, f"{served.base}/v1/logs", served.key, env=environment, timeout=120)
    assert spelled.found_in(ran.stdout.encode()), ran.stderr
    assert ran.stderr == ""
    thrown, log, also = sorted(served.taken(), key=lambda message: str(message["kind"]))  # the logs in their order
    assert (log["kind"], log["level"], log["logger"], log["release"]) == ("home/log", "warning", "depot", "1.4.2")
    assert (also["kind"], also["level"], "words" in also) == ("home/log", "error", False)
    assert (thrown["kind"], thrown["how"], thrown["release"]) == ("home/browser-error", "caught", "1.4.2")
    assert thrown["error_log"]["chain"] == [{"type": "TypeError", "shapes": ["text(<64)"]}]  # type: ignore[index]
    assert spelled.found_under(served.home.settings.folder) == {}


def test_opentelemetry_for_node_tells_declared_types_and_words(declared: Served, modules: Path):
    environment = {**os.environ, "SHOP_SECRET": spelled.SECRET, "SHOP_TYPE": "QuotaError"}
    script = running.PRODUCTS / "with_otel.mjs"
    ran = node(script, modules, f"{declared.base}/v1/logs", declared.key, env=environment, timeout=120)
    assert ran.stderr == ""
    [error] = [found for found in declared.taken() if found["kind"] == "home/error"]
    words = ["the cart of ", ["text(<32)"], " is full: ", ["integer(1)"], " of ", ["integer(1)"]]
    [link] = error["error_log"]["chain"]  # type: ignore[index]
    assert (link["type"], link["code_text"]["arguments"]) == ("QuotaError", [words])
    assert error["error_log"]["frames"][-1] == ["<place>", 0]  # type: ignore[index]
    assert spelled.found_under(declared.home.settings.folder) == {}
