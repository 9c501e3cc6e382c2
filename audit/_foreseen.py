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

from audit._bodies import Bodies, lines_in
from audit._numbers import Batch, Numbers, Report, Tried
from audit._past import Past
from audit.record import Attempt, Sealed

_TIME_ENDS = 27
"""Each leaf begins `{"at":"` and 20 characters."""
_CASE_BEGINS = 37
_SHA256, _SEQUENCE = b'"sha256":"', b'"sequence":'
_BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_MAX_TOKEN_BYTES = 65_536
_sha256 = hashlib.sha256


class _Kind(NamedTuple):
    """What the sealed leaves of a case have in common, as it is spelt in the leaf and in the body's header."""

    case: str
    leaf: bytes
    header: bytes
    names: str


class Foreseen:
    """Judges the usual leaf by comparing; `by_end` tells from a leaf's last five bytes who may judge it."""

    def __init__(self, past: Past, bodies: Bodies, numbers: Numbers, report: Report) -> None:
        self._past, self._bodies, self._numbers, self._report = past, bodies, numbers, report
        self._kinds: dict[bytes, _Kind] = {}
        self._destination = ""
        self.by_end: dict[bytes, Callable[[int, bytes, str], bool]] = {
            b'led"}': self._sealed,
            b'mpt"}': self._attempt,
            b'ome"}': self._outcome,
        }

    def learn_sealed(self, entry: Sealed) -> None:
        """Take from a leaf that was read what the next ones of its case will repeat."""
        installation, case, catalogue, index = self._numbers.installation, entry.case, entry.catalogue, entry.index
        leaf = f'","case":"{case}","catalogue":"{catalogue}","generation":{entry.generation},"index":"{index}",'
        header = f'{{"format":"diffgram-home-batch/1","installation":"{installation}","case":"{case}","sequence":'
        names = f'","catalogue":"{catalogue}","index":"{index}","ledger_size":'
        self._kinds[case.encode()] = _Kind(case, leaf.encode(), header.encode(), names)

    def learn_attempt(self, entry: Attempt) -> None:
        """Take the destination from an attempt that was read."""
        self._destination = entry.destination

    def forget(self) -> None:
        """The generation rose: what sealed leaves have in common is another from here on."""
        self._kinds.clear()

    def _sealed(self, index: int, data: bytes, at: str) -> bool:
        kind = self._kinds.get(data[_CASE_BEGINS : data.find(b'"', _CASE_BEGINS)])
        if kind is None or not data.startswith(kind.leaf, _TIME_ENDS):
            return False
        begin = data.rfind(_SHA256) + len(_SHA256)
        body = self._bodies.fetch(data[begin : begin + 64].decode("latin-1"))
        if body is None or not body.startswith(kind.header):
            return False
        numbers, sha256, root = self._numbers, _sha256(body).hexdigest(), self._past.frontier.root().hex()
        sequence, messages, size_bytes = numbers.next.get(kind.case, 1), lines_in(body) - 1, len(body)
        leaf = (
            f'"ledger_root":"{root}","ledger_size":{index},"messages":{messages},"sequence":{sequence},'
            f'"sha256":"{sha256}","size_bytes":{size_bytes},"type":"sealed"}}'
        )
        head = f'{sequence},"sealed_at":"{at}{kind.names}{index},"ledger_root":"{root}","messages":{messages}}}\n'
        if (
            data[_TIME_ENDS + len(kind.leaf) :] != leaf.encode()
            or not body.startswith(head.encode(), len(kind.header))
            or messages < 1
            or body[-1:] != b"\n"
        ):
            return False
        self._bodies.held(size_bytes)
        numbers.next[kind.case] = sequence + 1
        numbers.opened(Batch(kind.case, sequence, sha256, size_bytes, messages, index, root), self._report)
        return True

    def _attempt(self, index: int, data: bytes, at: str) -> bool:
        case = data[_CASE_BEGINS : data.find(b'"', _CASE_BEGINS)].decode("latin-1")
        begin = data.rfind(_SEQUENCE) + len(_SEQUENCE)
        digits = data[begin : data.find(b",", begin)]
        batch = self._numbers.open.get((case, int(digits))) if digits.isdigit() else None
        if batch is None or batch.attempt is not None:
            return False
        leaf = (
            f'{{"at":"{at}","case":"{case}","destination":"{self._destination}","sequence":{digits.decode()},'
            f'"sha256":"{batch.sha256}","size_bytes":{batch.size_bytes},"type":"attempt"}}'
        )
        if data != leaf.encode():
            return False
        self._numbers.began(index, batch, Tried(case, int(digits), batch.sha256))
        return True

    def _outcome(self, _index: int, data: bytes, _at: str) -> bool:
        numbers = self._numbers
        if not numbers.attempts:
            return False
        attempt = next(reversed(numbers.attempts))
        batch, (case, sequence, sha256) = numbers.attempts[attempt]
        if batch is None or batch.attempt != attempt or numbers.open.get((case, sequence)) is not batch:
            return False
        head = f'","attempt":{attempt},"case":"{case}","code":null,"outcome":"accepted","receipt":"'.encode()
        tail = f'","sequence":{sequence},"sha256":"{sha256}","status":200,"type":"outcome"}}'.encode()
        if not data.startswith(head, _TIME_ENDS) or not data.endswith(tail):
            return False
        token = data[_TIME_ENDS + len(head) : -len(tail)]
        if token.translate(None, _BASE64URL) != b".." or len(token) > _MAX_TOKEN_BYTES:
            return False
        del numbers.attempts[attempt]
        batch.attempt = None
        numbers.accept(token.decode(), batch, self._report)
        return True
