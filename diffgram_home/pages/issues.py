"""The errors kept here by issue: the same that corporate sees, before or without anything being sent."""

from dataclasses import dataclass
from itertools import groupby

from flask import Blueprint, g, render_template, request

from diffgram_home import drawing, issues, reading, views
from diffgram_home.pages import asking
from diffgram_home.permissions import ROLES, permission
from diffgram_home.sessions import here
from diffgram_home.trouble import NotHere

routes = Blueprint("issues", __name__, url_prefix="/issues")
FURTHEST = 100_000


@dataclass(frozen=True, slots=True)
class Graph:
    """Bars, and what they say in words."""

    bars: tuple[drawing.Bar, ...]
    told: str


@routes.get("")
@permission(roles=ROLES)
def show() -> str:
    """Every issue, the last seen first."""
    search, skip = request.args.get("search", ""), min(asking.row("skip") or 0, FURTHEST)
    found = issues.listed(here(), g.now, search=search, skip=skip)
    rows = tuple((one, _graph(one.hours, "hour")) for one in found.issues)
    return render_template("issues.html", found=found, rows=rows, search=search, skip=skip, modes=_modes())


@routes.get("/<int:number>")
@permission(roles=ROLES)
def one(number: int) -> str:
    """One issue: what its errors say, where they come from, when they were, and what of them left."""
    page = issues.one(here(), number, g.now) if number <= asking.LARGEST else None
    if page is None:
        raise NotHere("there is no such issue here", "its messages may have gone by age; see the list under Issues")
    graphs = ("Last 24 hours", _graph(page.issue.hours, "hour")), ("Last 24 days", _graph(page.days, "day"))
    return render_template("issue.html", page=page, issue=page.issue, graphs=graphs, runs=_runs(page.frames))


def _graph(counts: tuple[int, ...], unit: str) -> Graph:
    told = f"{sum(counts):,} in the last {len(counts)} {unit}s; most in one {unit}: {max(counts, default=0):,}"
    return Graph(drawing.bars([0] * len(counts), counts), told)


def _runs(frames: tuple[views.IssueFrame, ...]) -> tuple[tuple[bool, tuple[views.IssueFrame, ...]], ...]:
    """Frames in stretches of the product's own and of libraries, which are folded."""
    return tuple((mine, tuple(run)) for mine, run in groupby(frames, key=lambda frame: frame.in_product))


def _modes() -> dict[str, str]:
    """The mode of each case whose errors are shown here."""
    return {case.case: case.mode for case in reading.cases(here()) if case.case in ("event", "browser")}
