"""What would go now, to the byte; what is kept here only; what was withheld or dropped, and why."""

from flask import Blueprint, Response, g, make_response, render_template, request

from diffgram_home import catalogues, pieces, queueing, reading
from diffgram_home.home import Home
from diffgram_home.pages import asking
from diffgram_home.pages.sent import definitions
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere

routes = Blueprint("pending", __name__, url_prefix="/pending")
LINES_OF_EACH = 25
KEPT = 25


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """What would go now, to the byte; what is kept here; what was withheld or dropped."""
    home = here()
    page = reading.pending(home, limit=10, lines=0)
    kept = reading.kept(home, before=_before(), limit=KEPT)
    bodies = [_body(home, batch.body or b"") for batch in page.batches]
    kept_lines = [pieces.line(0, entry.line.text, home.catalogue) for entry in kept.entries]
    shown = [*(line for body in bodies for line in body.lines), *kept_lines]
    return render_template(
        "pending.html",
        page=page,
        batches=tuple(zip(page.batches, bodies, strict=True)),
        kept=tuple(zip(kept.entries, kept_lines, strict=True)),
        older=".".join(map(str, kept.older)) if kept.older else None,
        unreadable=kept.unreadable,
        meaning=definitions(home, shown, home.catalogue),
        withheld=reading.withheld(home, days=30, now=g.now),
        by_hand=home.settings.sending.by_hand,
        queue={entry.sha256: entry for entry in queueing.waiting(home, g.now)},
        asking=tuple(rule.case for rule in queueing.ruled(home) if rule.asks != "none"),
    )


@routes.get("/<sha256>")
@permission(roles=ROLES)
def download(sha256: str) -> Response:
    """The exact bytes that would go, by their hash."""
    body = reading.body_of(here(), sha256)
    if body is None:
        raise NotHere("no bytes with this hash are kept here", "they may have gone by age; their hash stays under Sent")
    answer = make_response(body)
    answer.content_type = "application/x-ndjson"
    answer.headers["Content-Disposition"] = f'attachment; filename="{sha256[:16]}.ndjson"'
    return answer


def _body(home: Home, body: bytes) -> pieces.Body:
    """The first lines of a batch that waits, in the words of the catalogue by which it was sealed."""
    return pieces.body(body, catalogues.of(home, body).catalogue, most=LINES_OF_EACH)


def _before() -> tuple[int, int] | None:
    """Where the list of kept messages goes on: block and position, as a link of ours wrote them."""
    block, _, position = request.args.get("before", "").partition(".")
    at = asking.row_number(block), asking.row_number(position)
    return (at[0], at[1]) if at[0] is not None and at[1] is not None else None
