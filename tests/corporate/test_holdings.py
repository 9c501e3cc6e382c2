"""Everything that corporate holds about one installation: no table is forgotten, no row of another is in it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Table, Text, func, select

from audit import deletion
from audit.deletion import Scope
from corporate import (
    acts,
    completeness,
    deleting,
    enrolment,
    holdings,
    importing,
    incidents,
    instructing,
    looking,
    supporting,
)
from corporate.database import EVERYBODY
from corporate.issues import following
from corporate.keys import INSTRUCTIONS, SUPPORT
from corporate.models import Base, Batch
from corporate.removing import KEPT_OF_ONE
from corporate.server import open_corporate
from tests.corporate.pretend import CORE, Pretend, message
from tests.corporate.running import command
from tests.corporate.test_carried import out
from tests.corporate.test_deletion import PLANTED, ask, statement
from tests.corporate.visiting import Visitor


def copied() -> MetaData:
    """The schema, to plant a table in."""
    made = MetaData()
    for table in Base.metadata.sorted_tables:
        table.to_metadata(made)
    return made


def test_every_table_says_what_stands_in_it_and_those_that_refer_to_an_installation_are_shown() -> None:
    assert holdings.unnamed(Base.metadata) == [], (
        "add the new table to holdings.ABOUT, and see that deleting reaches it"
    )
    assert set(holdings.referring(Base.metadata)) <= holdings.ABOUT.keys()
    assert not holdings.ABOUT.keys() & holdings.NOT_ABOUT.keys()
    assert holdings.ABOUT.keys() | holdings.NOT_ABOUT.keys() == Base.metadata.tables.keys()


@pytest.mark.parametrize(
    "column",
    [
        Column("installation_id", Text),
        Column("whose", Text, ForeignKey("installation.id")),
        Column("batch_id", BigInteger),
        Column("of", BigInteger, ForeignKey("deletion.id")),
    ],
    ids=str,
)
def test_a_new_table_is_noticed(column: Column[Any]) -> None:
    planted = copied()
    Table("planted", planted, Column("id", BigInteger, primary_key=True), column)
    assert holdings.unnamed(planted) == ["planted"]
    assert "planted" in holdings.referring(planted)


def test_every_column_that_names_a_person_says_what_they_did() -> None:
    shown = {f"{table.name}.{column.name}" for table, column in acts.naming() if table.name in holdings.ABOUT}
    assert shown == acts.WORDS.keys()
    planted = copied()
    Table("planted", planted, Column("id", BigInteger, primary_key=True), Column("seen_by", Text))
    assert "planted.seen_by" in {f"{table.name}.{column.name}" for table, column in acts.naming(planted)}


def filled(one: Pretend, folder: Path) -> None:
    """Put at least one row of `one` into every table about an installation."""
    now, number = datetime.now(UTC), (120, "ab" * 32)
    broken = message(error_log={"chain": [{"type": "<type>", "shapes": ["email"]}], "frames": [["<place>", 1]]})
    first = one.seal(1, [message(project_id=PLANTED)] * 2)
    assert one.send_all(first, one.seal(2, [broken, message()]), one.seal(5)) == [200] * 3
    assert one.send(one.seal(2, [message()] * 9)).status == 409
    assert one.send(one.seal(6).replace(b'"kind":"home/error",', b'"kind":"home/error","colour":"rose",')).status == 400
    assert one.send_all(one.seal(8, ledger=number), one.seal(9, case="licensing", void="mode")) == [200, 200]
    server = open_corporate(one.server.settings)
    try:
        importing.take(server, out(one, one.seal(10)), "os:test", now)
        customer = holdings.held(server.store, one.id).customer  # type: ignore[union-attr]
        wish = instructing.Wish(customer, one.id, "case", "event", "local", "other", 7)
        instructing.ask(server.store, server.keys.of(INSTRUCTIONS), wish, "os:test", now)
        help_ = supporting.Wish(one.id, ("versions",), "alert", "DG-1", 60, 1, "A" * 43, "support")
        supporting.ask(server.store, server.keys.of(SUPPORT), help_, "os:test", now)
        enrolment.allow_signature(server.store, one.id, True, "os:test", now)
        completeness.settle(server.store, one.id, "os:test", now)
        (opened,) = incidents.listed(server.store, installation=one.id)
        incidents.close(server.store, opened.token, "os:test", now)
        following.catch_up(server, now)
    finally:
        server.store.close()
    assert ask(one, Scope("batch", batch="0" * 64))[1].status == 200


def counted(one: Pretend) -> Mapping[str, int]:
    """Rows about the installation, by table."""
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        wanted = {
            table.name: select(func.count()).select_from(table).where(holdings.about(table, one.id))
            for table in holdings.tables()
        }
        return {name: session.execute(query).scalar_one() for name, query in wanted.items()}


def test_every_table_is_shown_exported_and_emptied_when_the_installation_leaves(one: Pretend, tmp_path: Path) -> None:
    filled(one, tmp_path)
    before = counted(one)
    assert [name for name, rows in before.items() if not rows] == [], "fill the new table here"
    visitor = Visitor(one.server)
    visitor.sign_in()
    page = visitor.ask("GET", f"/installations/{one.id}/held").data.decode()
    for name in before:
        assert holdings.ABOUT[name].replace("'", "&#39;") in page
        assert f"/installations/{one.id}/held/{name}" in page
        shown = visitor.ask("GET", f"/installations/{one.id}/held/{name}")
        assert shown.status == 200
        assert shown.data.count(b'<span class="n"') == before[name]
    file = tmp_path / "all.ndjson"
    one.server.command("holdings", one.id, "--export", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    assert {name: [line["table"] for line in lines].count(name) for name in before} == before
    assert visitor.ask("GET", f"/installations/{one.id}/export").data == file.read_bytes()
    assert ask(one, Scope("leaving"))[1].status == 200
    assert {name for name, rows in counted(one).items() if rows} == KEPT_OF_ONE
    assert str(PLANTED).encode() not in visitor.ask("GET", f"/installations/{one.id}/export").data


def test_everything_that_people_did_is_on_the_page(one: Pretend, tmp_path: Path) -> None:
    filled(one, tmp_path)
    visitor = Visitor(one.server)
    visitor.sign_in()
    page = visitor.ask("GET", f"/installations/{one.id}/held").data.decode()
    did = ("asked it for less", "signature allowed", "conflict is settled", "closed an incident", "carried by hand")
    assert [words for words in did if words not in page] == []
    assert "the token that it enrolled with" in page


def test_all_is_counted_and_exported_and_nothing_of_others(one: Pretend, stranger: Pretend, tmp_path: Path) -> None:
    assert stranger.enrol(stranger.server.token("Lakeside Imaging")).status == 201
    assert stranger.send(stranger.seal(1, [message(project_id=42)])).status == 200
    assert one.send_all(one.seal(1, [message(project_id=7)] * 2), one.seal(2)) == [200, 200]
    file = tmp_path / "all.ndjson"
    found = one.server.command("holdings", one.id, "--export", str(file))
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    assert (rows["batch"], rows["message"], rows["installation"], rows["certificate"]) == (2, 3, 1, 1)
    head, *lines = map(json.loads, file.read_text().splitlines())
    assert (head["installation"], head["format"]) == (one.id, holdings.FORMAT)
    assert {name: [line["table"] for line in lines].count(name) for name in rows} == rows
    assert [line["row"]["kind"] for line in lines if line["table"] == "message"] == ["home/error"] * 3
    assert stranger.id not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    command(one.server.config, "holdings", "0" * 32, code=1)


def test_rows_are_paged_by_key_and_long_texts_are_cut(one: Pretend) -> None:
    assert one.send(one.seal(1, [message(project_id=n) for n in range(1, 121)])).status == 200
    with one.server.store() as store:
        seen, after = [], None
        while True:
            page = looking.rows(store, one.id, "message", after)
            assert page is not None
            seen += [json.loads(line)["position"] for line in page.lines]
            if (after := page.after) is None:
                break
        assert seen == list(range(1, 121))
        for odd in ("[", "[1]", '["a", "b"]', "[-1, -1]", "{}", "[true, 1]", "[1, 99999999999999999999]"):
            changed = looking.rows(store, one.id, "message", odd)
            assert changed is not None
            assert len(changed.lines) == looking.PAGE
        assert looking.rows(store, one.id, "account", None) is None
        certificate = looking.rows(store, one.id, "certificate", None)
        assert certificate is not None
        assert max(map(len, certificate.lines)) < 3 * looking.MOST_CHARACTERS


def test_the_picture_has_a_bar_for_each_day_and_tells_what_was_deleted(one: Pretend) -> None:
    bodies = [one.seal(n, [message()] * 2) for n in (1, 2, 3)]
    assert one.send_all(*bodies) == [200] * 3
    now = datetime.now(UTC)
    with one.server.store() as store:
        with store.writing(EVERYBODY) as session:
            row = session.execute(
                select(Batch).where(Batch.installation_id == one.id, Batch.sequence == 1)
            ).scalar_one()
            row.received_at = now - timedelta(days=3)
            sha256 = row.sha256
        assert ask(one, Scope("batch", batch=sha256))[1].status == 200
        days = looking.days(store, one.id, now)
        assert looking.bars(looking.days(store, "0" * 32, now)) == ()
    assert len(days) == looking.DAYS
    assert [(day.here, day.gone, day.messages) for day in days[-4:]] == [(0, 1, 0), (0, 0, 0), (0, 0, 0), (2, 0, 4)]
    bars = looking.bars(days)
    assert [bar.what for bar in bars] == ["gone", "here"]
    assert bars[0].height < bars[1].height <= looking.HEIGHT


SCOPES = (
    Scope("everything"),
    Scope("case", "event"),
    Scope("case", "licensing"),
    Scope("batch", batch="f" * 64),
    Scope("field", field=CORE.fields["home.project_id"].hash),
    Scope("range", "event", from_=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2099, 1, 1, tzinfo=UTC)),
    Scope("range", from_=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2021, 1, 1, tzinfo=UTC)),
)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: f"{scope.what}-{scope.case}")
def test_the_preview_says_what_the_statement_says_afterwards(one: Pretend, scope: Scope, tmp_path: Path) -> None:
    filled(one, tmp_path)
    assert ask(one, Scope("batch", batch=_first(one)))[1].status == 200
    server = open_corporate(one.server.settings)
    with one.server.store() as store:
        found = deleting.foresee(store, one.id, scope)
        again = deleting.foresee(store, one.id, scope)
        token = deleting.by_staff(store, server.keys.of("deletions"), 35, one.id, scope, "ada", datetime.now(UTC))
    server.store.close()
    made = statement(one, token)
    assert found == again
    assert (dict(found.counts), found.already) == (dict(made.counts), made.already)
    assert {case: count for case, (_, _, count) in found.batches.items()} == {x.case: x.count for x in made.lanes}
    for lane in made.lanes:
        numbers = list(deletion.numbers(lane.numbers))
        assert found.batches[lane.case][:2] == (numbers[0], numbers[-1])


def _first(one: Pretend) -> str:
    with one.server.store() as store, store.reading(EVERYBODY) as session:
        wanted = select(Batch.sha256).where(Batch.installation_id == one.id).order_by(Batch.id).limit(1)
        return session.execute(wanted).scalar_one()


def test_a_person_sees_what_goes_types_it_and_has_the_signed_statement(one: Pretend) -> None:
    assert one.send_all(one.seal(1, [message(project_id=PLANTED)] * 2), one.seal(2)) == [200, 200]
    visitor = Visitor(one.server)
    visitor.sign_in()
    where = f"/installations/{one.id}/delete"
    shown = visitor.ask("GET", f"{where}?what=case&case=event")
    assert shown.status == 200
    assert one.id[:8].encode() in shown.data
    wrong = visitor.ask("POST", where, {"what": "case", "case": "event", "typed": "yes"})
    assert (wrong.status, b"nothing was deleted" in wrong.data) == (400, True)
    assert one.server.command("deletions", one.id) == []
    done = visitor.ask("POST", where, {"what": "case", "case": "event", "typed": one.id[:8]})
    assert done.status == 303
    page = visitor.ask("GET", done.headers["Location"])
    assert b"administrator" in page.data
    assert b"What the statement says" in page.data
    (row,) = one.server.command("deletions", one.id)
    file = visitor.ask("GET", f"{done.headers['Location']}/statement")
    assert file.data.decode() == row["document"] + "\n"
    made = statement(one, file.data.decode().strip())
    assert (made.batches, made.counts["message"], made.request) == (2, 3, None)
    assert row["asked_by"] == "staff:administrator"
    assert visitor.ask("GET", f"/installations/{one.id}/deletions/999999").status == 404


def test_questions_that_make_no_sense_are_answered_with_what_to_do(one: Pretend) -> None:
    visitor = Visitor(one.server)
    visitor.sign_in()
    where = f"/installations/{one.id}/delete"
    for odd in (
        "",
        "what=all",
        "what=leaving",
        "what=batch&batch=xyz",
        "what=case",
        "what=case&case=rose",
        "what=field&field=" + "0" * 64,
        "what=range&from=soon&until=later",
        "what=range&from=2026-11-22&until=2026-11-21",
    ):
        answer = visitor.ask("GET", f"{where}?{odd}")
        assert (answer.status, b'role="alert"' in answer.data) == (400, True), odd
    for path in ("held", "held/batch", "export", "delete?what=everything"):
        assert visitor.ask("GET", f"/installations/{'0' * 32}/{path}").status == 404
    assert visitor.ask("GET", f"/installations/{one.id}/held/account").status == 404


def test_the_statement_and_the_preview_are_to_be_had_by_command_too(one: Pretend, tmp_path: Path) -> None:
    assert one.send(one.seal(1, [message()] * 2)).status == 200
    shown = one.server.command("delete", one.id, "--everything", "--dry-run")
    assert shown["counts"] == {"message": 2, "batch": 1}
    assert one.server.command("deletions", one.id) == []
    one.server.command("delete", one.id, "--everything", "--yes")
    (row,) = one.server.command("deletions", one.id)
    file = tmp_path / "statement.jws"
    command(one.server.config, "deletions", one.id, "--number", str(row["id"]), "--statement", str(file))
    assert statement(one, file.read_text().strip()).counts == {"message": 2, "batch": 1}
    command(one.server.config, "deletions", one.id, "--statement", str(file), code=2)
    command(one.server.config, "deletions", one.id, "--number", "999999", code=1)
