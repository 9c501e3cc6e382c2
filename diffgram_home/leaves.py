"""Reads the whole ledger from the database: leaves in order, and beside them the bodies that they speak of.

For `verifying`, which trusts none of it. Rules: one page is held at a time, so memory does not grow with the ledger;
bodies of a page are asked for together, and stay compressed until they are wanted. What a leaf says its type is, is a
hint here and nothing more: a body that no hint announced is looked up by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import zstandard
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from diffgram_home import bodies
from diffgram_home.models import Body, Leaf

PAGE = 250
Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is."""

_WITH_BODY = ("sealed", "void")
_NO_END = 2**53
_SHA256 = b'"sha256":"'
_leaf, _body = Leaf.__table__.c, Body.__table__.c
_NEXT = (
    select(_leaf.position, _leaf.type, _leaf.data)
    .where(_leaf.position > bindparam("after"), _leaf.position < bindparam("before"))
    .order_by(_leaf.position)
    .limit(PAGE)
)
_BODIES = select(_body.sha256, _body.zstd).where(_body.sha256.in_(bindparam("hashes", expanding=True)))


class Reader:
    """One reading of the ledger of `session`, which is a snapshot. `total` is told to `progress`, page by page."""

    def __init__(self, session: Session, total: int, progress: Progress | None = None) -> None:
        self._session, self._total, self._progress = session, total, progress
        self._packed: dict[str, bytes | None] = {}
        self._unpack = zstandard.ZstdDecompressor().decompress

    def leaves(self) -> Iterator[tuple[int, bytes]]:
        """Each leaf with its position, as stored."""
        return ((position, data) for page in self.pages() for position, _, data in page)

    def pages(self) -> Iterator[Sequence[tuple[int, str, bytes]]]:
        """Each page of leaves: position, what its row says of its type, and the leaf as stored."""
        done = 0
        for page in self.between(0, None):
            self.announce([data for _, kind, data in page if kind in _WITH_BODY])
            yield page
            done += len(page)
            if self._progress:
                self._progress(done, self._total)

    def between(self, first: int, last: int | None) -> Iterator[Sequence[tuple[int, str, bytes]]]:
        """The same of the leaves from `first` to before `last` (None: all there are), without their bodies."""
        after, before = first - 1, _NO_END if last is None else last
        while page := self._session.execute(_NEXT, {"after": after, "before": before}).all():
            yield [tuple(row) for row in page]
            after = page[-1][0]

    def body(self, sha256: str) -> bytes | None:
        """The bytes that are stored under this hash, whatever theirs is; None if there are none."""
        if sha256 not in self._packed:
            return bodies.as_stored(self._session, sha256) if _is_hash(sha256) else None
        packed = self._packed[sha256]
        if packed is None:
            return None
        try:
            return self._unpack(packed, max_output_size=bodies.MAX_BYTES)
        except zstandard.ZstdError:
            return b""

    def announce(self, leaves: Iterable[bytes]) -> None:
        """Fetch the bodies of these leaves; a hash that is none finds none, and is judged where it is read."""
        hashes = list(filter(_is_hash, map(_hash_in, leaves)))
        self._packed = dict.fromkeys(hashes)
        if hashes:
            for sha256, packed in self._session.execute(_BODIES, {"hashes": hashes}):
                self._packed[sha256] = packed


def _is_hash(text: str) -> bool:
    """Near enough to ask a database for it: PostgreSQL refuses a text with a zero byte."""
    return len(text) == 64 and text.isascii() and text.isalnum()


def _hash_in(data: bytes) -> str:
    begin = data.rfind(_SHA256) + len(_SHA256)
    return data[begin : begin + 64].decode("latin-1")
