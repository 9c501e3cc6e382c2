"""What releases declare and ship: catalogues, the published list of them, indexes, and signatures over them."""

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


class ReleaseSignature(Base):
    """One signed statement about a release: its number from 1, and the document as it was signed (compact JWS)."""

    __tablename__ = "release_signature"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    release: Mapped[str]
    index_hash: Mapped[str] = mapped_column(ForeignKey("release_index.hash"), index=True)
    catalogues: Mapped[str]
    document: Mapped[str]
    at: Mapped[datetime]
