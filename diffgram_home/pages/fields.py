"""Every field that may ever leave, the customer's decision about each, and the switch of each.

Deciding is pinned to what was on the screen: the form carries the hash of each definition, and if one has changed in
between (an upgrade), nothing is decided and the page says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from audit import transforms
from diffgram_home import consenting, coverage, reading, rendering, sessions, switching, transforming, views
from diffgram_home.permissions import ADMIN, OPERATOR, ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.settings import FIELD_MODES
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("fields", __name__, url_prefix="/fields")
STATES: Final = ("undecided", "approved", "declined", "withdrawn", "switched off", "requested", "removed")
LEFT: Final = ("never", "at least once")
LONGEST_AUTHORITY: Final = 500
MAY_SWITCH: Final = (ADMIN, SECURITY, OPERATOR)
_OF_MANY: Final = {"approve": ("undecided", "withdrawn"), "decline": ("undecided",), "withdraw": ("approved",)}
"""What a decision about a kind, a case, or all is asked for; a field that is named can be decided about again."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the reader asked to see; empty means everything."""

    words: str
    case: str
    sensitivity: str
    state: str
    left: str

    def matches(self, field: views.Field, has_left: bool) -> bool:
        """Whether the field is to be shown."""
        text = " ".join((field.name, field.brief, field.type, field.if_off, *field.kinds, *field.purpose)).lower()
        return (
            all(word in text for word in self.words.lower().split())
            and self.case in ("", field.case)
            and self.sensitivity in ("", field.sensitivity)
            and self.left in ("", LEFT[has_left])
            and (self.state in ("", stage(field)) or (self.state == "switched off" and field.off))
        )


