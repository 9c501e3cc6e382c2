"""What the installation counts in the product's database when support is allowed to ask: numbers, never rows.

The queries stand in outbound_fields.toml, where each customer reads and approves them. This module is read when a
release is made (`python -m support_routes.declare`), and reporters.json, made from it, goes with the release.
"""

from __future__ import annotations

from sqlalchemy import Select, case, func, literal_column, select

from annotator.models import Input
from annotator.work import MEDIA
from support_routes.reporting import reporter

AFTER, UPTO = literal_column(":after"), literal_column(":upto")


@reporter(
    "annotations",
    answer="annotator/annotations",
    explain="how many annotations there are in all projects, whatever is in them",
    budget_ms=20_000,
    key="annotation.id",
)
def annotations() -> None:
    """The catalogue has the query."""


@reporter(
    "inputs-by-media",
    answer="annotator/inputs-by-media",
    explain="how many inputs there are of each kind of media, and how large they are together",
    budget_ms=20_000,
    key="input.id",
)
def inputs_by_media() -> Select[tuple[str, int, int]]:
    """Put the media types that browsers name into the words of the catalogue; what is none of them is `other`."""
    named = [(Input.media_type.like(f"{begins}/%"), word) for begins, word in sorted(MEDIA.items())]
    counts = func.count().label("inputs"), func.sum(Input.size_bytes).label("stored_bytes")
    ranged = select(case(*named).label("media"), *counts).where(Input.id > AFTER, Input.id <= UPTO)
    return ranged.group_by(literal_column("1"))


@reporter(
    "tasks-by-state",
    answer="annotator/tasks-by-state",
    explain="how many tasks wait, are worked on, and are completed",
    permission=("admin", "operator", "security"),
    every_hours=6,
)
def tasks_by_state() -> None:
    """The catalogue has the query."""
