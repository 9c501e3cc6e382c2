"""Enrolment tokens: make one (shown once), and see what became of earlier ones."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, g, render_template, request

from corporate import enrolment, manifest, reading
from corporate.errors import OperatorError
from corporate.pages.guarding import server

blueprint = Blueprint("tokens", __name__)
DAYS = (1, 7, 30)


@blueprint.get("/tokens")
def list_all() -> str:
    """The list and the form."""
    return _page()


@blueprint.post("/tokens")
def make() -> tuple[str, int]:
    """Make one and show it in this very answer, which no one keeps (no-store)."""
    given = request.form.get("days", "7")
    days = int(given) if given in map(str, DAYS) else 7
    try:
        token = enrolment.make_token(
            server().store,
            request.form.get("customer", ""),
            g.person.name,
            datetime.now(UTC),
            life=timedelta(days=days),
            signature_allowed=request.form.get("signature") == "yes",
            succeeds=request.form.get("succeeds", "").strip() or None,
        )
    except OperatorError as e:
        return _page(fault=f"{e.message}: {e.hint}"), 400
    return _page(token=token), 201


def _page(token: str = "", fault: str = "") -> str:
    return render_template(
        "tokens.html",
        token=token,
        fault=fault,
        days=DAYS,
        rows=reading.tokens(server().store),
        customers=reading.customers(server().store),
        root=manifest.root_fingerprint(server().settings.folder),
        now=datetime.now(UTC),
    )
