"""Cases of the corpus: a mistake of a product with an invented person's data in it, by channel, seeded.

Every case has the call that raises, and the secrets that nothing of may leave: as they are, in parts, and encoded.
"""

# ruff: noqa: ARG001, ARG005, S608

import base64
import html
import itertools
import json
import random
import sqlite3
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import marshmallow
import psycopg
import sqlalchemy as sa
import urllib3

from benchmarks import _raising
from benchmarks._people import LOCALES

Call = Callable[[], object]
SURROUNDINGS = (
    *("{}", "Dear {}, your order", "{} <none@example.org>", "[{}]", '"{}" was refused', "{}\nsecond line", "x={}&y=1"),
    *(
        "project 7 of {} is full: 3 of 40 inputs are used",
        "invalid literal for int() with base 10: '{}'",
        "%s {} {{0}}",
    ),
    *('relation "{}" does not exist', "no such table: {}", "'NoneType' object has no attribute '{}'"),
)
"""What stands around a value; some of it imitates the messages of programs."""
ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "lower": str.lower,
    "upper": str.upper,
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "twice percent": lambda text: urllib.parse.quote(urllib.parse.quote(text, safe="")),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "utf-16": lambda text: text.encode("utf-16-le").hex(),
    "json": lambda text: json.dumps(text)[1:-1],
    "repr": ascii,
    "html": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
}


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of somebody: none of it may leave."""

    given: str
    family: str
    mail: str
    phone: str
    street: str
    card: str
    token: str

    def secrets(self) -> tuple[str, ...]:
        """Everything, each as it is."""
        return (self.given, self.family, self.mail, self.phone, self.street, self.card, self.token)


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `in_product` says that a `raise` of the product raises, whose words are to be kept."""

    channel: str
    locale: str
    encoding: str
    call: Call
    secrets: tuple[str, ...]
    in_product: bool = False


def person(chance: random.Random, locale: str) -> Person:
    """Return somebody of a locale."""
    at = LOCALES[locale]
    given, family = chance.choice(at.given.split()), chance.choice(at.family.split())
    digits = [str(chance.randrange(10)) for _ in range(16)]
    street = f"{chance.choice(at.streets.split())} {chance.randrange(100, 999)}"
    mail = f"{given}.{family}{chance.randrange(10, 99)}@{chance.choice(['mail', 'post', 'klinik'])}.example"
    card = " ".join("".join(digits[n : n + 4]) for n in range(0, 16, 4))
    return Person(given, family, mail, at.dial + "".join(digits[:5]), street, card, chance.randbytes(12).hex())


def moved_on(who: Person) -> Person:
    """Return somebody else: every letter and digit is the next one, so that all looks alike and nothing is the same."""
    return Person(*("".join(map(_next, text)) for text in who.secrets()))


def _next(character: str) -> str:
    for row in ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"):
        if character in row:
            return row[(row.index(character) + 1) % len(row)]
    following = chr(ord(character) + 1)
    return following if character.isalpha() and following.isalpha() else character


def cases(count: int, seed: int, *, moved: bool = False) -> Iterator[Case]:
    """Yield cases, all channels, locales and encodings in turn; `moved` are the same with other people's data."""
    chance = random.Random(seed)
    turns = zip(itertools.cycle(CHANNELS.items()), itertools.count(), strict=False)
    for (channel, make), number in itertools.islice(turns, count):
        locale = list(LOCALES)[number // len(CHANNELS) % len(LOCALES)]
        who = moved_on(person(chance, locale)) if moved else person(chance, locale)
        encoding = chance.choice(list(ENCODINGS)) if number % 3 else "plain"
        plain = chance.choice(
            [f"{who.given} {who.family}", who.given, who.family, who.mail, who.phone, who.street, who.card, who.token]
        )
        text = (
            chance.choice(SURROUNDINGS).format(ENCODINGS[encoding](plain)) if number % 2 else ENCODINGS[encoding](plain)
        )
        yield Case(channel, locale, encoding, make(text, who, chance), who.secrets(), channel == "exception messages")


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
    digits = "".join(filter(str.isdigit, who.phone))[-9:]
    version = ".".join(digits[n : n + 3] for n in range(0, 9, 3))
    return lambda: _raise(LookupError(version, f"version {version} of {text}", int(digits), float(int(digits))))


def _attributes(text: str, who: Person, chance: random.Random) -> Call:
    kind = chance.randrange(4)
    if kind == 0:
        return lambda: getattr(None, text)
    if kind == 1:
        return lambda: __import__(who.family + "." + who.given)
    if kind == 2:
        return lambda: text.encode("ascii") and text.encode(who.given)
    return lambda: (lambda **named: None)(**{text: 1}, **{text: 2})


CHANNELS: Mapping[str, Callable[[str, Person, random.Random], Call]] = {
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
