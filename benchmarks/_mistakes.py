"""Mistakes that reach compiled code, databases, the system, and what validates; each takes a customer's value."""

# ruff: noqa: ARG005, DTZ001, DTZ007, F507, F524, S102, SIM115, UP031

import base64
import binascii
import datetime
import decimal
import gzip
import io
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import marshmallow
import psycopg
import requests
import sqlalchemy as sa
import urllib3

Mistake = Callable[[Any], object]


def _python() -> Iterator[Mistake]:
    yield lambda value: int(value)
    yield lambda value: float(value)
    yield lambda value: complex(value + "x")
    yield lambda value: None.name  # type: ignore[attr-defined]
    yield lambda value: getattr(value, value.replace("\udce9", "") or "none")
    yield lambda value: value.nothing
    yield lambda value: value + 1
    yield lambda value: 1 + value
    yield lambda value: value < 1
    yield lambda value: value()
    yield lambda value: value["x"]
    yield lambda value: [][len(value) + 3]
    yield lambda value: ()[3]
    yield lambda value: value[1_000_000]
    yield lambda value: {}[value]
    yield lambda value: len(7)  # type: ignore[arg-type]
    yield lambda value: {[]: value}
    yield lambda value: next(value)
    yield lambda value: iter(7)  # type: ignore[call-overload]
    yield lambda value: sum([value])
    yield lambda value: "".join([7, value])  # type: ignore[list-item]
    yield lambda value: "%d" % value
    yield lambda value: "%s %s" % value
    yield lambda value: "%s" % (value, value)
    yield lambda value: f"{value:d}"
    yield lambda value: "{} {}".format(value)
    yield lambda value: "{name}".format()
    yield lambda value: value.encode("ascii")
    yield lambda value: value.encode("utf-8", "surrogatepass").decode("ascii")
    yield lambda value: b"\xff\xfe".decode("utf-8")
    yield lambda value: value.encode(value)
    yield lambda value: (lambda a: a)()  # type: ignore[call-arg]
    yield lambda value: (lambda a: a)(value, value)  # type: ignore[call-arg]
    yield lambda value: (lambda a: a)(b=value)  # type: ignore[call-arg]
    yield lambda value: int(value, 1000)
    yield lambda value: int([])  # type: ignore[call-overload]
    yield lambda value: range(value)
    yield lambda value: chr(2**40)
    yield lambda value: bytes([999])
    yield lambda value: 1 // (len(value) - len(value))
    yield lambda value: 1 / 0
    yield lambda value: 1.0 % 0
    yield lambda value: [value].remove(7)  # type: ignore[arg-type]
    yield lambda value: [value].index("nothing")
    yield lambda value: [].pop()
    yield lambda value: set().pop()
    yield lambda value: {}.popitem()
    yield lambda value: value.index("\x01\x02")
    yield lambda value: value.split("")
    yield lambda value: max([])
    yield lambda value: dict([value + "xyz"])  # type: ignore[list-item]
    yield lambda value: (lambda: (yield))().send(value)
    yield lambda value: isinstance(value, value)
    yield lambda value: open(value + "/none\x00")
    yield lambda value: __import__("none_" + base64.b16encode(value.encode("utf-8", "replace")).decode())
    yield lambda value: exec("import json; json." + "nothing_there")
    yield lambda value: undefined_name  # type: ignore[name-defined]  # noqa: F821
    yield lambda value: compile(value + "(", value.replace("\x00", ""), "exec")
    yield lambda value: super().nothing
    yield _unpacking
    yield _changing
    yield _recursing


def _unpacking(value: Any) -> object:
    a, b = [value]
    return a, b


def _changing(value: Any) -> object:
    numbers = {value: 1}
    for one in numbers:
        numbers[one + "x"] = 2
    return numbers


def _recursing(value: Any) -> object:
    return _recursing(value)


