"""A way in: where somebody else's report of an error is taken, for which a product need not call `event.error`.

Whoever takes reports (a transport inside the product, an address on the installation) reduces them first and hands what
is left to a `Way`, which checks it by the catalogue and spools it as `event.new` does. What it does not take it counts,
by words of a closed list of its own: never by a word of the sender's. The installation makes its ways with `into`, and
is then a writer of the spool like any product.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.catalogue import Catalogue
from audit.index import Index
from event._collect import Collector
from event._settling import Settling
from event._spool import Limits
from event.errors import Reason


class Way:
    """Hands reduced reports to one collector. Any thread may use it."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._writer = collector.writer
        self.log = collector.log

    def new(self, kind: str, values: Mapping[str, Any]) -> Reason | None:
        """Record one message; return why it could not be, None also where its kind is not collected just now."""
        return self._collector.new(kind, values)

    def error(self, kind: str, make: Callable[[], Any], values: Mapping[str, Any]) -> Reason | None:
        """Record one message with an error that `make` returns, reduced; it is not asked where nothing is collected."""
        return self._collector.new(kind, values, made=make)

    def refuse(self, kind: str, word: str, count: int = 1) -> None:
        """Count what is not taken, if `kind` is collected just now. `word` must be one of a closed list of ours."""
        self._collector.refuse(kind, word, count)

    def collects(self, kind: str) -> bool:
        """Say whether a kind is collected just now."""
        return self._collector.collects(kind, None)

    def settle(self) -> Reason | None:
        """Wait until the disk has all that was recorded so far; return why it has not, or None.

        Only ways made by `into` wait; inside a product a record is safe from its own end, not from the machine's.
        """
        return self._writer.settle() if isinstance(self._writer, Settling) else None

    def trouble(self) -> None:
        """Count a fault of ours, while it is being handled."""
        self._collector.trouble()


def into(
    spool: Path,
    catalogue: Catalogue,
    index: Index,
    product: Sequence[str] = (),
    limits: Limits | None = None,
    case: str = "event",
) -> Way:
    """Return a way into the folder `spool` for the kinds of one `case`; nothing is opened before the first message."""
    return Way(Collector(Path(spool), catalogue, index, product, False, limits or Limits(), case, Settling))
