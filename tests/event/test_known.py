"""Words of exceptions that no source explains: found in the catalogues, whole or line by line, never a value."""

import importlib
import json
import os
import socket
import sqlite3
import ssl
import struct
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import marshmallow
import psycopg
import pytest
import requests
import sqlalchemy as sa
import urllib3
from sqlalchemy import orm

from audit import known
from audit._coding import check_error_log
from audit.index import encode, parse
from audit.types import SHAPE
from event._error import ErrorLog
from event.index import build
from event.known import Said, for_types, names_of_models, shipped
from event.known.notation import parts, text_of
from tests.event.shipped import Shipped, caught
from tests.postgres import cluster

TYPES = {
    *("ValueError", "TypeError", "AttributeError", "IndexError", "KeyError", "NameError", "ZeroDivisionError"),
    *("FileNotFoundError", "OSError", "ConnectionRefusedError", "UnicodeEncodeError", "RecursionError", "RuntimeError"),
    *("json.decoder.JSONDecodeError", "sqlite3.IntegrityError", "sqlite3.OperationalError", "sqlite3.ProgrammingError"),
    *("psycopg.errors.UniqueViolation", "psycopg.errors.SyntaxError", "psycopg.OperationalError", "struct.error"),
    *("sqlalchemy.exc.IntegrityError", "sqlalchemy.exc.OperationalError", "socket.gaierror", "zlib.error"),
    *("urllib3.exceptions.MaxRetryError", "urllib3.exceptions.NewConnectionError", "ssl.SSLCertVerificationError"),
    *("requests.exceptions.ConnectionError", "marshmallow.exceptions.ValidationError", "ModuleNotFoundError"),
}


class Base(orm.DeclarativeBase):
    """The invented product's tables."""


class Member(Base):
    """A table with constraints of every kind."""

    __tablename__ = "member"
    __table_args__ = (sa.UniqueConstraint("name", name="one_name_each"), sa.Index("by_email", "email"))
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    email: orm.Mapped[str] = orm.mapped_column(unique=True)
    boss_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("member.id"))


KNOWN = shipped({**names_of_models(Base.metadata), "field": frozenset({"email", "address.town"})})
SLOTS = known.slots_of(TYPES, {"upload", "Order.complete", "<module>", "Order.f.<locals>.<lambda>"}, {"annotator.work"})
SAID = Said(KNOWN, SLOTS)
SCHEMA = marshmallow.Schema.from_dict({"email": marshmallow.fields.Email(), "rose": marshmallow.fields.Int()})


