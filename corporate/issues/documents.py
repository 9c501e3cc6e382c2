"""Issues as JSON: what commands print with --json, and what programs read over HTTP."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from corporate.issues.drawing import Graph
from corporate.issues.showing import Shown
from corporate.models import Issue


def plain(issue: Issue) -> dict[str, Any]:
    """An issue by the names of its columns."""
    return {column.name: getattr(issue, column.name) for column in Issue.__table__.columns}


def of(found: Shown) -> Mapping[str, Any]:
    """Everything about one issue, as JSON has it."""
    graphs = {name: dict(zip(_times(one), one.counts, strict=True)) for name, one in _graphs(found)}
    return {
        **plain(found.issue),
        "groups": [{name: getattr(one, name) for name in ("id", "key", "title", "culprit")} for one in found.groups],
        "event": asdict(found.chosen),
        "error_log": found.error_log,
        "index": found.index,
        "shapes": [[piece.seen for piece in link.pieces if piece.shape] for link in found.chain],
        "releases": [asdict(row) for row in found.releases],
        "shown_by": [asdict(row) for row in found.installations],
        "events": [asdict(row) for row in found.events],
        **graphs,
        "acts": [{name: getattr(act, name) for name in ("at", "actor", "what", "words")} for act in found.acts],
    }


def _graphs(found: Shown) -> tuple[tuple[str, Graph], ...]:
    return ("hours", found.hours), ("days", found.days)


def _times(graph: Graph) -> list[str]:
    return [begins.isoformat() for begins in graph.begins]
