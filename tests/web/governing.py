"""Everything that a person may decide on the pages: how by keyboard, how by command, and what the ledger keeps of it.

`ACTIONS` is the whole list: a route that changes something and is missing here fails test_governance.py. To add one,
add a function that walks the page, the command that does the same, and the leaf that names who did it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import signed, support
from audit.deletion import EVERYTHING, Scope
from corporate import deleting as corporates
from corporate.keys import DELETIONS
from diffgram_home import asking, conflicts, dsns, incidents, people, queueing, switching
from diffgram_home.supporting import deciding, hearing
from tests.door.by_hand import Island, Vendor
from tests.web.keyboard import Keyboard
from tests.web.world import PASSWORD

FIELD = "shop.event.order_id"
AUTHORITY = "works council, minute 7"


@dataclass
class Scene:
    """An installation with somebody at it, the vendor that it trusts, and a folder for files."""

    place: Island
    corporate: Vendor
    folder: Path

    def nothing(self) -> str:
        """There is always something to decide about."""
        return ""

    def conflict(self) -> str:
        """Corporate says that somebody else used this identity."""
        with self.place.home.store.write() as session:
            conflicts.note(session, "sequence-differs", "event", 1, datetime.now(UTC))
        return ""

    def work(self) -> str:
        """Something waits; the folder to carry it to."""
        self.place.work("event")
        return str(self.folder)

    def queued(self) -> str:
        """Something waits for the approval of one person; the hash of its bytes."""
        home, now = self.place.home, datetime.now(UTC)
        asking.set_level(home, "event", "one", "os:4711", "security", now)
        self.place.work("event")
        return next(entry.sha256 for entry in queueing.waiting(home, now) if not entry.enough)

    def attempt(self) -> str:
        """Something went; the number of the attempt."""
        self.answers()
        return str(self.place.attempts()[-1].id)

    def incident(self) -> str:
        """Something undeclared was noticed; the token of the incident."""
        with self.place.home.store.write() as session:
            incidents.open(session, "tripwire", {f"connect.{datetime.now(UTC):%f}": 1}, datetime.now(UTC))
        return incidents.listed(self.place.home, limit=1)[0].token

    def support(self) -> str:
        """Support is on and asks for something; the id of the request."""
        home, now = self.place.home, datetime.now(UTC)
        switching.set_mode(home, "support", None, "on", "os:4711", now)
        key, token = Ed25519PrivateKey.generate(), secrets.token_hex(16)
        asked = support.Request(
            asked_at=support.text(now),
            expires_at=support.text(now + timedelta(days=4)),
            extends=None,
            id=token,
            installation=home.installation,
            name=None,
            reason="customer-asked",
            requester=signed.thumbprint(key.public_key()),
            role="support",
            routes=["queues", "versions"],
            seconds=3600,
            ticket=f"DG-{token[:6].upper()}",
        )
        assert hearing.hear(home, [support.ask(asked, key)], lambda _again: signed.ring(key.public_key()), now) == 1
        return token

    def grant(self) -> str:
        """Support was granted something; the id of the request."""
        token = self.support()
        deciding.approve(self.place.home, token, "os:4711", "security", datetime.now(UTC))
        return token

    def leaver(self) -> str:
        """Somebody has an account; the name."""
        name = f"leaver.{datetime.now(UTC):%f}"
        people.add(self.place.home, name, PASSWORD, ["viewer"], "os:0", datetime.now(UTC))
        return name

    def key(self) -> str:
        """There is a key for a Sentry SDK; its project."""
        return str(dsns.make(self.place.home, "shop web", "os:0", datetime.now(UTC)).number)

    def statement(self) -> str:
        """A file with a statement of corporate's staff about what they deleted."""
        server, now = self.corporate.server, datetime.now(UTC)
        who, scope = self.place.home.installation, Scope(EVERYTHING)
        token = corporates.by_staff(server.store, server.keys.of(DELETIONS), 35, who, scope, "os:staff", now)
        path = self.folder / "statement.jws"
        path.write_text(token)
        return str(path)

    def answers(self) -> str:
        """A file of corporate's answers to what was carried out."""
        self.place.work("event")
        path = self.folder / "answers.zip"
        path.write_bytes(self.corporate.bring(self.place.out()[0]))
        return str(path)


def _decide(word: str, button: str) -> Callable[[Keyboard, str], None]:
    def walk(keys: Keyboard, _given: str) -> None:
        keys.go("/fields")
        keys.tick("^tick order_id$")
        keys.press(f"^{button} the ticked$")
        keys.write("Stands in the history", AUTHORITY)
        keys.press(f"^{word} 1 field$")

    return walk


