"""Deletion and people on the pages: seen to the byte first, nothing asked before somebody confirms, marks that stay."""

import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import deletion
from audit.deletion import Scope
from diffgram_home import deleting, deletions, leaving, models, people, reading, rules
from diffgram_home.home import Home
from tests.web.world import PASSWORD, World, fill, open_world, serving


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An installation of these tests alone, since they switch, delete and leave."""
    home = open_world(tmp_path_factory.mktemp("own"))
    made = fill(home)
    with serving(home.settings.path) as base:
        yield World(home, base, made)
    home.close()


def bodies_of(text: str) -> str:
    """The request in the form of a page."""
    found = re.search(r'name="body" value="(.*?)"', text)
    assert found
    return html.unescape(found[1])


def test_looking_changes_nothing_and_what_was_seen_is_what_is_kept_and_wanted(own: World) -> None:
    token = own.token("security")
    where = f"/deletion/look?what=batch&attempt={own.attempts['accepted']}"
    page = own.ask(where, token=token)
    assert page.status == 200
    assert "1 batch with" in page.text
    assert deletions.listed(own.home) == []
    body = bodies_of(page.text)
    assert json.loads(body)["kind"] == deletion.KIND
    form = {"csrf": own.form_value(token), "body": body}
    assert own.ask("/deletion", method="POST", token=token, form={**form, "body": "{}"}).status == 400
    assert own.ask("/deletion", method="POST", token=token, form=form).status == 303
    (asked,) = deletions.listed(own.home)
    assert (asked.state, asked.actor, asked.request) == ("asked", own_actor(own, "security"), 1)
    assert own.ask("/deletion/requests/1", token=token).body == body.encode() + b"\n"
    assert "It goes with the scheduler" in own.ask("/deletion", token=token).text


def own_actor(world: World, role: str) -> str:
    """How the ledger names the person with this role."""
    return next(one.actor for one in people.accounts(world.home) if one.name == f"{role}.person")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("what=batch&attempt=999999", 404),
        ("what=batch", 404),
        ("what=field&field=no.field", 404),
        ("what=field&field=home.header.sequence", 409),
        ("what=range&from=x&until=2026-01-01T00:00", 400),
        ("what=range&from=2026-01-02T00:00&until=2026-01-01T00:00", 409),
        ("what=case&case=none", 400),
        ("what=all", 400),
        ("", 400),
        ("what=range&from=2026-01-01T00:00&until=2026-01-02T00:00&case=event", 200),
        ("what=range&from=2026-01-01T00:00&until=2026-01-02T00:00&case=", 200),
        ("what=case&case=event", 200),
        ("what=everything", 200),
    ],
)
def test_every_form_leads_to_a_preview_or_says_what_is_wrong(own: World, asked: str, status: int) -> None:
    got = own.ask(f"/deletion/look?{asked}", token=own.token("admin"))
    assert got.status == status, got.text


def test_a_field_is_switched_off_with_its_deletion_where_that_is_chosen(own: World) -> None:
    token = own.token("admin")
    name = next(field for field in deleting.fields(own.home) if field.endswith("input_quota"))
    page = own.ask(f"/deletion/look?what=field&field={name}", token=token)
    assert "At most" in page.text
    form = {"csrf": own.form_value(token), "body": bodies_of(page.text), "off": "yes"}
    assert own.ask("/deletion", method="POST", token=token, form=form).status == 303
    (field,) = [one for one in reading.fields(own.home) if one.name == name]
    assert field.off
    assert f"The field {name} in all messages" in own.ask("/deletion", token=token).text
    assert "switched off here" in own.ask(f"/deletion/look?what=field&field={name}", token=token).text


def test_a_viewer_sees_what_was_asked_and_may_not_ask(own: World) -> None:
    token = own.token("viewer")
    page = own.ask("/deletion", token=token)
    assert (page.status, "Look at the request" in page.text) == (200, False)
    assert own.ask("/deletion/look?what=everything", token=token).status == 403
    assert own.ask("/deletion/leave", token=token).status == 403


def test_what_corporate_deleted_is_marked_and_the_copy_here_stays(own: World) -> None:
    number, token = own.attempts["accepted"], own.token("viewer")
    line = reading.attempt(own.home, number, lines=0).line  # type: ignore[union-attr]
    before = own.ask(f"/sent/{number}/bytes", token=token).body
    hold(own.home, line.sha256)
    assert "deleted at corporate on" in own.ask("/sent", token=token).text
    page = own.ask(f"/sent/{number}", token=own.token("admin")).text
    assert "deleted at corporate on" in page
    assert "Delete this at corporate" not in page
    assert own.ask(f"/sent/{number}/bytes", token=token).body == before
    assert "Delete this at corporate" in own.ask(f"/sent/{own.attempts['unknown']}", token=own.token("admin")).text


def hold(home: Home, sha256: str) -> None:
    """Have a statement about one batch in the tables, as if corporate had sent it; its signature is nobody's."""
    now = datetime.now(UTC).replace(microsecond=0)
    lane = deletion.lane("event", [(1, sha256)])
    scope = Scope("batch", batch=sha256)
    last = now + timedelta(days=35)
    made = deletion.Deletion(
        home.installation, None, scope, 9, now, (lane,), 0, {"message": 3}, ("sha256",), last, "overwritten"
    )
    document = deletion.issue(made, Ed25519PrivateKey.generate())
    with home.store.write() as session:
        row = models.Deletion(
            what="batch", deleted_at=now, batches=1, backups_until=last, document=document, leaf=0, agrees=True
        )
        session.add(row)
        session.flush()
        session.add(models.Deleted(sha256=sha256, deletion_id=row.id))