def raised(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as fault:
        return fault
    raise AssertionError("nothing was raised")


def kept(kind: type, *args: Any) -> str:
    """Return what leaves, arguments parted by a bar, shapes in angle brackets; the gate must accept it."""
    said = SAID.of(kind, args)
    if said is None:
        return ""
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    said = json.loads(json.dumps(said))
    assert known.derives(KNOWN, SLOTS, name, said["at"], said["arguments"], SHAPE), said
    return "|".join(
        "".join(part if isinstance(part, str) else f"<{part[0]}>" for part in one) for one in said["arguments"]
    )


def words(call: Callable[[], object]) -> str:
    fault = raised(call)
    return kept(type(fault), *fault.args)


def _database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table member (id integer primary key, name text unique, rose text check (rose <> 'x'))")
    connection.execute("insert into member (name) values ('Rose')")
    return connection


def upload(**_fields: str) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: int("Rose"), "invalid literal for int() with base <integer(2)>: <word>"),
        (lambda: float("Rose"), "could not convert string to float: '<word>'"),
        (lambda: None.rose, "'NoneType' object has no attribute '<word>'"),  # type: ignore[attr-defined]
        (lambda: 1 + "Rose", "unsupported operand type(s) for +: 'int' and 'str'"),  # type: ignore[operator]
        (lambda: [][3], "list index out of range"),
        (lambda: 1 // 0, "integer division or modulo by zero"),
        (lambda: rose, "name '<word>' is not defined"),  # type: ignore[name-defined]  # noqa: F821
        (lambda: upload("Rose"), "upload() takes <integer(1)> positional arguments but <integer(1)> was given"),  # type: ignore[call-arg]
        (lambda: {}["Rose"], ""),
        (lambda: (_ for _ in ()).throw(KeyError("pop from an empty set")), "pop from an empty set"),
        (lambda: importlib.import_module("rose"), "No module named '<word>'"),
        (
            lambda: "Rosé".encode("ascii"),
            "<word>|<word>|<integer(1)>|<integer(1)>|ordinal not in range(128)",
        ),
        (
            lambda: json.loads('{"rose"'),
            "Expecting ':' delimiter: line <integer(1)> column <integer(1)> (char <integer(1)>)",
        ),
        (lambda: struct.unpack("i", b"rose!"), "unpack requires a buffer of <integer(1)> bytes"),
        (
            lambda: zlib.decompress(b"rose"),
            "Error <integer(1)> while decompressing data: unknown compression method",
        ),
        (lambda: open("/rose/price"), "<integer(1)>|No such file or directory"),  # noqa: SIM115
        (lambda: socket.create_connection(("127.0.0.1", 9)), "<integer(3)>|Connection refused"),
        (
            lambda: _database().execute("insert into member (name) values ('Rose')"),
            "UNIQUE constraint failed: member.name",
        ),
        (lambda: _database().execute("insert into member (rose) values ('x')"), "CHECK constraint failed: <text(<32)>"),
        (lambda: _database().execute("select rose_price from member"), "no such column: <text(<32)>"),
        (lambda: _database().execute("select 1 frm rose"), 'near "<word>": syntax error'),
        (
            lambda: sa.create_engine("sqlite://").connect().execute(sa.text("select 1 from rose")),
            "(sqlite3.OperationalError) no such table: <word>",
        ),
        (
            lambda: psycopg.connect("host=127.0.0.1 port=9 user=rose"),
            "connection failed: connection to server at <text(<32)>, port <integer(1)> failed: Connection refused\n"
            "\tIs the server running on that host and accepting TCP/IP connections?",
        ),
        (
            lambda: urllib3.PoolManager(retries=0).request("GET", "http://127.0.0.1:9/rose"),
            "<word>(host=<text(<32)>, port=<integer(1)>): Max retries exceeded with url: <path> (Caused by "
            'NewConnectionError("<word>(host=<text(<32)>, port=<integer(1)>): Failed to establish a new connection: '
            '[Errno <integer(3)>] Connection refused"))',
        ),
        (
            lambda: SCHEMA().load({"email": "Rose", "rose": "Rose"}),
            "email: Not a valid email address.\n<word>: Not a valid integer.",
        ),
    ],
)  # fmt: skip
def test_what_really_is_raised_keeps_its_words(call: Callable[[], object], said: str) -> None:
    assert words(call) == said


def test_what_wraps_an_exception_leaves_the_words_to_it() -> None:
    fault = raised(lambda: requests.get("http://127.0.0.1:9/rose", timeout=5))
    assert kept(type(fault), *fault.args) == ""
    assert fault.__context__ is not None
    assert "Connection refused" in kept(type(fault.__context__), *fault.__context__.args)


POSTGRESQL = [
    (
        'duplicate key value violates unique constraint "one_name_each"\nDETAIL:  Key (name)=(Rose) already exists.',
        'duplicate key value violates unique constraint "one_name_each"\nDETAIL:  Key (name)=(<word>) already exists.',
    ),
    (
        'duplicate key value violates unique constraint "rose_price"\n'
        "DETAIL:  Key (name)=(Rose\nPrice) already exists.",
        'duplicate key value violates unique constraint "<text(<32)>"\n<text(<64)>',
    ),
    (
        "doppelter Schlüsselwert verletzt Unique-Constraint »one_name_each«\n"
        "DETAIL:  Schlüssel »(name)=(Rose)« existiert bereits.",
        'duplicate key value violates unique constraint "one_name_each"\n<text(<64)>',
    ),
    (
        "llave duplicada viola restricción de unicidad «rose»",
        'duplicate key value violates unique constraint "<word>"',
    ),
    (
        'повторяющееся значение ключа нарушает ограничение уникальности "rose"',
        'duplicate key value violates unique constraint "<word>"',
    ),
    ('重复键违反唯一约束"rose"', 'duplicate key value violates unique constraint "<word>"'),
    ("Rose Price is in room 7", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), POSTGRESQL)