def _switch_field(keys: Keyboard, _given: str) -> None:
    keys.go("/fields")
    keys.tick("^tick order_id$")
    keys.press("^Switch the ticked off$")
    keys.press("^Switch 1 field off$")


def _transform(keys: Keyboard, _given: str) -> None:
    keys.go("/fields/transform/home.at")
    keys.reach("^as it is")
    keys.page.keyboard.press("ArrowDown")
    keys.press("^Choose$")


def _ask_for_approval(keys: Keyboard, _given: str) -> None:
    keys.go("/queue")
    keys.press("^one ?: let Events and errors ask for it$")
    keys.press("^Let it ask for one person$")


def _approve_bytes(keys: Keyboard, given: str) -> None:
    keys.go(f"/queue/{given}")
    keys.press("^Approve these bytes$")


def _refuse_bytes(keys: Keyboard, given: str) -> None:
    keys.go(f"/queue/{given}")
    keys.choose("^Why", "another reason, as the note says")
    keys.press("^Refuse these bytes$")


def _switch_case(keys: Keyboard, _given: str) -> None:
    keys.go("/cases")
    keys.press("^local ?: switch Events and errors$")
    keys.press("^Switch to local$")


def _carry_out(keys: Keyboard, _given: str) -> None:
    keys.go("/by-hand")
    keys.press("^Carry out$")


def _carry_in(keys: Keyboard, given: str) -> None:
    keys.go("/by-hand")
    keys.attach("The file of answers", Path(given))
    keys.press("^Take it in$")


def _declare(keys: Keyboard, given: str) -> None:
    keys.go("/incidents")
    keys.write("^Attempt", given)
    keys.choose("^Why", "not approved")
    keys.press("^Look at the request$")
    keys.press("^Declare it, and ask for deletion$")


def _close(keys: Keyboard, _given: str) -> None:
    keys.go("/incidents")
    keys.press("^Close it")


def _settle(keys: Keyboard, _given: str) -> None:
    keys.go("/identity")
    keys.choose("^It is cleared up", "the copy was ended")
    keys.press("^Settle it$")


def _password(keys: Keyboard, _given: str) -> None:
    keys.go("/account")
    keys.write("^Your password now", PASSWORD)
    keys.write("^The new one", PASSWORD + " 2")
    keys.press("^Change")


def _ask_deletion(keys: Keyboard, _given: str) -> None:
    keys.go("/deletion")
    keys.press("^Look at the request for everything$")
    keys.press("^Ask corporate to delete it$")


def _ask_again(keys: Keyboard, _given: str) -> None:
    keys.go("/deletion")
    keys.press("^Ask again what was not answered$")


def _take_statement(keys: Keyboard, given: str) -> None:
    keys.go("/deletion")
    keys.attach("^The file with corporate's signed statement", Path(given))
    keys.press("^Take it in$")


def _delete_person(keys: Keyboard, given: str) -> None:
    keys.go("/account")
    keys.press("^Everybody with an account here$")
    keys.press(f"^Delete the account of {given}$")
    keys.press("^Delete the account$")


def _make_dsn(keys: Keyboard, _given: str) -> None:
    keys.go("/cases")
    keys.press("^Keys for Sentry SDKs$")
    keys.write("^What it is for", "shop web")
    keys.press("^Make a key$")


def _revoke_dsn(keys: Keyboard, given: str) -> None:
    keys.go("/dsns")
    keys.press(f"^Revoke the key of project {given}$")
    keys.press("^Revoke the key$")


def _open_request(keys: Keyboard, given: str) -> None:
    keys.go("/support")
    keys.press(f"^DG-{given[:6].upper()} ?: request {given[:8]}$")


def _grant(keys: Keyboard, given: str) -> None:
    _open_request(keys, given)
    keys.press("^Grant the ticked routes$")


def _refuse_support(keys: Keyboard, given: str) -> None:
    _open_request(keys, given)
    keys.choose("^Why", "its purpose does not need it")
    keys.press("^Refuse the request$")


def _revoke_grant(keys: Keyboard, given: str) -> None:
    _open_request(keys, given)
    keys.press("^Revoke the grant$")


def _stop_support(keys: Keyboard, _given: str) -> None:
    keys.go("/support")
    keys.press("^End all support$")


def _leave(keys: Keyboard, _given: str) -> None:
    keys.go("/deletion")
    keys.press("^leave corporate$")
    keys.press("^Leave corporate$")


