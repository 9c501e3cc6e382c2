"""Sessions: how they are counted without knowing anybody, and what was counted here."""

from typing import Final

from flask import Blueprint, g, render_template, request

from diffgram_home import drawing, reading
from diffgram_home.browser import looking
from diffgram_home.browser.groups import SMALLEST
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here

routes = Blueprint("sessions", __name__)
PERIODS: Final = (("1", "today"), ("7", "7 days"), ("24", "24 days"))
FLOW: Final = drawing.flow(
    (
        drawing.Stage("A page tells something", ("a ping, a visit, an error, a report",)),
        drawing.Stage(
            "Site, address, user agent",
            ("in memory, while the request lasts",),
            ("Asks not to be", "tracked? Then", "nothing is hashed."),
        ),
        drawing.Stage(
            "HMAC-SHA-256",
            ("of these three, under the day's key",),
            ("Key of the day:", "256 bits, on no", "disk"),
        ),
        drawing.Stage(
            "The hash, with classes",
            ("browser, system, device, width,", "and whether something failed"),
            ("Midnight UTC:", "key and hashes", "are gone."),
        ),
        drawing.Stage("Counts of the day", ("by one class each; kept here,", f"no group of fewer than {SMALLEST}")),
        drawing.Stage("home/session", ("once, when the day is over: gate,", "ledger, and corporate if it is on")),
    )
)
FLOW_TOLD: Final = (
    "a page tells something; site, address and user agent make one HMAC-SHA-256 under the key of the day; the hash is "
    "kept in memory with its classes until midnight UTC, when key and hashes are gone; counts without small groups "
    "stay here and go through the gate when the day is over"
)


@routes.get("/sessions")
@permission(roles=ROLES)
def show() -> str:
    """Sessions by day, release and class, from this installation's own counts, and how they come about."""
    chosen = request.args.get("days", "")
    days = int(chosen) if chosen in dict(PERIODS) else 7
    found = looking.period(here(), g.now, days)
    drawn = found if days == 24 else looking.period(here(), g.now, 24)
    fine = [day.sessions - day.errored for day in drawn.days]
    graph = drawing.bars([day.errored for day in drawn.days], fine, ("errored", "fine"))
    mode = next(case.mode for case in reading.cases(here()) if case.case == "browser")
    return render_template(
        "sessions.html",
        found=found,
        drawn=drawn,
        graph=graph,
        periods=PERIODS,
        chosen=str(days),
        mode=mode,
        flow=FLOW,
        flow_told=FLOW_TOLD,
    )
