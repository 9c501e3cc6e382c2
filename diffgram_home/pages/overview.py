"""The first page: what leaves, case by case, what waits for a person, and where the proof stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, g, render_template

from diffgram_home import drawing, reading, rendering, views
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here

routes = Blueprint("overview", __name__)
SILENT_AFTER: Final = timedelta(minutes=2)
"""The scheduler writes a heartbeat every few seconds; silence as long as this means that it does not run."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane as it is drawn: the case with its sums, the bars, and what the drawing says in words."""

    lane: views.Lane
    bars: tuple[drawing.Bar, ...]
    told: str
    kept_day: int


@routes.get("/")
@permission(roles=ROLES)
def show() -> str:
    """The four cases as lanes, what waits for a person, the proof, and the last attempts."""
    found = reading.overview(here(), g.now)
    silent = silent_since(found, g.now)
    lanes = tuple(_drawn(lane) for lane in found.lanes)
    return render_template("overview.html", overview=found, lanes=lanes, silent=silent)


def silent_since(found: views.Overview, now: datetime) -> bool:
    """Whether the scheduler has said nothing for too long: then nothing is taken, sealed or sent."""
    return found.heartbeat_at is None or now - found.heartbeat_at > SILENT_AFTER


def _drawn(lane: views.Lane) -> Lane:
    sent = [bar.messages for bar in lane.bars]
    kept = [max(0, bar.collected - bar.messages) if lane.case.mode != "on" else 0 for bar in lane.bars]
    return Lane(lane, drawing.bars(sent, kept), _told(lane, sent), sum(kept))


def _told(lane: views.Lane, sent: list[int]) -> str:
    name = rendering.CASE_NAMES[lane.case.case]
    if not any(sent):
        return f"{name}: nothing left in the last 24 hours"
    most = max(lane.bars, key=lambda bar: bar.messages)
    return f"{name}: messages that left, by hour; most, {most.messages}, in the hour from {most.at:%H:%M} UTC"
