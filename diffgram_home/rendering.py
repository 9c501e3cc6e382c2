"""What templates may use besides the values a page hands them: words for numbers and times, the navigation, notices.

Numbers, sizes and times are written the same way on every page, in UTC; scripts add the reader's own zone.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from flask import Flask, current_app, g, request, url_for
from markupsafe import Markup

from diffgram_home import people, permissions, reading, sessions, views

STATIC: Final = Path(__file__).with_name("static")
_NAVIGATION: Final = (
    ("Overview", "overview"),
    ("Fields", "fields"),
    ("Issues", "issues"),
    ("Reports", "reports"),
    ("Pending", "pending"),
    ("Sent", "sent"),
    ("Cases", "cases"),
    ("Support", "support"),
    ("Releases", "releases"),
    ("Incidents", "incidents"),
    ("Deletion", "deletion"),
    ("Identity", "identity"),
    ("History", "history"),
)
DONE: Final = {
    "approved": "Approved. What was approved may leave from now on, as soon as its case is on.",
    "declined": "Declined. These fields stay here, and nobody is asked again until a release changes their definition.",
    "withdrawn": "Withdrawn. These fields are withheld from now on; what was sealed with them will not go.",
    "on": "Switched on, and recorded in the history. It took effect at once.",
    "switched": "Switched, and recorded in the history. It took effect at once.",
    "transformed": "Chosen, and recorded in the history. What waited with finer values is voided and sealed again.",
    "password": "Your password is changed. Every other session of yours has ended.",
    "settled": "Settled, with your name, and recorded in the history.",
    "declared": "Declared. Corporate is asked with the scheduler's next round; the answer stands under Deletion.",
    "person-deleted": "Deleted. The ledger goes on naming this person by the number alone.",
    "asked": "Kept, with your name. Corporate is asked with the scheduler's next round; the answer appears below.",
    "leaving": "Every case is off. Corporate is asked with the scheduler's next round; this page says when it is done.",
    "statement-in": "Its signature holds. The statement is in the ledger, with your name.",
    "statement-known": "This statement was here already, so nothing was changed.",
    "dsn-made": "Made, with your name, and recorded in the history. Give the product the DSN that stands below.",
    "dsn-revoked": "Revoked, with your name, and recorded in the history. SDKs that have it are refused from now on.",
    "closed": "Closed, with your name, and recorded in the history.",
    "carried-out": "Recorded as carried out, with your name. Take the newest file of the list below to corporate.",
    "carried-in": "Taken in: every receipt held, and stands in the ledger. Refusals and their reasons are under Sent.",
    "may-go": "Approved: these very bytes may go. Each hash is in the history, with your name.",
    "one-more": "Recorded, with your name. It takes another account's approval, neither of which made the other.",
    "refused": "Refused, with your name. These bytes do not go; what goes in their place stands below.",
    "support-granted": "Granted, with your name. Nothing has left: these are the exact bytes, to let go or not.",
    "support-refused": "Refused, with your name. No route was asked.",
    "support-ended": "Ended, with your name. What had not left does not leave any more.",
    "support-stopped": "All support has ended, with your name. Nothing that corporate asks is looked at.",
    "asks": "Recorded in the history, with your name. It holds at once, also for what waits.",
    "second-person": "Asked for, with your name. Nothing changed yet: a second person has to do the same.",
    "nothing-waits": "Nothing waits that may be carried, so nothing was recorded.",
    "same": "Nothing was chosen, so nothing was changed.",
}
"""What a page says after something was done. Only these: nobody can make a page say something else by a link."""
_NEXT: Final = {
    "approved": ("turn the case on under Cases, if it is not on yet", "cases.show"),
    "on": ("use the product; what would go stands under Pending, to the byte, before it goes", "pending.show"),
}
"""What to do after that, and where."""


_ABOUT: Final = {
    "technical": "about the software",
    "interaction": "what somebody did in the product",
    "organisation": "about your organisation or this installation",
    "personal": "about a person",
}
"""What each sensitivity of the catalogue means."""
_LEADS: Final = {
    **dict.fromkeys(("catalogue-changed", "sending-stopped", "approval-ended"), ("fields.show", "undecided")),
    "approval-missing": ("fields.show", "undecided"),
    "approval-ends": ("fields.show", "approved"),
    "support-asked": ("support.show", None),
    "release-changes": ("releases.show", None),
}
"""Where a notice's hint is followed: the page, and what of it is shown."""
CASE_NAMES: Final = {
    "event": "Events and errors",
    "browser": "Pages and browsers",
    "support": "Support",
    "licensing": "Licensing",
    "every": "Around every batch",
    "request": "What you ask of corporate",
}
_WHY: Final = {
    "not-approved": "the field is not approved",
    "asked": "corporate asked to withhold the field",
    "field-off": "the field is switched off",
    "suppressed": "fewer messages of the batch share the value than its transform asks for",
    "rare": "fewer messages of the batch share a value than its transform asks for",
    "transform-not-permitted": "its definition does not permit the transform that was chosen",
    "not-on": "its mode is not on",
    "collected-earlier": "collected before the last switch to on",
    "undeclared-kind": "the catalogue has no such kind",
    "undeclared-field": "the catalogue has no such field",
    "other-case": "it belongs to another case",
    "wrong-type": "the value was not of the declared type",
    "wrong-value": "the value was not of the declared type",
    "out-of-bounds": "the value was outside its declared bounds",
    "instant-out-of-window": "the time lay more than 400 days away",
    "no-at": "the message had no time that may leave",
    "too-large": "the message was too large",
    "too-old": "it waited longer than messages are kept here",
    "expired": "the field's date has passed",
    "spool-full": "the spool was full",
    "disk-full": "the disk was full",
    "short-write": "the disk took only a part",
    "spool-unusable": "the spool could not be written",
    "refused": "a way in takes nothing of the kind: it was counted, and not looked at",
    "internal": "a fault in the collector, which never reaches the product",
}
_STOP: Final = (
    "settings",
    "ledger",
    "disk",
    "database",
    "spool",
    "corrupt",
    "unreadable",
    "identity",
    "receipt",
    "undeclared",
    "stopped",
)


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the navigation."""

    name: str
    url: str
    current: bool


def register(app: Flask) -> None:
    """Add the filters and the values that all templates share."""
    app.jinja_env.filters.update(
        about=lambda sensitivity: _ABOUT.get(sensitivity, ""),
        actor=actor,
        bytes=size,
        case_name=lambda case: CASE_NAMES.get(case, case),
        clock=clock,
        count=count,
        day=day,
        first_upper=first_upper,
        hexed=bytes.hex,
        lead=lead,
        level=level,
        plural=plural,
        short=short_hash,
        why=lambda reason: _WHY.get(reason, reason.replace("-", " ")),
        written=written,
    )
    app.jinja_env.globals.update(static=static_url, csrf=csrf, done=done, may=may, recorded=recorded)
    app.context_processor(_shared)


def _shared() -> dict[str, Any]:
    person = sessions.person()
    return {
        "person": person,
        "navigation": tuple(navigation()) if person else (),
        "start": start(person),
        "installation_name": sessions.here().settings.name if person else "",
        "notices": partial(reading.notices, sessions.here()) if person and may("overview.show") else tuple,
    }


def navigation() -> Iterator[Link]:
    """The pages that the person may use, in order; the one at hand is marked."""
    at = (request.endpoint or "").partition(".")[0]
    for name, blueprint in _NAVIGATION:
        if may(f"{blueprint}.show"):
            yield Link(name, url_for(f"{blueprint}.show"), blueprint == at)


def start(person: people.Person | None) -> str:
    """Where a person begins: the overview, or their own account for whoever may not see it."""
    allowed = permissions.of(current_app.view_functions["overview.show"]).roles
    hidden = person is not None and not allowed.intersection(person.roles)
    return url_for("account.show" if hidden else "overview.show")


@dataclass(frozen=True, slots=True)
class Done:
    """What was just done, and what to do next, with its address; both are empty where nothing follows."""

    text: str
    hint: str
    link: str


def done() -> tuple[Done, ...]:
    """What was just done, told once after the redirect."""
    what = request.args.get("done", "")
    if what not in DONE:
        return ()
    hint, endpoint = _NEXT.get(what, ("", ""))
    return (Done(DONE[what], hint, url_for(endpoint) if endpoint else ""),)


def recorded() -> str:
    """A word for what is recorded as the page is made; the script asks later whether it is another."""
    return reading.state(sessions.here())


def may(endpoint: str) -> bool:
    """Whether the person's roles allow an endpoint; pages do not offer what would be refused."""
    person = sessions.person()
    allowed = permissions.of(current_app.view_functions[endpoint]).roles
    return bool(person and allowed.intersection(person.roles))


