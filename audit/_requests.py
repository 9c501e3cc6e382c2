"""What the leaves about requests must say together (used by `verification`).

    request ──▶ answer accepted | rejected | unknown; a retry is a request of its own with the same bytes
    request by hand ──▶ answer unknown ──▶ answers by hand, as files come back, until one is accepted

What corporate's document says is read by whoever handed in a reader for that purpose; without one it stays unread.
"""

from collections.abc import Callable, Mapping

from audit._bodies import Bodies
from audit.errors import SignatureRefused
from audit.record import Answer, AnswerByHand, Request, RequestByHand

MAX_OPEN = 10_000

Report = Callable[[str, str], None]
"""Called with the code and the sentence of a finding at the leaf in hand."""
Asked = Request | RequestByHand
Read = Callable[[str, Asked], None]
"""Given a document and the request that it answers; raises SignatureRefused when it does not hold."""


class Requests:
    """Requests that wait for their answer; `readers` by purpose."""

    def __init__(self, bodies: Bodies, readers: Mapping[str, Read]) -> None:
        self.open: dict[int, Asked] = {}
        self.by_hand: dict[str, tuple[int, RequestByHand]] = {}
        self.checked = 0
        self._bodies, self._readers = bodies, readers

    def asked(self, index: int, entry: Asked, report: Report) -> None:
        """Take a request, and compare its bytes with the leaf."""
        self._bodies.whole(index, entry, report)
        self.open[index] = entry
        if isinstance(entry, RequestByHand):
            self.by_hand.pop(entry.sha256, None)
            self.by_hand[entry.sha256] = (index, entry)
            if len(self.by_hand) > MAX_OPEN:
                self.by_hand.pop(next(iter(self.by_hand)))
        if len(self.open) > MAX_OPEN:
            self.open.pop(next(iter(self.open)))
            report("too-many-open", f"more than {MAX_OPEN} requests are open: the oldest is no longer followed")

    def answered(self, entry: Answer, report: Report) -> None:
        """Close a request with its answer, and read the document where that is possible."""
        asked = self.open.pop(entry.request, None)
        if asked is None:
            report("answer-without-request", f"leaf {entry.request} is no request that waits for an answer")
            return
        self._read(asked, entry.document, report)

    def answered_by_hand(self, entry: AnswerByHand, report: Report) -> None:
        """Take corporate's answer to a request that was carried: the last one by hand with these very bytes."""
        carried = self.by_hand.get(entry.sha256)
        if carried is None or carried[0] != entry.request or entry.request in self.open:
            text = f"leaf {entry.request} is no request by hand with these bytes that waits for an answer"
            report("answer-without-request", text)
            return
        if entry.outcome == "accepted":
            del self.by_hand[entry.sha256]
        self._read(carried[1], entry.document, report)

    def _read(self, asked: Asked, document: str | None, report: Report) -> None:
        read = self._readers.get(asked.purpose)
        if read is None or document is None:
            return
        try:
            read(document, asked)
        except SignatureRefused as no:
            report("document-refused", f"what corporate answered does not hold: {no} [{no.code}]")
            return
        self.checked += 1
