"""Issues: the list with its filters, one issue, and what people do about it."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from flask import Blueprint, abort, g, make_response, redirect, render_template, request, url_for
from werkzeug import Response

from corporate.errors import OperatorError
from corporate.issues import acting, drawing, finding, healthy, rules, showing, states
from corporate.issues.acting import Until
from corporate.issues.finding import Filter
from corporate.lines import lines_for
from corporate.pages.batches import LARGEST, pair
from corporate.pages.guarding import server

blueprint = Blueprint("issues", __name__)
SORTS = {"last": "last seen", "first": "first seen", "count": "most events", "installations": "most installations"}
NEXT = ""
"""In place of a release: the next one."""


@blueprint.get("/issues")
def list_all() -> str:
    """Issues that fit the filter."""
    chosen = _filter()
    store = server().store
    return render_template(
        "issues.html",
        found=finding.find(store, chosen),
        chosen=chosen,
        offered=finding.offered(store),
        states=finding.STATES,
        sorts=SORTS,
        nobody=finding.NOBODY,
        given={name: value for name, value in request.args.items() if name != "after" and value},
        now=datetime.now(UTC),
    )


@blueprint.get("/issues/<int:wanted>")
def show(wanted: int) -> Response:
    """One issue: what was said, where, how often, in which releases, on which installations, and what was done."""
    return _shown(wanted)


@blueprint.post("/issues/<int:wanted>/resolve")
def resolve(wanted: int) -> Response:
    """Resolved, in a release or in the next one."""
    release = request.form.get("release", "") or None
    return _act(wanted, lambda now: acting.resolve(server().store, wanted, release, g.person.name, now))


@blueprint.post("/issues/<int:wanted>/ignore")
def ignore(wanted: int) -> Response:
    """Ignore it, until it is seen more often, on more installations, or until a day."""

    def until(now: datetime) -> None:
        limits = Until(*(_limit(name) for name in ("events", "installations", "days")))
        acting.ignore(server().store, wanted, limits, g.person.name, now)

    return _act(wanted, until)


@blueprint.post("/issues/<int:wanted>/reopen")
def reopen(wanted: int) -> Response:
    """Open it again."""
    return _act(wanted, lambda now: acting.reopen(server().store, wanted, g.person.name, now))


@blueprint.post("/issues/<int:wanted>/assign")
def assign(wanted: int) -> Response:
    """Assign it to somebody, or to nobody."""
    name = request.form.get("name", "") or None
    return _act(wanted, lambda now: acting.assign(server().store, wanted, name, g.person.name, now))


@blueprint.post("/issues/<int:wanted>/comment")
def comment(wanted: int) -> Response:
    """Say something about it to the others."""
    words = request.form.get("words", "")
    return _act(wanted, lambda now: acting.comment(server().store, wanted, words, g.person.name, now))


@blueprint.post("/issues/<int:wanted>/merge")
def merge(wanted: int) -> Response:
    """Take another issue into this one."""

    def into(now: datetime) -> None:
        acting.merge(server().store, wanted, _whole(request.form.get("other", ""), "issue"), g.person.name, now)

    return _act(wanted, into)


@blueprint.post("/issues/<int:wanted>/split")
def split(wanted: int) -> Response:
    """Make an issue of its own of some of its groups."""

    def off(now: datetime) -> None:
        groups = [_whole(text, "group") for text in request.form.getlist("group")]
        acting.split(server().store, wanted, groups, g.person.name, now)

    return _act(wanted, off)


@blueprint.get("/issues/releases")
def list_releases() -> str:
    """Release health: sessions without errors, by release."""
    rows = healthy.of_releases(server().store, datetime.now(UTC))
    return render_template("issue_releases.html", rows=rows, days=healthy.DAYS)


@blueprint.get("/issues/rules")
def list_rules() -> Response:
    """Overrides of grouping."""
    return _rules()


@blueprint.post("/issues/rules")
def make_rule() -> Response:
    """Make an override: what fits it becomes one issue from now on."""
    given = [request.form.get(name, "").strip() for name in ("name", "kind", "place", "words")]
    try:
        rules.make(server().store, *given, g.person.name, datetime.now(UTC))  # type: ignore[arg-type]
    except OperatorError as e:
        return _rules(f"{e.message}: {e.hint}", 400)
    return redirect(url_for("issues.list_rules"), 303)  # type: ignore[return-value]


@blueprint.post("/issues/rules/<int:number>/remove")
def remove_rule(number: int) -> Response:
    """Remove an override; what it grouped stays."""
    try:
        rules.remove(server().store, min(number, LARGEST))
    except OperatorError as e:
        abort(404, f"{e.message}: {e.hint}")
    return redirect(url_for("issues.list_rules"), 303)  # type: ignore[return-value]


def _act(wanted: int, do: Callable[[datetime], object]) -> Response:
    if wanted > LARGEST:
        abort(404, "There is no such issue.")
    try:
        do(datetime.now(UTC))
    except OperatorError as e:
        return _shown(wanted, f"{e.message}: {e.hint}", 400)
    return redirect(url_for("issues.show", wanted=wanted), 303)  # type: ignore[return-value]


def _shown(wanted: int, fault: str = "", status: int = 200) -> Response:
    store, now = server().store, datetime.now(UTC)
    found = showing.show(store, wanted, now, pair(request.args.get("event", ""))) if wanted <= LARGEST else None
    if found is None:
        abort(404, "There is no such issue. It may have been merged with another, or its last event was deleted.")
    offered = finding.offered(store)
    page = render_template(
        "issue.html",
        one=found,
        fault=fault,
        source=lines_for(store, found.index, (frame.place for frame in found.frames if frame.known)),
        drawing=drawing,
        releases=offered.releases,
        accounts=offered.accounts,
        unresolved=states.UNRESOLVED,
        now=now,
    )
    return make_response(page, status)


def _rules(fault: str = "", status: int = 200) -> Response:
    page = render_template("issue_rules.html", rows=rules.listed(server().store), fault=fault)
    return make_response(page, status)


def _filter() -> Filter:
    given = request.args
    return Filter(
        state=given.get("state", finding.UNRESOLVED) if given.get("state") in finding.STATES else finding.UNRESOLVED,
        words=given.get("words", "").strip(),
        release=given.get("release", ""),
        installation=given.get("installation", "").strip(),
        customer=given.get("customer", ""),
        assigned=given.get("assigned", ""),
        in_product=given.get("ours") == "yes",
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
        sort=given.get("sort", "last") if given.get("sort") in finding.SORTS else "last",
        after=given.get("after", ""),
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-22") else None
    except ValueError:
        return None


def _limit(name: str) -> int | None:
    """A limit of the form; an empty one is none. Raises OperatorError."""
    text = request.form.get(name, "").strip()
    return _whole(text, f"number of {name}") if text else None


def _whole(text: str, what: str) -> int:
    given = text.strip().removeprefix("#")
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise OperatorError("number", f"{text!r} is no {what}", "write a whole number")
    return int(given)
