"""Leaves whose every byte can be foretold from what stands before them (used by `verification`): compared, not read.

A sealed leaf, an attempt and an accepted outcome say little that a verifier does not know already: the root so far,
the next number, the hash of the body in hand, the attempt that waits. Such a leaf is spelt out here and compared, which
costs a fraction of reading it. Rules:

  - True means that every check of the long way would have passed, and what it would have noted is noted.
  - Anything unusual is False and leaves nothing behind: the long way then reads the leaf and says what does not hold.
  - What a leaf alone can say (catalogue, index, destination) must be as in one before it that the long way has read.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from audit._approving import Approving
from audit._bodies import Bodies, lines_in
from audit._numbers import Batch, Numbers, Report, Tried
from audit._past import Past
from audit.record import Attempt, Sealed

_TIME_BEGINS, _TIME_ENDS = 7, 27
"""Each leaf begins `{"at":"` and 20 characters."""
_CASE_BEGINS = 37
_LINE_FEED = 10
_SHA256, _SEQUENCE = b'"sha256":"', b'"sequence":'
_SHA256_LONG, _SEQUENCE_LONG = len(_SHA256), len(_SEQUENCE)
_ACCEPTED = b'","attempt":%d,"case":"%b","code":null,"outcome":"accepted","receipt":"'
_OF_THESE = b'","sequence":%d,"sha256":"%b","status":200,"type":"outcome"}'
_BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MAX_TOKEN_BYTES = 65_536
_sha256 = hashlib.sha256


class _Kind(NamedTuple):
    """How the sealed leaves of a case are spelt behind their time, and their bodies' headers: forms to fill in."""

    case: str
    begins: bytes
    leaf: bytes
    header: bytes


_NONE = _Kind("", b"\0", b"", b"")
"""Of no case: nothing begins so."""


