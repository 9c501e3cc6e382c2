"""Approval before sending: what waits for it, to the byte; approving, refusing with a reason; what each case asks for.

A form carries the hash of the very bytes that were on the screen: sealed again they are others, and nothing is decided.
"""

from typing import Final

from flask import Blueprint, Response, g, redirect, render_template, request, url_for

from audit.approval import LEVELS, REASONS
from diffgram_home import approving, asking, catalogues, levels, pieces, queueing, sessions
from diffgram_home.pages.sent import definitions
from diffgram_home.permissions import ROLES, SECURITY, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere, NotUnderstood

routes = Blueprint("queue", __name__, url_prefix="/queue")
LINES: Final = 200
WORDS: Final = {
    "personal": "it says too much about a person",
    "unexpected": "it is not what was expected",
    "unneeded": "its purpose does not need it",
    "not-now": "it may go, but not at this time",
    "other": "another reason, as the note says",
}


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """What waits for approval, how long still, who approved so far; and what each case asks for."""
    found = queueing.waiting(here(), g.now)
    return render_template("queue.html", waiting=found, rules=queueing.ruled(here()))


@routes.post("/approve")
@permission(roles=[SECURITY])
def approve() -> Response:
    """Approve the bytes whose hashes were shown and chosen, all or none."""
    hashes = request.form.getlist("sha256")
    if not hashes:
        raise NotUnderstood("no batch was chosen; nothing was changed", "choose at least one")
    done = approving.approve(here(), hashes, sessions.me().actor, SECURITY, g.now)
    word = "may-go" if all(one.enough for one in done) else "one-more"
    return redirect(url_for(".show", done=word), 303)  # type: ignore[return-value]


@routes.get("/<sha256>")
@permission(roles=ROLES)
def one(sha256: str) -> str:
    """One batch of the queue: its exact bytes explained, who decided what, and approving or refusing it."""
    found = _one(sha256)
    words = catalogues.of(here(), found.body or b"").catalogue  # by which it was sealed
    body, void = pieces.body(found.body or b"", words, most=LINES), pieces.body(found.void or b"", words, most=1)
    actor = sessions.me().actor
    return render_template(
        "queued.html",
        one=found,
        body=body,
        void=void,
        meaning=definitions(here(), [*body.lines, *void.lines], words),
        reasons={reason: WORDS[reason] for reason in REASONS},
        counts=queueing.counts_with(here(), sha256, actor),
        already=bool(found.waiting and actor in found.waiting.actors),
    )


@routes.post("/<sha256>/refuse")
@permission(roles=[SECURITY])
def refuse(sha256: str) -> Response:
    """Refuse these bytes for the reason in the form; the page then shows the void that goes instead."""
    reason, note = request.form.get("reason", ""), " ".join(request.form.get("note", "").split())
    if reason not in REASONS:
        raise NotUnderstood("no reason was given; nothing was changed", "choose one of the list")
    approving.refuse(here(), sha256, sessions.me().actor, SECURITY, reason, g.now, note=note)
    return redirect(url_for(".one", sha256=sha256, done="refused"), 303)  # type: ignore[return-value]


@routes.get("/set/<case>/<level>")
@permission(roles=[SECURITY])
def ask_set(case: str, level: str) -> str:
    """What it would mean for a case to ask for this, before it does."""
    rule = _rule(case, level)
    waits = queueing.waiting(here(), g.now, case=case)
    return render_template("queue_set.html", rule=rule, level=level, waits=waits, order=LEVELS)


@routes.post("/set/<case>/<level>")
@permission(roles=[SECURITY])
def set_level(case: str, level: str) -> Response:
    """Let a case ask for this; from two to less the second person completes what the first asked for."""
    _rule(case, level)
    done = asking.set_level(here(), case, level, sessions.me().actor, SECURITY, g.now)
    word = {levels.SET: "asks", levels.ASKED: "second-person", levels.KEPT: "asks"}.get(done.step or "", "same")
    return redirect(url_for(".show", done=word), 303)  # type: ignore[return-value]


def _one(sha256: str) -> queueing.One:
    found = queueing.one(here(), sha256, g.now)
    if found is None:
        raise NotHere("no batch with this hash is here", "look at what waits now: it may have been sealed again")
    return found


def _rule(case: str, level: str) -> queueing.Rule:
    rule = next((rule for rule in queueing.ruled(here()) if rule.case == case), None)
    if rule is None or level not in rule.choices:
        raise NotHere("there is no such case, or nothing such that it could ask for", "choose from the list")
    return rule
