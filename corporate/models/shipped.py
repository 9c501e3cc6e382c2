"""What releases declare and ship: catalogues, the published list of them, and indexes."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base


class StoredCatalogue(Base):
    """A catalogue that batches may name by hash: the text of its source files, core first."""

    __tablename__ = "catalogue"
    hash: Mapped[str] = mapped_column(primary_key=True)
    sources: Mapped[str]
    label: Mapped[str]
    added_at: Mapped[datetime]


class Published(Base):
    """One entry of the published list of catalogues: its position from 0, and the exact bytes that are hashed."""

    __tablename__ = "published"
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    catalogue: Mapped[str] = mapped_column(ForeignKey("catalogue.hash"), unique=True)
    leaf: Mapped[bytes]


class StoredIndex(Base):
    """An index that batches may name by hash."""

    __tablename__ = "release_index"
    hash: Mapped[str] = mapped_column(primary_key=True)
    release: Mapped[str]
    data: Mapped[bytes]
    added_at: Mapped[datetime]
