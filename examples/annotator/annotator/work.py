"""What a member can do. Functions take a database session and values, commit, and return values or raise.

Every act that the vendor may hear of ends, once it is committed, in one `event.new` with database ids, counts and
times only.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import event
from annotator import labels
from annotator.models import Annotation, Input, Label, Member, Project, Task

logger = logging.getLogger(__name__)
MILLISECONDS = 1000
MEDIA = {"image": "picture", "audio": "sound", "text": "text", "video": "video"}
DEFAULT_LABELS = ("Correct", "Wrong", "Unclear")


class QuotaError(RuntimeError):
    """The project holds as many inputs as it may."""


class TaskDone(RuntimeError):
    """A completed task takes no more annotations."""


def add_member(session: Session, name: str) -> Member:
    """Add a member."""
    member = Member(name=name)
    session.add(member)
    session.commit()
    return member


def create_project(session: Session, name: str, quota: int, owner: Member) -> Project:
    """Create a project with the default labels."""
    project = Project(name=name, quota=quota, owner=owner)
    project.labels = [Label(name=n, colour=c) for n, c in zip(DEFAULT_LABELS, labels.COLOURS, strict=False)]
    session.add(project)
    session.commit()
    event.new("annotator/project-created", member_id=owner.id, project_id=project.id, input_quota=quota)
    return project


def load_labels(session: Session, project: Project, filename: str, data: bytes) -> int:
    """Add the labels of a label file to a project; return how many."""
    found = labels.parse(filename, data)
    project.labels += [Label(name=name, colour=colour) for name, colour in found]
    session.commit()
    return len(found)


def upload(session: Session, project: Project, name: str, media_type: str, blob: bytes) -> Input:
    """Add an input and the task to annotate it; raise QuotaError when the project is full."""
    used = session.scalar(select(func.count(Input.id)).where(Input.project_id == project.id)) or 0
    if used >= project.quota:
        raise QuotaError(f"project {project.name!r} of {project.owner.name} is full: {used} of {project.quota} inputs")
    if used + 1 >= project.quota:
        logger.warning("project %d holds %d of %d inputs", project.id, used + 1, project.quota)
    new = Input(project=project, name=name, media_type=media_type, blob=blob, size_bytes=len(blob), task=Task())
    session.add(new)
    session.commit()
    event.new(
        "annotator/input-uploaded",
        project_id=project.id,
        input_id=new.id,
        input_size_bytes=new.size_bytes,
        media=MEDIA.get(media_type.split("/")[0], "other"),
    )
    return new


def annotate(
    session: Session,
    task: Task,
    member: Member,
    text: str,
    label_id: int | None,
    attached: tuple[str, bytes] | None,
    now: datetime,
) -> Annotation:
    """Add an annotation to an open task; raise TaskDone when it is completed."""
    if task.completed_at is not None:
        raise TaskDone(f"task {task.id} was completed at {task.completed_at}")
    task.started_at = task.started_at or now
    name, blob = attached or (None, None)
    note = Annotation(task_id=task.id, member=member, text=text, label_id=label_id, blob_name=name, blob=blob)
    session.add(note)
    session.commit()
    return note


def complete(session: Session, task: Task, member: Member, now: datetime) -> None:
    """Complete a task; completing it again changes nothing."""
    if task.completed_at is not None:
        return
    started = task.started_at or now
    task.started_at, task.completed_at, task.completed_by = started, now, member.id
    session.commit()
    event.new(
        "annotator/task-completed",
        member_id=member.id,
        project_id=task.input.project_id,
        input_id=task.input_id,
        task_id=task.id,
        annotations_made=len(task.annotations),
        task_duration_ms=int((now - started).total_seconds() * MILLISECONDS),
    )
