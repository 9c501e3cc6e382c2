"""The routes: each reads the request, calls one function, and shows the answer or goes on to a page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, Response, abort, flash, g, redirect, render_template, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

import event
from annotator import VERSION, exporting, work
from annotator.labels import LabelFileError
from annotator.models import Annotation, Input, Member, Project, Task

SHOWN_INLINE = ("image/png", "image/jpeg", "image/gif", "image/webp")


def register(app: Flask) -> None:
    """Add the routes and the error pages to the application."""
    for rule, view, methods in (
        ("/", home, ["GET"]),
        ("/members", add_member, ["POST"]),
        ("/member", choose_member, ["POST"]),
        ("/projects", create_project, ["POST"]),
        ("/project/<int:project_id>", show_project, ["GET"]),
        ("/project/<int:project_id>/inputs", upload, ["POST"]),
        ("/project/<int:project_id>/labels", load_labels, ["POST"]),
        ("/project/<int:project_id>/export", export, ["GET"]),
        ("/input/<int:input_id>/file", show_file, ["GET"]),
        ("/annotation/<int:annotation_id>/file", show_attached, ["GET"]),
        ("/task/<int:task_id>", show_task, ["GET"]),
        ("/task/<int:task_id>/annotations", annotate, ["POST"]),
        ("/task/<int:task_id>/complete", complete, ["POST"]),
    ):
        app.add_url_rule(rule, view.__name__, view, methods=methods)
    for refused in (work.QuotaError, work.TaskDone, LabelFileError):
        app.register_error_handler(refused, _refused)
    app.register_error_handler(500, _broken)


def context() -> dict[str, object]:
    """Return what may be told with an error: the release, and the database ids of who and what it was about."""
    known: dict[str, object] = {"release": VERSION, **g.get("about", {})}
    if g.get("member") is not None:
        known["member_id"] = g.member.id
    return known


def home() -> str:
    """Show the projects, and who is working."""
    projects = g.db.scalars(select(Project).order_by(Project.id)).all()
    members = g.db.scalars(select(Member).order_by(Member.id)).all()
    return render_template("home.html", projects=projects, members=members)


def add_member() -> BaseResponse:
    """Add a member, and work as that member."""
    session["member"] = work.add_member(g.db, _text("name")).id
    return redirect(url_for("home"))


def choose_member() -> BaseResponse:
    """Work as another member."""
    session["member"] = _row(Member, request.form.get("member", type=int)).id
    return redirect(url_for("home"))


def create_project() -> BaseResponse:
    """Create a project of the member's own."""
    quota = request.form.get("quota", 5, type=int)
    project = work.create_project(g.db, _text("name"), max(0, quota), _member())
    return redirect(url_for("show_project", project_id=project.id))


def show_project(project_id: int) -> str:
    """Show a project with its inputs and tasks."""
    return render_template("project.html", project=_row(Project, project_id))


def upload(project_id: int) -> BaseResponse:
    """Add the uploaded files, or the pasted text, as inputs."""
    _member()
    project = _row(Project, project_id)
    files = [file for file in request.files.getlist("files") if file.filename]
    for file in files:
        work.upload(g.db, project, file.filename or "file", file.mimetype, file.read())
    if text := request.form.get("text", "").strip():
        work.upload(g.db, project, text[:40], "text/plain", text.encode())
    return redirect(url_for("show_project", project_id=project_id))


def load_labels(project_id: int) -> BaseResponse:
    """Add the labels of an uploaded file."""
    file = request.files["labels"]
    count = work.load_labels(g.db, _row(Project, project_id), file.filename or "file", file.read())
    flash(f"{count} labels added")
    return redirect(url_for("show_project", project_id=project_id))


def export(project_id: int) -> Response:
    """Download everything of a project."""
    data = exporting.export(_row(Project, project_id), lambda: datetime.now(UTC))
    headers = {"Content-Disposition": f"attachment; filename=project-{project_id}.json"}
    return Response(data, mimetype="application/json", headers=headers)


def show_file(input_id: int) -> Response:
    """Return an input's bytes; pictures are shown, all else is downloaded."""
    entry = _row(Input, input_id)
    return _file(entry.blob, entry.media_type)


def show_attached(annotation_id: int) -> Response:
    """Return the file of an annotation as a download."""
    note = _row(Annotation, annotation_id)
    return _file(note.blob or b"", "application/octet-stream")


def show_task(task_id: int) -> str:
    """Show a task: its input, what was annotated, and the form for more."""
    task = _row(Task, task_id)
    text = task.input.blob.decode(errors="replace") if task.input.media_type.startswith("text/") else None
    return render_template("task.html", task=task, text=text, shown_inline=SHOWN_INLINE)


def annotate(task_id: int) -> BaseResponse:
    """Add an annotation, with a file perhaps."""
    file = request.files.get("file")
    attached = (file.filename, file.read()) if file and file.filename else None
    work.annotate(
        g.db, _row(Task, task_id), _member(), _text("text"), request.form.get("label", type=int), attached, _now()
    )
    return redirect(url_for("show_task", task_id=task_id))


def complete(task_id: int) -> BaseResponse:
    """Complete a task, and go back to its project."""
    task = _row(Task, task_id)
    work.complete(g.db, task, _member(), _now())
    return redirect(url_for("show_project", project_id=task.input.project_id))


def _file(data: bytes, media_type: str) -> Response:
    """A picture is shown; anything else is downloaded, so that an uploaded page never runs as one of ours."""
    if media_type in SHOWN_INLINE:
        return Response(data, mimetype=media_type)
    return Response(data, mimetype="application/octet-stream", headers={"Content-Disposition": "attachment"})


def _refused(refusal: Exception) -> tuple[str, int]:
    event.error(refusal, **context())
    g.db.rollback()
    return render_template("error.html", title="That is not possible", message=str(refusal)), 409


def _broken(_failure: Exception) -> tuple[str, int]:
    g.db.rollback()
    message = "The annotator made a mistake. Your work is kept; go back and try something else."
    return render_template("error.html", title="Something broke", message=message), 500


def _member() -> Member:
    if g.member is None:
        abort(Response(render_template("error.html", title="Who are you?", message="Add a member first."), 400))
    return g.member


def _row(table: type, key: int | None):
    row = g.db.get(table, key) if key is not None else None
    if row is None:
        abort(404)
    if isinstance(row, Project):
        g.about = {"project_id": row.id}
    elif isinstance(row, Task):
        g.about = {"project_id": row.input.project_id, "input_id": row.input_id}
    return row


def _text(name: str) -> str:
    value = request.form.get(name, "").strip()
    if not value:
        abort(
            Response(
                render_template("error.html", title="Something is missing", message=f"Please fill in the {name}."), 400
            )
        )
    return value


def _now() -> datetime:
    """UTC without a zone, as the database keeps it."""
    return datetime.now(UTC).replace(tzinfo=None)