def _formats() -> Iterator[Mistake]:
    yield lambda value: json.loads(value)
    yield lambda value: json.loads('{"' + base64.b64encode(value.encode("utf-8", "replace")).decode() + '": }')
    yield lambda value: json.loads('["' + "a" * len(value))
    yield lambda value: json.dumps({value: object()})
    yield lambda value: json.dumps({(value, 1): 1})
    yield lambda value: struct.unpack("i", value.encode("utf-8", "replace") + b"odd__")
    yield lambda value: struct.pack("i", value)
    yield lambda value: struct.pack("q", 2**80)
    yield lambda value: zlib.decompress(value.encode("utf-8", "replace"))
    yield lambda value: gzip.decompress(value.encode("utf-8", "replace"))
    yield lambda value: binascii.unhexlify(value)
    yield lambda value: base64.b64decode(value.encode("utf-8", "replace") + b"=a", validate=True)
    yield lambda value: decimal.Decimal(1) / 0
    yield lambda value: datetime.datetime.fromisoformat(value)
    yield lambda value: datetime.datetime.strptime(value, "%Y")
    yield lambda value: datetime.date(2024, 13, 1)
    yield lambda value: datetime.datetime(2024, 1, 1) < datetime.datetime.now(datetime.UTC)
    yield lambda value: uuid.UUID(value)
    yield lambda value: zipfile.ZipFile(io.BytesIO(value.encode("utf-8", "replace")))
    yield lambda value: jinja2.Template("{{ a.b.c }}").render(a=value)
    yield lambda value: marshmallow.Schema.from_dict({"a": marshmallow.fields.Int()})().load({"a": value, value: 1})
    yield lambda value: marshmallow.Schema.from_dict({"a": marshmallow.fields.Email(required=True)})().load({})


def _system() -> Iterator[Mistake]:
    folder = Path(tempfile.gettempdir())

    def named(value: str) -> str:
        return base64.b32encode(value.encode("utf-8", "replace")).decode()[:60]

    yield lambda value: open(folder / named(value) / "none")
    yield lambda value: os.listdir(folder / named(value))
    yield lambda value: open(folder)
    yield lambda value: (folder / "x" / ".." / ("n" * 300)).touch()
    yield lambda value: os.rmdir("/usr")
    yield lambda value: os.mkdir(folder)
    yield lambda value: os.kill(2**22 - 3, 0)
    yield lambda value: os.read(999, 1)
    yield lambda value: subprocess.run(["/nowhere/" + named(value)], check=True)
    yield lambda value: subprocess.run([sys.executable, "-S", "-c", "raise SystemExit(3)"], check=True)
    yield lambda value: urllib3.PoolManager(retries=0).request("GET", "http://127.0.0.1:9/" + named(value))
    yield lambda value: urllib3.PoolManager(retries=1).request("GET", "http://" + named(value)[:20] + ".invalid/")
    yield lambda value: requests.get("http://127.0.0.1:9/" + named(value), timeout=5)
    yield lambda value: requests.get("https://" + named(value)[:20] + ".invalid/", timeout=5)
    yield lambda value: requests.get(value, timeout=5)
    yield lambda value: psycopg.connect(f"host=127.0.0.1 port=9 user=a{named(value)[:9]}")


def _databases() -> Iterator[Mistake]:
    plain = sqlite3.connect(":memory:")
    plain.executescript(
        "create table customer (id integer primary key, name text unique not null, age int check (age > 0));"
        "create table orders (id integer primary key, customer_id int references customer(id));"
        "pragma foreign_keys = on; insert into customer values (1, 'x', 5);"
    )
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    with engine.begin() as connection:
        connection.execute(sa.text("create table customer (id integer primary key, name text unique not null)"))

    def quoted(value: str) -> str:
        return '"' + value.replace('"', "").replace("\x00", "").replace("\udce9", "") + '"'

    statements = (
        *("select {} from customer", "select * from {}", "insert into customer (id, {}) values (1, 2)"),
        *("select 1 frm {}", "select {}(1)", "insert into customer (name) values (null)", "select '", "drop table {}"),
        *(
            "insert into customer values (1, 'y', 3)",
            "insert into customer values (2, 'x', 3)",
            "create table customer (a)",
        ),
        *(
            "insert into customer values (3, 'z', -3)",
            "insert into orders values (1, 77)",
            "select * from customer, customer",
        ),
        *(
            "insert into customer values (1, 2)",
            "rollback to {}",
            "commit",
            "select json('{{')",
            "select :a",
            "select ?",
        ),
    )
    for statement in statements:
        yield lambda value, statement=statement: plain.execute(statement.format(quoted(value)))
        yield lambda value, statement=statement: _run(engine, statement.format(quoted(value)))
    yield lambda value: plain.execute("select ?", (object(),))
    yield lambda value: plain.execute("select ?", (value, value))
    yield lambda value: plain.execute("select 1; select 2")
    yield lambda value: sqlite3.connect("/nowhere/" + "none")
    yield lambda value: _closed().execute("select 1")


def _run(engine: sa.Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def _closed() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.close()
    return connection


PARTS: Mapping[str, Callable[[], Iterator[Mistake]]] = {
    "the interpreter": _python,
    "formats, validation, templates": _formats,
    "the system, HTTP, a server that is not there": _system,
    "SQLite, plain and by SQLAlchemy": _databases,
}
