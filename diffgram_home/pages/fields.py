"""Every field that may ever leave, and the customer's decision about each.

Approving is pinned to what was on the screen: the form carries the hash of each definition, and if one has changed in
between (an upgrade), nothing is approved and the page says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from diffgram_home import consenting, reading, rendering, sessions, views
from diffgram_home.permissions import ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("fields", __name__, url_prefix="/fields")
UNDECIDED: Final = ("new", "changed")
STATES: Final = ("undecided", "approved", "withdrawn", "requested", "removed")
LONGEST_AUTHORITY: Final = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """What the reader asked to see; empty means everything."""

    words: str
    case: str
    sensitivity: str
    state: str

    def matches(self, field: views.Field) -> bool:
        """Whether the field is to be shown."""
        text = " ".join((field.name, field.brief, field.type, field.if_off, *field.kinds, *field.purpose)).lower()
        return (
            all(word in text for word in self.words.lower().split())
            and self.case in ("", field.case)
            and self.sensitivity in ("", field.sensitivity)
            and self.state in ("", stage(field))
        )


def stage(field: views.Field) -> str:
    """The field's state as a reader filters it: never decided and decided about another definition are one."""
    return "undecided" if field.state in UNDECIDED else field.state


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every field that may ever leave, searchable and filtered, with the decision about each."""
    every = reading.fields(here())
    chosen = Filter(*(request.args.get(name, "") for name in ("q", "case", "sensitivity", "state")))
    shown = tuple(field for field in every if chosen.matches(field))
    return render_template(
        "fields.html",
        every=every,
        shown=shown,
        chosen=chosen,
        groups=tuple(_groups(shown)),
        cases=tuple(dict.fromkeys(field.case for field in every)),
        sensitivities=tuple(dict.fromkeys(field.sensitivity for field in every)),
        states=STATES,
    )


@routes.get("/approve")
@permission(roles=[SECURITY])
def ask_approve() -> Response | str:
    """What would be approved, definition by definition, before it is."""
    return _ask("approve")


@routes.get("/withdraw")
@permission(roles=[SECURITY])
def ask_withdraw() -> Response | str:
    """What would be withheld from now on, and what stops working, before it is."""
    return _ask("withdraw")


@routes.post("/approve")
@permission(roles=[SECURITY])
def approve() -> Response:
    """Approve the definitions that were shown, on the authority that was stated."""
    names = _as_shown()
    consenting.approve(here(), names, sessions.me().actor, SECURITY, _authority(), g.now)
    return redirect(url_for(".show", done="approved"), 303)  # type: ignore[return-value]


@routes.post("/withdraw")
@permission(roles=[SECURITY])
def withdraw() -> Response:
    """Withdraw the approval of the fields that were shown."""
    names = _as_shown()
    consenting.withdraw(here(), names, sessions.me().actor, SECURITY, g.now, _authority())
    return redirect(url_for(".show", done="withdrawn"), 303)  # type: ignore[return-value]


def _ask(what: str) -> Response | str:
    wanted = ("approved",) if what == "withdraw" else ("undecided", "withdrawn")
    every = reading.fields(here())
    names, case = set(request.args.getlist("name")), request.args.get("case", "")
    unknown = names - {field.name for field in every}
    if unknown:
        raise NotHere("the catalogue has no field of that name", "choose from the list under Fields")
    asked = [field for field in every if field.name in names or case in ("all", field.case)]
    chosen = [field for field in asked if stage(field) in wanted]
    if not chosen:
        return redirect(url_for(".show", done="same"), 303)  # type: ignore[return-value]
    return render_template("decide.html", what=what, chosen=chosen, groups=tuple(_groups(chosen)))


def _as_shown() -> list[str]:
    """The names in the form. Raises NotUnderstood unless each definition is still the one that was shown."""
    now = {field.name: field.hash for field in reading.fields(here())}
    shown = [entry.partition("@") for entry in request.form.getlist("definition")]
    if not shown:
        raise NotUnderstood("no field was named; nothing was changed", "choose at least one under Fields")
    if any(now.get(name) != hash_ for name, _, hash_ in shown):
        hint = "open Fields again and read the definitions as they are now"
        raise NotUnderstood("a definition is no longer the one you were shown; nothing was changed", hint)
    return [name for name, _, _ in shown]


def _authority() -> str:
    said = " ".join(request.form.get("authority", "").split())
    if not said:
        raise NotUnderstood("it was not said on whose authority; nothing was changed", "state it and try again")
    if len(said) > LONGEST_AUTHORITY:
        raise NotUnderstood("the authority is too long; nothing was changed", f"use {LONGEST_AUTHORITY} letters")
    return said


def _groups(found: Sequence[views.Field]) -> Iterator[tuple[str, list[views.Field]]]:
    for case in (case for case in rendering.CASE_NAMES if any(field.case == case for field in found)):
        yield case, [field for field in found if field.case == case]
