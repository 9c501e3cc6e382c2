"""A product with a database of orders, on SQLite or PostgreSQL, and an installation that may count in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import BigInteger, Integer, create_engine, insert
from sqlalchemy import text as sql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from audit import catalogue
from audit.catalogue import Catalogue
from diffgram_home import consenting, settings, switching
from diffgram_home.home import Home, make_home, open_home
from support_routes import reporting
from support_routes.reporting import Reporter
from tests.store import building

NOW = datetime(2026, 11, 22, 13, 0, 30, tzinfo=UTC)
ORDERS = "SELECT count(*) AS orders FROM orders WHERE id > :after AND id <= :upto"
STATES = "SELECT state, count(*) AS orders FROM orders GROUP BY state"
KINDS = """
[kind."shop/orders"]
case = "support"
brief = "how many orders there are in the whole shop"
since = "1.0.0"
[kind."shop/orders-by-state"]
case = "support"
brief = "how many orders there are in each state"
since = "1.0.0"
"""
FIELD = """
[field."{name}"]
kinds = [{kinds}]
{typed}
purpose = ["support"]
brief = "something counted for the tests of this project"
sensitivity = "technical"
identifies = "nobody"
retention_days = 30
owner = "tests@diffgram.example"
since = "1.0.0"
expires = "never"
if_off = "nothing stops working"
"""
COUNT = 'type = "count"\nunit = "orders"\nmaximum = 9007199254740991\nexample = 7\nexplain = "{query}"'
STATE = 'type = "choice"\nchoices = ["open", "paid", "packed", "sent"]\nexample = "open"'
BOTH = '"shop/orders", "shop/orders-by-state"'


class Base(DeclarativeBase):
    """The product's tables."""


class Order(Base):
    """An order; `customer` is what must never be seen anywhere else."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    state: Mapped[str | None]
    customer: Mapped[str]


def listed(orders: str = ORDERS, states: str = STATES) -> str:
    """The product's catalogue, with these queries."""
    fields = (
        ("report.at", BOTH, 'type = "instant"\nprecision = "minute"\nexample = "2026-11-22T13:00Z"'),
        ("report.took_ms", BOTH, 'type = "duration_ms"\nmaximum = 3600000\nexample = 12'),
        ("all.orders", '"shop/orders"', COUNT.format(query=orders)),
        ("state.orders", '"shop/orders-by-state"', COUNT.format(query=states)),
        ("report.state", '"shop/orders-by-state"', STATE),
    )
    return KINDS + "".join(FIELD.format(name=name, kinds=kinds, typed=typed) for name, kinds, typed in fields)


def read(text: str) -> Catalogue:
    """The catalogue with these kinds and fields."""
    return catalogue.load(catalogue.core(), catalogue.Source("shop.toml", '[catalogue]\nnamespace = "shop"\n' + text))


def orders(**more: object) -> Reporter:
    """The reporter that counts all orders, range by range."""
    said = "how many orders there are in the shop"
    made = Reporter("orders", "shop/orders", said, reporting.ROLES, 5_000, 24, "orders.id", "shop.reports:orders")
    return replace(made, **more)


def states(**more: object) -> Reporter:
    """The reporter that counts orders by their state, in one query."""
    said = "how many orders there are in each state"
    made = Reporter("states", "shop/orders-by-state", said, ("admin",), 5_000, 24, "", "shop.reports:states")
    return replace(made, **more)


def fill(url: str, states: Mapping[str | None, int]) -> None:
    """Make the product's database with so many orders of each state; what was there goes."""
    engine = create_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    rows = [{"state": state, "customer": "Rose Okafor"} for state, n in states.items() for _ in range(n)]
    with engine.begin() as connection:
        connection.execute(insert(Order), rows) if rows else None
    engine.dispose()


def said(url: str, *statements: str) -> None:
    """Say something to the product's database, as the product."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sql(statement))
    engine.dispose()


def build(folder: Path, url: str, reporters: Iterable[Reporter], *, text: str = "", more: str = "") -> Home:
    """An installation whose case `support` is on, everything approved, with these reporters."""
    document = reporting.encode(tuple(reporters))
    (folder / "reporters.json").write_bytes(document)
    pins = f'reporters = {{ file = "reporters.json", sha256 = "{hashlib.sha256(document).hexdigest()}" }}'
    path = building.write_files(folder, "local", f'support = "on"\n[reports]\nurl = "{url}"\n{pins}\n{more}')
    old = (folder / "shop.toml").read_bytes()
    new = old + (text or listed()).encode()
    (folder / "shop.toml").write_bytes(new)
    path.write_text(path.read_text().replace(hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest()))
    found = settings.read(path, {})
    make_home(found)
    home = open_home(found)
    switching.apply(home, building.NOW)
    consenting.approve(home, None, building.ACTOR, "security", "the tests", building.NOW)
    return home
