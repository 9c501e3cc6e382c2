"""Reports: what the product has counted in its own database, over time, and how each number is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, g, render_template, request

from diffgram_home import drawing, sessions
from diffgram_home.permissions import ROLES, permission
from diffgram_home.rendering import plural
from diffgram_home.reports import looking
from diffgram_home.sessions import here

routes = Blueprint("reports", __name__)
PERIODS: Final = (("30", "30 days"), ("90", "90 days"), ("400", "400 days"))


@dataclass(frozen=True, slots=True)
class Chart:
    """One line of a report with its drawing, and what that says in words."""

    line: looking.Line
    drawn: drawing.Series
    told: str


@routes.get("/reports")
@permission(roles=ROLES)
def show() -> str:
    """Each aggregate report that one's roles may see: its numbers over time, its query, and when it counts next."""
    chosen = request.args.get("days", "")
    days = chosen if chosen in dict(PERIODS) else "30"
    person = sessions.person()
    found = looking.reports(here(), g.now, int(days), person.roles if person is not None else ())
    return render_template(
        "reports.html",
        found=[(one, _charts(one)) for one in found],
        hidden=len(here().reporters) - len(found),
        declared=here().settings.reports is not None,
        smallest=here().settings.reports.smallest_group if here().settings.reports is not None else 0,
        periods=PERIODS,
        chosen=days,
        outcomes=looking.OUTCOMES,
        reasons=looking.REASONS,
    )


def _charts(report: looking.Report) -> tuple[Chart, ...]:
    whole_s = (report.until - report.since).total_seconds()
    places = [(one.at - report.since).total_seconds() / whole_s for one in report.measurements]
    places = [min(max(place, 0.0), 1.0) for place in places]
    return tuple(Chart(line, drawing.series(places, line.values), _told(line)) for line in report.lines)


def _told(line: looking.Line) -> str:
    known = [value for value in line.values if value is not None]
    of = f" {line.group}" if line.group else ""
    if not known:
        return f"{line.key}{of}: no numbers"
    without = len(line.values) - len(known)
    gaps = f"; {plural(without, 'time')} there is no number" if without else ""
    return f"{line.key}{of}: first {known[0]:,}, last {known[-1]:,}, most {max(known):,}, least {min(known):,}{gaps}"
