"""Mistakes of a product with a person's data in them, by channel: each maker returns a call that raises."""

# ruff: noqa: ARG001, ARG005, S608

import json
import random
import sqlite3
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import marshmallow
import psycopg
import sqlalchemy as sa
import urllib3

from benchmarks import _raising
from benchmarks._person import Person

Call = Callable[[], object]


_FORMS = [function for functions in _raising.KNOWN.values() for function in functions]


def _messages(text: str, who: Person, chance: random.Random) -> Call:
    function = chance.choice(_FORMS)
    return lambda: function(text)


def _databases(text: str, who: Person, chance: random.Random) -> Call:
    name = '"' + text.replace('"', "").replace("\x00", "") + '"'
    kind = chance.randrange(6)
    if kind == 0:
        return lambda: _raise(
            psycopg.errors.UniqueViolation(
                f'duplicate key value violates unique constraint "{text}"\nDETAIL:  Key ({who.given})=({text}) exists.'
            )
        )
    if kind == 1:
        return lambda: _raise(
            psycopg.errors.UndefinedColumn(f'column "{who.given.lower()}" does not exist\nLINE 1: {text}')
        )
    if kind == 2:
        return lambda: _run(f"select {name} from customer where name = '{who.given}'")
    if kind == 3:
        return lambda: _run(f"select * from {name}")
    if kind == 4:
        return lambda: _run("insert into customer (id, name) values (1, ?)", (text,))
    return lambda: sqlite3.connect(":memory:").execute(f"select {who.given} from {name}")


def _run(statement: str, values: tuple[str, ...] = ()) -> None:
    with _ENGINE.begin() as connection:
        connection.exec_driver_sql(statement, values)


_ENGINE = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
with _ENGINE.begin() as _connection:
    _connection.exec_driver_sql("create table customer (id integer primary key, name text)")
    _connection.exec_driver_sql("insert into customer values (1, 'x')")


def _raise(fault: BaseException) -> None:
    raise fault


def _locals(text: str, who: Person, chance: random.Random) -> Call:
    def failing(patient: str = text, letter: Any = who) -> object:
        notes = {patient: letter, letter.given: [patient]}
        return notes[letter.mail + "?"][chance.randrange(9)]

    return failing


def _json(text: str, who: Person, chance: random.Random) -> Call:
    kind = chance.randrange(4)
    if kind == 0:
        return lambda: json.loads(json.dumps({text: who.mail}) + text)
    if kind == 1:
        return lambda: SCHEMA().load({"age": text, who.given: {text: 1}})
    if kind == 2:
        return lambda: {who.mail: 1}[text]
    return lambda: json.dumps({text: object()})


SCHEMA = marshmallow.Schema.from_dict(
    {"age": marshmallow.fields.Int(required=True), "mail": marshmallow.fields.Email()}
)


def _addresses(text: str, who: Person, chance: random.Random) -> Call:
    kind = chance.randrange(4)
    if kind == 0:
        return lambda: urllib3.util.parse_url(f"http://[{text}")
    if kind == 1:
        return lambda: _retried(text, who)
    if kind == 2:
        return lambda: urllib3.PoolManager(retries=0).request("GET", "ftp://" + urllib.parse.quote(text))
    return lambda: _raise(ValueError(f"https://{who.given}:{who.token}@intranet.example/{text}"))


def _retried(text: str, who: Person) -> None:
    cause = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, text))
    pool = urllib3.HTTPConnectionPool(f"{who.given}.example", 80)
    raise urllib3.exceptions.MaxRetryError(pool, f"/{text}?who={who.mail}", cause)


def _files(text: str, who: Person, chance: random.Random) -> Call:
    path = Path("/nowhere") / f"{who.family}" / text.replace("/", "_").replace("\x00", "_")
    return (lambda: open(path)) if chance.randrange(2) else (lambda: path.rmdir())


def _classes(text: str, who: Person, chance: random.Random) -> Call:
    """A customer's plug-in: classes, functions and modules are called after people, and say what they like."""
    made = type(who.given, (chance.choice((ValueError, OSError, KeyError)),), {"__module__": f"plugins.{who.family}"})

    def run() -> None:
        raise made(text)

    code = run.__code__.replace(
        co_name=who.family, co_qualname=f"{who.given}.{who.family}", co_filename=f"/opt/{who.family}.py"
    )
    return FunctionType(
        code, {"__name__": f"plugins.{who.family}", "made": made, "text": text}, who.family, None, run.__closure__
    )


def _headers(text: str, who: Person, chance: random.Random) -> Call:
    agent = f"Mozilla/5.0 ({who.given}) Chrome/{who.phone.replace(' ', '')} {text}"
    return lambda: _raise(RuntimeError({"user-agent": agent, "cookie": who.token}, agent, text))


def _chains(text: str, who: Person, chance: random.Random) -> Call:
    def run() -> None:
        try:
            int(text + "?")
        except ValueError as fault:
            fault.add_note(f"{who.given} {who.family}: {text}")
            raise ExceptionGroup(text, [fault, KeyError(who.mail), type(who.family, (Exception,), {})(text)]) from fault

    return run


def _versions(text: str, who: Person, chance: random.Random) -> Call:
    version = as_version(who.phone)
    number = int(version.replace(".", ""))
    return lambda: _raise(LookupError(version, f"version {version} of {text}", number, float(number)))


def as_version(phone: str) -> str:
    """Return the last nine digits of a telephone number as three parts of three."""
    digits = "".join(filter(str.isdigit, phone))[-9:]
    return ".".join(digits[n : n + 3] for n in range(0, 9, 3))


def _attributes(text: str, who: Person, chance: random.Random) -> Call:
    kind = chance.randrange(4)
    if kind == 0:
        return lambda: getattr(None, text)
    if kind == 1:
        return lambda: __import__(who.family + "." + who.given)
    if kind == 2:
        return lambda: text.encode("ascii") and text.encode(who.given)
    return lambda: (lambda **named: None)(**{text: 1}, **{text: 2})


MISTAKES: Mapping[str, Callable[[str, Person, random.Random], Call]] = {
    "exception messages": _messages,
    "database errors": _databases,
    "locals": _locals,
    "JSON": _json,
    "URLs": _addresses,
    "file names": _files,
    "classes of customers": _classes,
    "headers and user agents": _headers,
    "chains, groups and notes": _chains,
    "numbers as versions": _versions,
    "attributes and modules": _attributes,
}
