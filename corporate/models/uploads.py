"""What a release was built of: sources and source maps, by hash, and which index each belongs to."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base


class StoredFile(Base):
    """The content of one uploaded source, compressed (zstd); `size_bytes` is its size before."""

    __tablename__ = "file"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    size_bytes: Mapped[int]
    zstd: Mapped[bytes]


class ReleaseFile(Base):
    """What an index's release was built of: `what` is source (a module), bundle or map (of a bundle's file name).

    Of a source the content is in `file`; of a bundle only its hash is kept, and of a map its positions, in `map_part`.
    """

    __tablename__ = "release_file"
    index_hash: Mapped[str] = mapped_column(ForeignKey("release_index.hash"), primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    added_at: Mapped[datetime]


class MapSource(Base):
    """One original file that a source map names, by its number in the map; without `sha256` nobody brought its text."""

    __tablename__ = "map_source"
    map_sha256: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    sha256: Mapped[str | None] = mapped_column(ForeignKey("file.sha256"))


class MapPart(Base):
    """A stretch of a source map's positions, which begins at this line and column (from 0) of the bundle."""

    __tablename__ = "map_part"
    map_sha256: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    column: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    zstd: Mapped[bytes]