def test_a_statement_is_downloaded_as_it_came_and_one_that_does_not_hold_is_not_believed(own: World) -> None:
    (kept,) = [one for one in deletions.listed(own.home) if one.held is not None]
    token = own.token("viewer")
    got = own.ask(f"/deletion/statements/{kept.held}", token=token)
    assert got.body.decode() == kept.document
    assert "Its signature does not hold" in own.ask("/deletion", token=token).text
    assert own.ask("/deletion/statements/4711", token=token).status == 404
    assert own.ask("/deletion/requests/4711", token=token).status == 404


def test_a_person_is_deleted_after_a_look_and_the_history_keeps_the_number(own: World) -> None:
    people.add(own.home, "rose.planted", PASSWORD, ["viewer"], "os:0", datetime.now(UTC))
    (rose,) = [one for one in people.accounts(own.home) if one.name == "rose.planted"]
    token = own.token("admin")
    assert "rose.planted" in own.ask("/people", token=token).text
    where = f"/people/{rose.number}/delete"
    assert "rose.planted" in own.ask(where, token=token).text
    form = {"csrf": own.form_value(token)}
    assert own.ask(where, method="POST", token=token, form={**form, "name": "somebody"}).status == 400
    assert own.ask(where, method="POST", token=own.token("security"), form=form).status == 403
    assert own.ask(where, method="POST", token=token, form={**form, "name": "rose.planted"}).status == 303
    assert own.ask(where, token=token).status == 404
    history = own.ask("/history", token=token).text
    assert "rose.planted" not in history
    assert f"person {rose.number}, whose account was deleted" in history
    assert "admin.person" in history, "who is still here is shown by name"


def test_the_last_administrator_is_told_so(own: World) -> None:
    (admin,) = [one for one in people.accounts(own.home) if one.name == "admin.person"]
    token = own.token("admin")
    form = {"csrf": own.form_value(token), "name": "admin.person"}
    got = own.ask(f"/people/{admin.number}/delete", method="POST", token=token, form=form)
    assert (got.status, "nobody would have the role" in got.text.lower()) == (409, True)


def test_leaving_is_seen_first_and_begun_only_when_confirmed(own: World) -> None:
    token = own.token("security")
    page = own.ask("/deletion/leave", token=token)
    assert "Leave corporate altogether?" in page.text
    form = {"csrf": own.form_value(token)}
    assert own.ask("/deletion/leave", method="POST", token=token, form=form).status == 400
    assert rules.current(own.home).modes.cases["event"] == "on"
    own.ask("/deletion/leave", method="POST", token=token, form={**form, "confirm": "leave"})
    assert set(rules.current(own.home).modes.cases.values()) == {"off", "offline"}
    assert leaving.plan(own.home, datetime.now(UTC)).state == leaving.LEFT, "this one was never truly enrolled"
    assert "This installation has left corporate." in own.ask("/deletion/leave", token=token).text