def level(found: views.Notice) -> str:
    """How loud a notice is: what stops the work or may lose something is loudest."""
    return "stop" if any(word in found.code for word in _STOP) else "warn"


def lead(found: views.Notice) -> str:
    """The address where the hint of a notice is followed; empty where no page of ours does."""
    endpoint, state = _LEADS.get(found.code, ("", None))
    return url_for(endpoint, state=state) if endpoint else ""


def written(value: object) -> str:
    """A value as JSON writes it, but a bare word without quotation marks."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=list)


def csrf() -> Markup:
    """The hidden field that every form of ours carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(sessions.FIELD, sessions.form_value())


@cache
def version_of(name: str) -> str:
    """The first 12 digits of a static file's SHA-256, so that a browser may keep it for as long as it likes."""
    return sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of one of our files."""
    return url_for("files.static", name=name, v=version_of(name))


def count(number: int) -> str:
    """1284 → 1,284."""
    return f"{number:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """1 → "1 message", 2 → "2 messages"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def first_upper(text: str) -> str:
    """A sentence of ours as it stands on a page: errors begin small."""
    return text[:1].upper() + text[1:]


def actor(recorded: str) -> str:
    """Who did something, from the ledger's words: person:3 → a.okafor, os:1000 → user 1000 of this machine."""
    where, _, who = recorded.partition(":")
    if where == "person":
        if "people" not in g:
            g.people = people.named(sessions.here())
        return str(g.people.get(recorded, f"person {who}, whose account was deleted"))
    return {"account": who, "os": f"user {who} of this machine"}.get(where, recorded)


def size(number: int) -> str:
    """Bytes for people: 912 B, 18.4 kB, 2.1 MB (decimal)."""
    if number < 1000:
        return f"{number} B"
    amount = float(number)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.95 or unit == "GB":
            break
    return f"{amount:,.1f} {unit}"


def short_hash(value: str | bytes) -> str:
    """The first eight and last four digits: enough to compare by eye; the whole is always one step away."""
    text = value.hex() if isinstance(value, bytes) else value
    return f"{text[:4]} {text[4:8]} … {text[-4:]}" if len(text) > 16 else text


def clock(at: datetime) -> Markup:
    """A moment, to the second, in UTC."""
    written = f"{at:%Y-%m-%d %H:%M:%S}"
    return Markup('<time class="number" datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", written)


def day(at: datetime) -> Markup:
    """A day: 3 November 2026."""
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at.day} {at:%B %Y}")