def test_a_server_is_understood_in_its_language_and_leaves_in_english(text: str, said: str) -> None:
    assert kept(psycopg.errors.UniqueViolation, text) == said


def test_a_wrapped_message_of_a_server_is_judged_line_by_line() -> None:
    text = f"(psycopg.errors.UniqueViolation) {POSTGRESQL[0][0]}"
    assert kept(sa.exc.IntegrityError, text) == f"(psycopg.errors.UniqueViolation) {POSTGRESQL[0][1]}"


STATEMENTS = (
    (
        "insert into member values (2, 'Rose', 'b', 1)",
        'duplicate key value violates unique constraint "one_name_each"\nDETAIL:  Key (name)=(<word>) already exists.',
    ),
    (
        "insert into member values (2, 'Ivy', 'a', 1)",
        'duplicate key value violates unique constraint "member_email_key"\n'
        "DETAIL:  Key (email)=(<word>) already exists.",
    ),
    (
        "insert into member values (3, 'Hope', 'c', 99)",
        'insert or update on table "member" violates foreign key constraint "member_boss_id_fkey"\n'
        'DETAIL:  Key (boss_id)=(<integer(2)>) is not present in table "member".',
    ),
    (
        "insert into member (id, email) values (4, 'Rose')",
        'null value in column "name" of relation "member" violates not-null constraint\n'
        "DETAIL:  Failing row contains <text(<32)>.",
    ),
    ("select rose from member", 'column "<word>" does not exist\n<text(<64)>'),
    ("select name from rose", 'relation "<word>" does not exist\n<text(<64)>'),
    ("select 'Rose'::int", 'invalid input syntax for type <word>: "<word>"\n<text(<64)>'),
    ("select 1 / 0", "division by zero"),
    ("set statement_timeout = 1; select pg_sleep(9)", "canceling statement due to statement timeout"),
)


def test_what_a_real_server_says_keeps_its_words_and_names_that_models_map() -> None:
    said = Said(KNOWN, known.slots_of((f"psycopg.errors.{name}" for name in dir(psycopg.errors)), (), ()))
    with cluster() as server, psycopg.connect(server.superuser(), autocommit=True) as connection:
        connection.execute(
            "create table member (id int primary key, name text not null constraint one_name_each unique, "
            "email text unique, boss_id int references member(id)); insert into member values (1, 'Rose', 'a', 1)"
        )
        for statement, expected in STATEMENTS:
            fault = raised(lambda statement=statement: connection.execute(statement))  # type: ignore[misc]
            found = said.of(type(fault), fault.args)
            assert found is not None, statement
            parts_of = found["arguments"][0]
            assert "".join(part if isinstance(part, str) else f"<{part[0]}>" for part in parts_of) == expected


def test_certificates_and_what_lists_of_reasons_say_leave() -> None:
    text = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"
    assert kept(ssl.SSLCertVerificationError, 1, text) == f"<integer(1)>|{text.replace('1006', '<integer(4)>')}"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ValueError, "Rose"),
        (ValueError, "invalid literal"),
        (ValueError, "invalid literal for int() with base 10"),
        (ValueError, "xinvalid literal for int() with base 10: 'Rose'"),
        (KeyError, "invalid literal for int() with base 10: 'Rose'"),
        (ValueError, "list index out of range"),
        (TypeError, "Rose Price has no attribute 'x'"),
        (ArithmeticError, "division by zero"),
    ],
)
def test_other_texts_and_other_types_have_no_words(kind: type, text: str) -> None:
    assert kept(kind, text) == ""