def stage(field: views.Field) -> str:
    """The field's state as a reader filters it: never decided and decided about another definition are one."""
    return "undecided" if field.undecided else field.state


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every field that may ever leave, searchable and filtered, with the decision about each."""
    every = reading.fields(here(), g.now)
    left = {row.field: row for row in coverage.listed(here())}
    chosen = Filter(*(request.args.get(name, "") for name in ("q", "case", "sensitivity", "state", "left")))
    shown = tuple(field for field in every if chosen.matches(field, _has_left(left, field)))
    return render_template(
        "fields.html",
        every=every,
        shown=shown,
        chosen=chosen,
        groups=tuple(_groups(shown)),
        by_kind=_by_kind(shown),
        kinds=here().catalogue.kinds,
        cases=tuple(dict.fromkeys(field.case for field in every)),
        sensitivities=tuple(dict.fromkeys(field.sensitivity for field in every)),
        states=STATES,
        left=left,
        lefts=LEFT,
    )


def _has_left(left: Mapping[str, coverage.Coverage], field: views.Field) -> bool:
    return field.name in left and left[field.name].messages != 0


@routes.get("/approve")
@permission(roles=[SECURITY])
def ask_approve() -> Response | str:
    """What would be approved, definition by definition, before it is."""
    return _ask("approve")


@routes.get("/decline")
@permission(roles=[SECURITY])
def ask_decline() -> Response | str:
    """What would be declined, and what does not work without it, before it is."""
    return _ask("decline")


@routes.get("/withdraw")
@permission(roles=[SECURITY])
def ask_withdraw() -> Response | str:
    """What would be withheld from now on, and what stops working, before it is."""
    return _ask("withdraw")


@routes.post("/approve")
@permission(roles=[SECURITY])
def approve() -> Response:
    """Approve the definitions that were shown, on the authority that was stated, until the day that was given."""
    names, until = _as_shown(), _until()
    actor = sessions.me().actor
    consenting.approve(here(), names, actor, SECURITY, _authority(), g.now, expires_at=until, renew=True)
    return redirect(url_for(".show", done="approved"), 303)  # type: ignore[return-value]


@routes.post("/decline")
@permission(roles=[SECURITY])
def decline() -> Response:
    """Decline the definitions that were shown: nobody is asked again until one changes."""
    names = _as_shown()
    consenting.decline(here(), names, sessions.me().actor, SECURITY, _authority(), g.now)
    return redirect(url_for(".show", done="declined"), 303)  # type: ignore[return-value]


@routes.post("/withdraw")
@permission(roles=[SECURITY])
def withdraw() -> Response:
    """Withdraw the approval of the fields that were shown."""
    names = _as_shown()
    consenting.withdraw(here(), names, sessions.me().actor, SECURITY, g.now, _authority())
    return redirect(url_for(".show", done="withdrawn"), 303)  # type: ignore[return-value]


@routes.get("/switch/<mode>")
@permission(roles=MAY_SWITCH)
def ask_switch(mode: str) -> Response | str:
    """What switching single fields off, or on again, would do, before it does."""
    chosen = [field for field in _named(mode, request.args.getlist("name")) if field.off is (mode == "on")]
    if not chosen:
        return redirect(url_for(".show", done="same"), 303)  # type: ignore[return-value]
    return render_template("switch_fields.html", mode=mode, chosen=chosen, groups=tuple(_groups(chosen)))


@routes.post("/switch/<mode>")
@permission(roles=MAY_SWITCH)
def switch(mode: str) -> Response:
    """Switch the fields that were shown, record who did, and make it hold at once."""
    chosen = _named(mode, request.form.getlist("name"))
    if not chosen:
        raise NotUnderstood("no field was named; nothing was changed", "choose at least one under Fields")
    switching.set_fields(here(), [field.name for field in chosen], mode, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="switched"), 303)  # type: ignore[return-value]


@routes.get("/transform/<field>")
@permission(roles=ROLES)
def ask_transform(field: str) -> str:
    """What each transform that the field permits would do to the values that wait, before one is chosen."""
    shown = _transformable(field)
    return render_template(
        "transform.html",
        field=shown,
        found=transforming.effects(here(), field, g.now),
        limit=transforming.LOOKED_AT,
        looks_over=any(transforms.read(word).looks_over for word in shown.transforms),
    )


@routes.post("/transform/<field>")
@permission(roles=MAY_SWITCH)
def transform(field: str) -> Response:
    """Choose a transform of the field whose definition was shown, record who did, and make it hold at once."""
    shown, word = _transformable(field), request.form.get("word", "")
    if _as_shown() != [field]:
        raise NotUnderstood("another field was named; nothing was changed", "open the field under Fields again")
    if word not in ("none", *shown.transforms):
        raise NotUnderstood("the field permits no such transform; nothing was changed", "choose one of those shown")
    chosen = None if word == "none" else word
    if chosen == shown.transform:
        return redirect(url_for(".show", done="same"), 303)  # type: ignore[return-value]
    switching.set_transform(here(), field, chosen, sessions.me().actor, g.now)
    return redirect(url_for(".show", done="transformed"), 303)  # type: ignore[return-value]


def _transformable(name: str) -> views.Field:
    """The field of this name. Raises NotHere for one that is none, or permits no transform."""
    for field in reading.fields(here(), g.now):
        if field.name == name and field.state != "removed" and field.transforms:
            return field
    raise NotHere("the catalogue has no field of that name that permits a transform", "choose one under Fields")


def _ask(what: str) -> Response | str:
    every = reading.fields(here(), g.now)
    names = set(request.args.getlist("name"))
    case, kind = request.args.get("case", ""), request.args.get("kind", "")
    _known(names, every)
    chosen = [
        field
        for field in every
        if (field.name in names and _decidable(what, field))
        or ((case in ("all", field.case) or kind in field.kinds) and stage(field) in _OF_MANY[what])
    ]
    if not chosen:
        return redirect(url_for(".show", done="same"), 303)  # type: ignore[return-value]
    return render_template("decide.html", what=what, chosen=chosen, groups=tuple(_groups(chosen)))


def _decidable(what: str, field: views.Field) -> bool:
    """Whether the decision about a field that is named would change anything; an approval can be given a new end."""
    if field.state in ("removed", "requested") or (what == "withdraw" and field.state != "approved"):
        return False
    return what != "decline" or field.state != "declined"


def _named(mode: str, names: Sequence[str]) -> list[views.Field]:
    """The fields of these names. Raises NotHere for one that is none, and for a mode that a field cannot have."""
    if mode not in FIELD_MODES:
        raise NotHere("a field has no such mode", "choose one of those shown under Fields")
    every = reading.fields(here(), g.now)
    _known(set(names), every)
    return [field for field in every if field.name in names]


def _known(names: set[str], every: Sequence[views.Field]) -> None:
    if names - {field.name for field in every}:
        raise NotHere("the catalogue has no field of that name", "choose from the list under Fields")


def _until() -> datetime | None:
    """The end of the last day in the form; None without one. Raises NotUnderstood for what is no day to come."""
    day = request.form.get("until", "").strip()
    if not day:
        return None
    try:
        until = consenting.end_of_day(day)
    except ValueError:
        raise NotUnderstood("the last day is no day; nothing was changed", "write one such as 2027-06-30") from None
    if until <= g.now:
        raise NotUnderstood("the last day has passed; nothing was changed", "give a day to come, or none")
    return until


def _as_shown() -> list[str]:
    """The names in the form. Raises NotUnderstood unless each definition is still the one that was shown."""
    now = {field.name: field.hash for field in reading.fields(here(), g.now)}
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


def _by_kind(found: Sequence[views.Field]) -> dict[str, dict[str, list[views.Field]]]:
    """The fields of each kind of message, by case; one of several kinds stands under each of them."""
    kinds: dict[str, dict[str, list[views.Field]]] = {}
    for field in found:
        for kind in field.kinds:
            kinds.setdefault(field.case, {}).setdefault(kind, []).append(field)
    return kinds


def _groups(found: Sequence[views.Field]) -> Iterator[tuple[str, list[views.Field]]]:
    for case in (case for case in rendering.CASE_NAMES if any(field.case == case for field in found)):
        yield case, [field for field in found if field.case == case]
