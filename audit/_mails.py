"""What the leaves about letters must say together (used by `verification`): each has one end, at most one accepted.

A letter's bytes are not in the ledger's bodies: it went to the customer's own mail server.
"""

from collections.abc import Callable

from audit.record import Mail, Mailed

MAX_OPEN = 10_000

Report = Callable[[str, str], None]
"""Called with the code and the sentence of a finding at the leaf in hand."""


class Mails:
    """Letters under way."""

    def __init__(self) -> None:
        self.open: dict[int, str] = {}
        self._gone: dict[str, None] = {}

    def sent(self, index: int, entry: Mail, report: Report) -> None:
        """Take a letter that is about to go; the same bytes go once more only if they never left."""
        if entry.sha256 in self._gone:
            report("mail-twice", "a letter goes again that had left")
        self.open[index] = entry.sha256
        if len(self.open) > MAX_OPEN:
            self.open.pop(next(iter(self.open)))
            report("too-many-open", f"more than {MAX_OPEN} letters are open: the oldest is no longer followed")

    def ended(self, entry: Mailed, report: Report) -> None:
        """Close a letter with how it ended."""
        sha256 = self.open.pop(entry.mail, None)
        if sha256 is None:
            report("mailed-without-mail", f"leaf {entry.mail} is no letter that is under way")
        elif entry.outcome != "rejected":
            self._gone[sha256] = None
            if len(self._gone) > MAX_OPEN:
                self._gone.pop(next(iter(self._gone)))
