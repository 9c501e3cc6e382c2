"""The export of a project: one JSON document with all its inputs, tasks and annotations."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime

import event
from annotator.models import Annotation, Input, Project

MILLISECONDS = 1000


def export(project: Project, clock: Callable[[], datetime]) -> bytes:
    """Return the export of a project; `clock` is called for the time before and after."""
    began = clock()
    done = [entry for entry in project.inputs if entry.task.completed_at is not None]
    document = {
        "project": project.name,
        "completed_percent": 100 * len(done) // len(project.inputs),
        "inputs": [_input(entry) for entry in project.inputs],
    }
    data = json.dumps(document, indent=2, ensure_ascii=False).encode()
    event.new(
        "annotator/export-finished",
        project_id=project.id,
        inputs_exported=len(project.inputs),
        export_size_bytes=len(data),
        export_duration_ms=int((clock() - began).total_seconds() * MILLISECONDS),
    )
    return data


def _input(entry: Input) -> dict[str, object]:
    return {
        "name": entry.name,
        "media_type": entry.media_type,
        "data": base64.b64encode(entry.blob).decode(),
        "completed": entry.task.completed_at is not None,
        "annotations": [_annotation(note) for note in entry.task.annotations],
    }


def _annotation(note: Annotation) -> dict[str, object]:
    return {
        "member": note.member.name,
        "label": note.label.name if note.label else None,
        "text": note.text,
        "file": base64.b64encode(note.blob).decode() if note.blob is not None else None,
    }
