"""The tables of the product. Text and blobs are what users typed and uploaded: they never leave this database."""

from __future__ import annotations

import fcntl
from datetime import datetime
from pathlib import Path

from sqlalchemy import ForeignKey, create_engine
from sqlalchemy import event as hooks
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """All tables."""


class Member(Base):
    """Someone who annotates."""

    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Project(Base):
    """A body of work; `quota` is the most inputs it may hold."""

    __tablename__ = "project"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    quota: Mapped[int]
    owner_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    owner: Mapped[Member] = relationship()
    labels: Mapped[list[Label]] = relationship(order_by="Label.id")
    inputs: Mapped[list[Input]] = relationship(order_by="Input.id", back_populates="project")


class Label(Base):
    """A word that annotations of a project may carry."""

    __tablename__ = "label"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    colour: Mapped[str]


class Input(Base):
    """An uploaded file, or a pasted text as a file."""

    __tablename__ = "input"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str]
    media_type: Mapped[str]
    blob: Mapped[bytes] = mapped_column(deferred=True)
    size_bytes: Mapped[int]
    project: Mapped[Project] = relationship(back_populates="inputs")
    task: Mapped[Task] = relationship(back_populates="input")


class Task(Base):
    """The work on one input; open until it is completed. Times are UTC without a zone, as SQLite keeps them."""

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(primary_key=True)
    input_id: Mapped[int] = mapped_column(ForeignKey("input.id"))
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    input: Mapped[Input] = relationship(back_populates="task")
    annotations: Mapped[list[Annotation]] = relationship(order_by="Annotation.id")


class Annotation(Base):
    """What a member wrote about an input, with a label and perhaps a file (a mask, a crop, a voice note)."""

    __tablename__ = "annotation"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("label.id"))
    text: Mapped[str]
    blob_name: Mapped[str | None]
    blob: Mapped[bytes | None] = mapped_column(deferred=True)
    member: Mapped[Member] = relationship()
    label: Mapped[Label | None] = relationship()


def open_database(path: Path) -> Engine:
    """Open the database at `path`, and make the tables that are not there yet; one worker makes them, others wait."""
    engine = create_engine(f"sqlite:///{path}")
    hooks.listen(engine, "connect", _set_up)
    with path.with_suffix(".tables-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Base.metadata.create_all(engine)
    return engine


def _set_up(connection: object, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]