def test_names_leave_only_from_the_list_of_their_hole() -> None:
    assert kept(AttributeError, "'Rose' object has no attribute 'name'") == "'<word>' object has no attribute '<word>'"
    assert kept(AttributeError, "'NoneType' object has no attribute 'complete'").endswith("no attribute 'complete'")
    assert kept(AttributeError, "'str' object has no attribute 'str'") == "'str' object has no attribute '<word>'"
    assert kept(sqlite3.OperationalError, "no such table: name") == "no such table: <word>"
    assert kept(sqlite3.OperationalError, "no such table: member") == "no such table: member"
    assert kept(TypeError, "name() takes no arguments (1 given)") == "<word>() takes no arguments (<integer(1)> given)"


def test_models_give_tables_columns_and_constraints_with_the_names_that_servers_make() -> None:
    found = names_of_models(Base.metadata)
    assert found["table"] == {"member"}
    assert {"name", "member.name", "boss_id"} <= found["column"]
    assert found["constraint"] == {
        "one_name_each",
        "by_email",
        "member_pkey",
        "member_email_key",
        "member_boss_id_fkey",
    }


def test_an_exception_is_never_called_and_no_other_type_is_looked_into() -> None:
    class Text(str):
        def __str__(self) -> str:
            raise AssertionError

        __repr__ = __eq__ = __hash__ = startswith = find = __str__  # type: ignore[assignment]

    class Names(dict[str, list[str]]):
        def items(self) -> Any:
            raise AssertionError

    assert kept(ValueError, Text("invalid literal for int() with base 10: 'Rose'")) == ""
    assert kept(marshmallow.ValidationError, Names(email=["Not a valid integer."])) == ""


def test_nothing_is_lost_in_huge_texts_and_many_lines() -> None:
    assert kept(ValueError, "invalid literal for int() with base 10: '" + "Rose" * 100_000) == ""
    text = "\n".join(["no such table: rose"] * 5_000)
    assert kept(sqlite3.OperationalError, text).count("no such table") <= 12
    assert kept(psycopg.OperationalError, "connection failed: " * 800 + "Rose") == (
        "connection failed: " * known.MAX_DEPTH + "<text(>=1024)>"
    )


LOCALISED = """
import locale, sys
locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
from tests.event.test_known import words
print(words(lambda: open("/rose/price")), words(lambda: __import__("socket").create_connection(("127.0.0.1", 9))))
try:
    open("/rose/price")
except OSError as fault:
    print(fault.args[1])
"""


def test_the_system_is_understood_in_the_language_of_the_process(tmp_path: Path) -> None:
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=False)
    if made.returncode or not Path("/usr/share/locale/de/LC_MESSAGES/libc.mo").exists():
        pytest.skip("the system has no German texts")
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "LOCPATH": str(tmp_path),
        "LANGUAGE": "",
        "LC_ALL": "de_DE.UTF-8",
        "PYTHONPATH": str(root),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOCALISED], env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "<integer(1)>|No such file or directory <integer(3)>|Connection refused\n"
        "Datei oder Verzeichnis nicht gefunden\n"
    )