@dataclass(frozen=True)
class Action:
    """One thing that a person decides.

    `before` makes what there is to decide about; what it returns is given to `page` and takes the place of `{}` in
    `command`. `leaf` is the type of the new leaf that names the person. A command may end with exit code 5: what it
    decided is kept, and nothing can be reached from an installation of these tests.
    """

    route: str
    role: str
    leaf: str
    page: Callable[[Keyboard, str], None]
    command: Sequence[str]
    before: Callable[[Scene], str] = Scene.nothing
    typed: str = ""


_ASK = ("queue", "set", "event", "one")

ACTIONS = (
    Action(
        "fields.decline",
        "security",
        "decision",
        _decide("Decline", "Decline"),
        ("decline", FIELD, "--authority", AUTHORITY, "--yes"),
    ),
    Action(
        "fields.approve",
        "security",
        "decision",
        _decide("Approve", "Approve"),
        ("approve", FIELD, "--authority", AUTHORITY, "--yes"),
    ),
    Action(
        "fields.withdraw",
        "security",
        "decision",
        _decide("Withdraw", "Withdraw"),
        ("withdraw", FIELD, "--authority", AUTHORITY, "--yes"),
    ),
    Action("fields.switch", "operator", "switch", _switch_field, ("field", "off", FIELD, "--yes")),
    Action(
        "fields.transform", "operator", "transform", _transform, ("transform", "home.at", "coarser:minute", "--yes")
    ),
    Action("carrying.out", "operator", "carried-out", _carry_out, ("carry", "out", "{}"), Scene.work),
    Action("carrying.take", "operator", "carried-in", _carry_in, ("carry", "in", "{}"), Scene.answers),
    Action(
        "incidents.declare",
        "security",
        "incident",
        _declare,
        ("incident", "declare", "--attempt", "{}", "--why", "not-approved", "--yes"),
        Scene.attempt,
    ),
    Action("incidents.close", "admin", "incident", _close, ("incident", "close", "{}"), Scene.incident),
    Action(
        "identity.settle", "admin", "identity", _settle, ("identity", "settle", "--why", "copy-ended"), Scene.conflict
    ),
    Action("queue.set_level", "security", "approval-rule", _ask_for_approval, (*_ASK, "--yes")),
    Action(
        "queue.approve", "security", "batch-decision", _approve_bytes, ("queue", "approve", "{}", "--yes"), Scene.queued
    ),
    Action(
        "queue.refuse",
        "security",
        "batch-decision",
        _refuse_bytes,
        ("queue", "refuse", "{}", "--reason", "other", "--yes"),
        Scene.queued,
    ),
    Action("support.approve", "security", "support", _grant, ("support", "approve", "{}", "--yes"), Scene.support),
    Action(
        "support.refuse",
        "operator",
        "support",
        _refuse_support,
        ("support", "refuse", "{}", "--reason", "unneeded"),
        Scene.support,
    ),
    Action("support.revoke", "operator", "support", _revoke_grant, ("support", "revoke", "{}"), Scene.grant),
    Action("support.stop", "operator", "support", _stop_support, ("support", "stop", "--yes"), Scene.grant),
    Action("cases.switch", "admin", "mode", _switch_case, ("local", "event", "--yes")),
    Action(
        "account.change_password",
        "viewer",
        "person",
        _password,
        ("account", "password", "viewer.person", "--password-file", "-"),
        typed=PASSWORD + " 3",
    ),
    Action("people.delete", "admin", "person", _delete_person, ("account", "delete", "{}", "--yes"), Scene.leaver),
    Action("dsns.make", "admin", "dsn", _make_dsn, ("dsn", "make", "shop web")),
    Action("dsns.revoke", "admin", "dsn", _revoke_dsn, ("dsn", "revoke", "{}", "--yes"), Scene.key),
    Action("deletion.ask", "security", "asked", _ask_deletion, ("delete", "--everything", "--yes")),
    Action("deletion.again", "admin", "asked", _ask_again, ("delete", "--again")),
    Action("deletion.take", "security", "deletion", _take_statement, ("take-deletion", "{}"), Scene.statement),
    Action("deletion.left", "admin", "mode", _leave, ("leave", "--yes")),
)
"""In this order, each on what the ones before it left."""

NO_DECISION = (
    *("account.signed_in", "account.sign_out", "account.sign_out_everywhere"),
    *("oidc.start", "oidc.confirm"),
)
"""They begin, confirm and end a session of one's own: nothing that leaves depends on them."""
