"""The ledger in the database as several processes read it, for `verifying` only: each from a session of its own.

Rules: it is opened while nobody writes, so that all see the same; only the process that asks compares tables
(`agreeing`), and only that one is told what the snapshot's head is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from sqlalchemy.orm import Session

from audit.ranges import Begun
from audit.verification import Finding, Head, Known
from diffgram_home import ledger
from diffgram_home.agreeing import Agreement
from diffgram_home.home import Home
from diffgram_home.leaves import Reader


class Stored:
    """`audit.ranges.Source` over the tables of `home`; `known` says what is known from elsewhere, given a session."""

    def __init__(self, home: Home, known: Callable[[Session], Known]) -> None:
        self._home, self._known, self._open = home, known, ExitStack()
        self.head: Head | None = None

    def begin(self) -> Begun:
        """Begin a snapshot in this process."""
        session = self._open.enter_context(self._home.store.read())
        stood = ledger.standing(session)
        self.head = Head(stood.size, stood.root)
        self._reader, self._agreement = Reader(session, stood.size), Agreement(session)
        return Begun(stood.size, self._known(session))

    def close(self) -> None:
        """End the snapshot of this process."""
        self._open.close()

    def leaves(self, first: int, last: int | None) -> Iterator[tuple[int, bytes]]:
        """Leaves with their positions, as stored."""
        return ((position, data) for page in self._reader.between(first, last) for position, _, data in page)

    def announce(self, leaves: Iterable[bytes]) -> None:
        """Fetch the bodies of those that have one by the look of their end."""
        self._reader.announce([data for data in leaves if data.endswith(_WITH_BODY)])

    def body(self, sha256: str) -> bytes | None:
        """The bytes that are stored under this hash, whatever theirs is."""
        return self._reader.body(sha256)

    def beside(self, first: int, last: int | None) -> Iterator[Finding]:
        """Where the tables say otherwise than these leaves, and at the end what they have besides."""
        for page in self._reader.between(first, last):
            for position, kind, data in page:
                yield from self._agreement.at(position, kind, data)
        if last is None:
            yield from self._agreement.left_over()


_WITH_BODY = (b'"type":"sealed"}', b'"type":"void"}')