FILES = sorted((Path(__file__).parents[2] / "event" / "known").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_message_is_written_once_and_every_hole_has_a_list_or_a_catalogue(path: Path) -> None:
    names = {file.stem for file in FILES}
    for kinds, messages in KNOWN.catalogues[path.stem]:
        assert len(set(messages)) == len(messages), kinds
        for message in messages:
            for part in message:
                if not isinstance(part, str) and part[0].startswith(known.INNER):
                    assert set(part[0][1:].split("+")) <= names, text_of(message)
                elif not isinstance(part, str) and part[0]:
                    assert part[0] in KNOWN.lists or part[0] in SLOTS, text_of(message)


def test_no_message_of_the_catalogues_is_a_hole_that_takes_anything() -> None:
    bare = [
        (name, message)
        for name, groups in KNOWN.catalogues.items()
        for _, messages in groups
        for message in messages
        if all(part == ("",) for part in message)
    ]
    assert bare == []


def test_the_notation_reads_back_and_refuses_stray_braces() -> None:
    text = "a {{set}} of {} in {column}: {~sqlite+mysql}"
    assert parts(text) == ("a {set} of ", ("",), " in ", ("column",), ": ", ("~sqlite+mysql",))
    assert text_of(parts(text)) == text
    for stray in ("a { b", "a } b", "two\nlines", ""):
        with pytest.raises(ValueError, match=r"brace|line"):
            parts(stray)


def test_the_slot_reads_back_from_its_document() -> None:
    assert known.from_document(json.loads(json.dumps(known.document(KNOWN)))) == KNOWN


def test_translations_are_of_messages_that_there_are() -> None:
    rows = json.loads(Path(FILES[0].parent / "translations.json").read_text())
    for name, of in rows.items():
        there = {
            text
            for group in tomllib.loads((FILES[0].parent / f"{name}.toml").read_text())["group"]
            for text in group["messages"]
        }
        assert {parts(text) for text in of} <= {parts(text) for text in there}


SHOP = """
    import sqlite3

    class Lost(ValueError):
        pass

    def complete(order):
        return int(order)

    def hand_on(text):
        raise ValueError(text)

    def table(name):
        sqlite3.connect(":memory:").execute(f"select 1 from {name}")

    def own(name):
        raise Lost(f"order {name} is not in the shop")
"""


def test_words_come_from_the_raise_first_then_from_the_catalogues_and_never_for_what_a_product_hands_on(
    tmp_path: Path,
) -> None:
    shop = Shipped(tmp_path, SHOP)
    accepts = check_error_log({}, shop.index)

    def left(fault: BaseException) -> str:
        link = ErrorLog(shop.index).of(fault)["chain"][0]
        assert accepts(json.loads(json.dumps(ErrorLog(shop.index).of(fault))))
        said = link.get("code_text", {"at": "", "arguments": []})
        words = ["".join(part if isinstance(part, str) else "<>" for part in one) for one in said["arguments"]]
        return f"{said['at'].partition(':')[0]} {'|'.join(words)}"

    assert left(shop.caught("Rose", of="complete")) == "known invalid literal for int() with base <>: <>"
    assert left(shop.caught("Rose", of="table")) == "known no such table: <>"
    assert left(shop.caught("Rose", of="own")) == "shop order <> is not in the shop"
    assert left(shop.caught("invalid literal for int() with base 10: 'Rose'", of="hand_on")) == " "
    assert left(caught(lambda: None.complete)) == "known 'NoneType' object has no attribute 'complete'"  # type: ignore[attr-defined]
    assert left(caught(lambda: None.rose)) == "known 'NoneType' object has no attribute '<>'"  # type: ignore[attr-defined]


def test_an_index_holds_the_messages_that_its_types_can_carry_and_the_tables_of_the_models(tmp_path: Path) -> None:
    (tmp_path / "models_of_a_shop.py").write_text(
        "from sqlalchemy import orm\n\nclass Base(orm.DeclarativeBase):\n    pass\n\n"
        "class Basket(Base):\n    __tablename__ = 'basket'\n"
        "    colour: orm.Mapped[str] = orm.mapped_column(primary_key=True)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        index = parse(encode(build([tmp_path], "shop 1.0.0", models=["models_of_a_shop:Base"])))
    finally:
        sys.path.remove(str(tmp_path))
    assert index.known.lists["table"] == {"basket"}
    assert index.known.lists["column"] == {"colour", "basket.colour"}
    assert "python" in index.known.catalogues
    fewer = for_types(KNOWN, {"zlib.error"})
    assert fewer.catalogues.keys() == {"interpreter", "python"}
    assert all(known.carries(kinds, "zlib.error") for rows in fewer.catalogues.values() for kinds, _ in rows)
