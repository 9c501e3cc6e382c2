"""Catalogue, code, wire and report agree: each declared field of a case in use leaves, and nothing else does.

Acceptance check 9 of research/governance.md: coverage is whole, and what is declared and never sent is told.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

import event
from audit import deletion
from audit.catalogue import ENVELOPE, REQUEST, Field
from audit.deletion import Scope
from diffgram_home import bodies, coverage, declaring, deleting, intake, reading, sealing, switching
from event.scripts import Thrown
from event.ways import into
from tests.corporate import running as corporates
from tests.door.places import ANNOTATOR, Place, found

BY_ITSELF = ("at", "error_log")
"""Keys that no caller hands in."""
FIRST = 0
"""A number that falls into the first bucket."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    """A real corporate that knows the annotator's release."""
    config, root = corporates.found(tmp_path_factory.mktemp("corporate"), "")
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


@pytest.fixture
def place(server: corporates.Server, tmp_path: Path) -> Iterator[Place]:
    """An installation that the real corporate enrolled."""
    made = found(tmp_path / "home", server.wire, server.root, timeout_s=20)
    made.enrol(server.token())
    yield made
    made.home.close()


def say_everything(place: Place) -> None:
    """Each kind of message once with each of its fields: by the product's own call, or as pages do."""
    stated = place.home.settings.spool.folder, place.home.catalogue, place.home.index
    pages = into(*stated, case="browser")
    own = {"day": place.now(), "error_log": Thrown("TypeError", "what it says never leaves", ["home.js:1:1"])}
    for kind in place.home.catalogue.live_kinds("browser"):
        given = examples(place.home.catalogue.of_kind(kind.name), but=("at",))
        assert pages.new(kind.name, {key: own.get(key, value) for key, value in given.items()}) is None
    event.start(*stated, strict=True)
    for kind in place.home.catalogue.live_kinds("event"):
        fields = place.home.catalogue.of_kind(kind.name)
        given = examples(fields, but=BY_ITSELF)
        if "error_log" in fields:
            fail(given)
        else:
            event.new(kind.name, **given)


def examples(fields: Mapping[str, Field], but: Collection[str]) -> dict[str, object]:
    """Key → a value as a caller hands it in, of every field but these."""
    ours = {key: field for key, field in fields.items() if key not in but}
    return {key: FIRST if field.type == "bucket" else field.example for key, field in ours.items()}


def fail(given: dict[str, object]) -> None:
    """An exception, reported with every field that goes along."""
    try:
        json.loads("{")
    except ValueError as error:
        event.error(error, **given)  # type: ignore[arg-type]


def never(place: Place) -> set[str]:
    """Fields that are declared and never left, as the report has them."""
    coverage.count(place.home, place.now())
    return {row.field for row in coverage.never(coverage.listed(place.home))}


def declared(place: Place) -> dict[str, Field]:
    """Every field that the bytes of a batch or request may hold."""
    return {name: field for name, field in place.home.catalogue.fields.items() if ENVELOPE not in field.kinds}


def unasked(place: Place) -> set[str]:
    """The fields of support's answers, which leave by a grant alone (test_support.py)."""
    return {name for name, field in declared(place).items() if field.case == "support"}


def test_every_declared_field_leaves_and_the_report_says_so(place: Place) -> None:
    assert never(place) == set(declared(place)), "nothing was sent yet"
    switching.set_mode(place.home, "browser", None, "on", "os:0", place.now())
    switching.set_transform(place.home, "home.at", "coarser:hour", "os:0", place.now())
    say_everything(place)
    intake.take(place.home, place.now())
    sealing.seal_waiting(place.home, place.now())
    assert {sent.outcome for sent in place.send()} == {"accepted"}
    asked = {name for name, field in declared(place).items() if field.case == REQUEST} | unasked(place)
    assert never(place) == {"home.header.void"} | asked

    place.work()
    waiting = next(batch for batch in place.batches() if batch.state == "queued")
    assert sealing.void(place.home, waiting.id, "mode", place.now())
    assert {sent.outcome for sent in place.send()} == {"accepted"}
    assert never(place) == asked

    for scope in every_scope(place):
        shown = deleting.preview(place.home, scope, place.now())
        one = deleting.ask(place.home, shown.body, "account:anna", place.now())
        assert deleting.send(place.home, place.door, one, place.now()).outcome == "accepted", scope
        place.later(seconds=2)
    assert never(place) == {"home.deletion.incident"} | unasked(place)
    shown = declaring.preview(place.home, every_scope(place)[0], place.now())
    one = declaring.declare(place.home, shown, "mistake", "account:anna", place.now())
    assert deleting.send(place.home, place.door, one, place.now()).outcome == "accepted"
    assert never(place) == unasked(place), "what is declared is what leaves"
    assert not [notice for notice in reading.notices(place.home) if notice.code == coverage.NOTICE]


def every_scope(place: Place) -> list[Scope]:
    """Deletions that need all fields of such a request between them."""
    now = place.now().replace(microsecond=0)
    field = place.home.catalogue.fields["home.member_id"]
    return [
        Scope(deletion.BATCH, batch=place.rows()[0].sha256),
        Scope(deletion.FIELD, field=field.hash),
        Scope(deletion.RANGE, case="event", from_=now - timedelta(hours=1), until=now),
    ]


def test_the_counts_are_those_of_the_bytes_and_each_leaf_counts_once(place: Place) -> None:
    place.work(messages=7, batches=3)
    place.send()
    for _ in range(2):
        coverage.count(place.home, place.now())
        left = {row.field: row.messages for row in coverage.listed(place.home)}
        assert left["annotator.annotations_made"] == left["annotator.member_id"] == 21
        assert (left["home.header.sequence"], left["home.header.void"]) == (3, 0)
        assert left["home.envelope.user_agent"] is None


def test_what_was_refused_is_not_counted_as_having_left(place: Place) -> None:
    place.work()
    with place.impatient(0.001):
        place.send()
    assert [row.outcome for row in place.rows()] != ["accepted"]
    assert never(place) == set(declared(place))


def test_a_key_that_nobody_declared_is_told_by_its_kind_alone(place: Place) -> None:
    place.work()
    with place.home.store.write() as session:
        batch = place.batches()[0]
        body = bodies.get(session, batch.sha256) or b""
    planted = body.replace(b'"annotations_made":', b'"rose":')
    assert planted != body
    fields, strange = coverage.named(planted, place.home.catalogue)
    assert strange == {"annotator/task-completed": 1}
    assert "annotator.annotations_made" not in fields
    assert "rose" not in repr((fields, strange))
    assert coverage.named(body, place.home.catalogue)[1] == {}
