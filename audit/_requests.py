"""What the leaves about requests must say together (used by `verification`).

    request ──▶ answer accepted | rejected | unknown; a retry is a request of its own with the same bytes

What corporate's document says is read by whoever handed in a reader for that purpose; without one it stays unread.
"""

from collections.abc import Callable, Mapping

from audit._bodies import Bodies
from audit.errors import SignatureRefused
from audit.record import Answer, Request

MAX_OPEN = 10_000

Report = Callable[[str, str], None]
"""Called with the code and the sentence of a finding at the leaf in hand."""
Read = Callable[[str, Request], None]
"""Given a document and the request that it answers; raises SignatureRefused when it does not hold."""


class Requests:
    """Requests that wait for their answer; `readers` by purpose."""

    def __init__(self, bodies: Bodies, readers: Mapping[str, Read]) -> None:
        self.open: dict[int, Request] = {}
        self.checked = 0
        self._bodies, self._readers = bodies, readers

    def asked(self, index: int, entry: Request, report: Report) -> None:
        """Take a request, and compare its bytes with the leaf."""
        self._bodies.whole(index, entry, report)
        self.open[index] = entry
        if len(self.open) > MAX_OPEN:
            self.open.pop(next(iter(self.open)))
            report("too-many-open", f"more than {MAX_OPEN} requests are open: the oldest is no longer followed")

    def answered(self, entry: Answer, report: Report) -> None:
        """Close a request with its answer, and read the document where that is possible."""
        asked = self.open.pop(entry.request, None)
        if asked is None:
            report("answer-without-request", f"leaf {entry.request} is no request that waits for an answer")
            return
        read = self._readers.get(asked.purpose)
        if read is None or entry.document is None:
            return
        try:
            read(entry.document, asked)
        except SignatureRefused as no:
            report("document-refused", f"what corporate answered does not hold: {no} [{no.code}]")
            return
        self.checked += 1