class Foreseen:
    """Judges the usual leaf by comparing; `by_end` tells from a leaf's last five bytes who may judge it."""

    def __init__(self, past: Past, bodies: Bodies, numbers: Numbers, approving: Approving, report: Report) -> None:
        self._past, self._bodies, self._numbers, self._report = past, bodies, numbers, report
        self._approving = approving
        self._kinds: dict[bytes, _Kind] = {}
        self._kind = _NONE
        self._attempted = b""
        self.by_end: dict[bytes, Callable[[int, bytes, bytes], bool]] = {
            b'led"}': self._sealed,
            b'mpt"}': self._attempt,
            b'ome"}': self._outcome,
        }

    def learn_sealed(self, entry: Sealed) -> None:
        """Take from a leaf that was read what the next ones of its case will repeat."""
        case, catalogue, index = entry.case, entry.catalogue, entry.index
        installation = self._numbers.installation.replace("%", "%%")
        begins = (
            f'","case":"{case}","catalogue":"{catalogue}","generation":{entry.generation},"index":"{index}",'
            '"ledger_root":"'
        )
        leaf = (
            begins + '%b","ledger_size":%d,"messages":%d,"sequence":%d,"sha256":"%b","size_bytes":%d,"type":"sealed"}'
        )
        header = (
            f'{{"format":"diffgram-home-batch/1","installation":"{installation}","case":"{case}","sequence":%d,'
            f'"sealed_at":"%b","catalogue":"{catalogue}","index":"{index}",'
            '"ledger_size":%d,"ledger_root":"%b","messages":%d}\n'
        )
        self._kinds[case.encode()] = _Kind(case, begins.encode(), leaf.encode(), header.encode())

    def learn_attempt(self, entry: Attempt) -> None:
        """Take the destination from an attempt that was read."""
        destination = entry.destination.replace("%", "%%")
        self._attempted = (
            f'","case":"%b","destination":"{destination}","sequence":%d,"sha256":"%b","size_bytes":%d,"type":"attempt"}}'
        ).encode()

    def forget(self) -> None:
        """The generation rose: what sealed leaves have in common is another from here on."""
        self._kinds.clear()
        self._kind = _NONE

    def begin(self, leaves: int) -> bool:
        """Whether `batch` may judge the next so many: no receipt or approval to look for, and nothing to give up."""
        return not self._approving.asks and not self._numbers.reads_receipts and self._numbers.has_room(leaves)

    def batch(self, index: int, sealed: bytes, attempt: bytes, outcome: bytes) -> bool:
        """Judge three leaves that follow each other, whose times were looked at: one batch, accepted at once."""
        batch, numbers = self._compared(index, sealed, sealed), self._numbers
        if batch is None or (batch.case, batch.sequence) in numbers.open or self._approving.asks or not self._attempted:
            return False
        case, sha256 = batch.case.encode(), batch.sha256.encode()
        sequence, size_bytes = batch.sequence, batch.size_bytes
        if attempt[_TIME_ENDS:] != self._attempted % (case, sequence, sha256, size_bytes):
            return False
        if _token(outcome, index + 1, case, sequence, sha256) is None:
            return False
        self._bodies.held(size_bytes)
        numbers.next[batch.case] = sequence + 1
        numbers.accepted += 1
        return True

    def _compared(self, index: int, data: bytes, begins: bytes) -> Batch | None:
        """Compare a sealed leaf and its body, whole, with what is foreseen; `begins` begins with the leaf's time."""
        if not data.startswith(self._kind.begins, _TIME_ENDS):
            kind = self._kinds.get(data[_CASE_BEGINS : data.find(b'"', _CASE_BEGINS)])
            if kind is None:
                return None
            self._kind = kind
        case, _, leaf, header = self._kind
        begin = data.rfind(_SHA256) + _SHA256_LONG
        body = self._bodies.fetch(data[begin : begin + 64].decode("latin-1"))
        if body is None:
            return None
        sha256, root = _sha256(body).hexdigest(), self._past.frontier.root().hex()
        sequence, messages, size_bytes = self._numbers.next.get(case, 1), lines_in(body) - 1, len(body)
        spelt = root.encode()
        if (
            data[_TIME_ENDS:] != leaf % (spelt, index, messages, sequence, sha256.encode(), size_bytes)
            or not body.startswith(header % (sequence, begins[_TIME_BEGINS:_TIME_ENDS], index, spelt, messages))
            or messages < 1
            or body[-1] != _LINE_FEED
        ):
            return None
        return Batch(case, sequence, sha256, size_bytes, messages, index, root)

    def _sealed(self, index: int, data: bytes, begins: bytes) -> bool:
        batch = self._compared(index, data, begins)
        if batch is None:
            return False
        self._bodies.held(batch.size_bytes)
        self._numbers.next[batch.case] = batch.sequence + 1
        self._numbers.opened(batch, self._report)
        return True

    def _attempt(self, index: int, data: bytes, _begins: bytes) -> bool:
        case = data[_CASE_BEGINS : data.find(b'"', _CASE_BEGINS)]
        begin = data.rfind(_SEQUENCE) + _SEQUENCE_LONG
        digits = data[begin : data.find(b",", begin)]
        batch = self._numbers.open.get((case.decode("latin-1"), int(digits))) if digits.isdigit() else None
        if batch is None or batch.attempt is not None or not self._attempted or self._approving.asks:
            return False
        if data[_TIME_ENDS:] != self._attempted % (case, batch.sequence, batch.sha256.encode(), batch.size_bytes):
            return False
        self._numbers.began(index, batch, Tried(batch.case, batch.sequence, batch.sha256))
        return True

    def _outcome(self, _index: int, data: bytes, _begins: bytes) -> bool:
        numbers = self._numbers
        if not numbers.attempts or self._approving.lacking:
            return False
        attempt = next(reversed(numbers.attempts))
        batch, tried = numbers.attempts[attempt]
        case, sequence = tried.case, tried.sequence
        if batch is None or batch.attempt != attempt or numbers.open.get((case, sequence)) is not batch:
            return False
        token = _token(data, attempt, case.encode(), sequence, tried.sha256.encode())
        if token is None:
            return False
        del numbers.attempts[attempt]
        batch.attempt = None
        numbers.accept(token.decode(), batch, self._report)
        return True


def _token(data: bytes, attempt: int, case: bytes, sequence: int, sha256: bytes) -> bytes | None:
    """The receipt in an outcome that says just that: these bytes were accepted at this attempt."""
    head, tail = _ACCEPTED % (attempt, case), _OF_THESE % (sequence, sha256)
    if not data.startswith(head, _TIME_ENDS) or not data.endswith(tail):
        return None
    token = data[_TIME_ENDS + len(head) : -len(tail)]
    return token if len(token) <= _MAX_TOKEN_BYTES and token.translate(None, _BASE64URL) == b".." else None
