"""Verifies a ledger with several processes, range by range, and says exactly what `verification` says of it.

    each process          reads and hashes its range ──▶ judges it from what stands just before ──▶ the next of its own
    the one that asks     puts the ranges' trees together      takes over what fits, in order; judges the rest itself

Rules:
  - The findings and the report are those of `verification.verify`: a range in which anything is found, or which began
    otherwise than assumed, is judged again here, in turn (`_handover`). Nothing is trusted but our own processes.
  - A process that ends too early costs time and nothing else: what it did not say is judged here.
  - Processes are forked before anything is opened; each opens the source for itself. They end with this one.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from types import TracebackType
from typing import BinaryIO, NamedTuple, TypeVar

import msgspec

from audit._bodies import Bodies
from audit._findings import Finding, Head, Known, Report
from audit._handover import Judged, fits, take_over
from audit._judging import Judge
from audit._past import BLOCK, Past
from audit._range import PAGE, Begun, Range, Sizes, Source, Summary
from audit.tree import Frontier, leaf_hash

__all__ = ["Begun", "Crew", "Sizes", "Source", "Summary"]

SIZES = Sizes(range=16384, block=BLOCK)
Progress = Callable[[int], None]
"""Called with the number of leaves that are done."""
_TROUBLE = (OSError, EOFError)
_encode = msgspec.msgpack.Encoder().encode
_SUMMARY, _JUDGED = msgspec.msgpack.Decoder(Summary | None), msgspec.msgpack.Decoder(Judged | None)


_READY = b"ready"
_Said = TypeVar("_Said")


class _Worker(NamedTuple):
    pid: int
    answers: BinaryIO
    orders: BinaryIO


class Crew:
    """Processes that judge ranges of one source. Use it with `with`; `begin`, then `verify`, once.

    Where a source changes while it is read, keep it from changing until `begin` returns: all see one state then.
    """

    def __init__(self, source: Source, processes: int, sizes: Sizes = SIZES) -> None:
        self._source, self._sizes = source, sizes
        self._workers: list[_Worker] = []
        self._begun = Begun(0, Known())
        self._tops, self._leads = Frontier(), {0: Frontier().to_bytes()}
        self._passed = 0
        self.apart = 0
        for number in range(processes):
            self._workers.append(self._fork(number, processes))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _it: BaseException | None, _at: TracebackType | None) -> None:
        for worker in self._workers:
            for file in (worker.answers, worker.orders):
                with contextlib.suppress(OSError):
                    file.close()
            os.kill(worker.pid, 9)
            os.waitpid(worker.pid, 0)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes' ids."""
        return tuple(worker.pid for worker in self._workers)

    def begin(self) -> Begun:
        """Open the source, here and in every process."""
        for worker in self._workers:
            with contextlib.suppress(OSError):
                _put(worker.orders, _READY)
        self._begun = self._source.begin()
        for worker in self._workers:
            with contextlib.suppress(*_TROUBLE):
                _get(worker.answers)
        return self._begun

    def verify(self, head: Head | None = None, progress: Progress | None = None) -> Iterator[Finding | Report]:
        """Yield what `verification.verify` would, in its order; `head` is the one that the source claims.

        Afterwards `apart` says how many ranges were taken over as they were judged elsewhere.
        """
        size, known = self._begun
        judge = Judge(Bodies(self._source.body), known, past=Past(self._sizes.block))
        judge.head, width = head, self._sizes.range
        first, last = 0, None
        for said in self._answers(size // width):
            last = first + width
            if said is not None and fits(judge, said, width):
                self._accept(judge, said, last)
            else:
                self._in_turn(judge, first, last)
            yield from self._told(judge, first, last)
            first = last
            if progress:
                progress(first)
        yield from self._rest(judge, first, size, progress)
        judge.finish()
        yield from judge.drain()
        yield judge.report()

    def _rest(self, judge: Judge, first: int, size: int, progress: Progress | None) -> Iterator[Finding]:
        """Judge in turn from the leaf `first` to the end, wherever that is."""
        last: int | None = first
        while last is not None:
            last = first + self._sizes.range if first + self._sizes.range < size else None
            self._in_turn(judge, first, last)
            yield from self._told(judge, first, last)
            first = size if last is None else last
            if progress:
                progress(first)

    def _accept(self, judge: Judge, said: Judged, last: int) -> None:
        take_over(judge, said)
        for size in [size for size in judge.kept if size <= last]:
            del judge.kept[size]
        self._passed, self.apart = last, self.apart + 1

    def _in_turn(self, judge: Judge, first: int, last: int | None) -> None:
        if self._passed == first and first:
            self._stand(judge, first)
        leaves = iter(self._source.leaves(first, last))
        while page := list(islice(leaves, PAGE)):
            self._source.announce([data for _, data in page])
            for position, data in page:
                judge.take(position, data)

    def _stand(self, judge: Judge, first: int) -> None:
        """Bring the tree of `judge` to where the ranges before, judged elsewhere, have left it."""
        judge.past.begin(Frontier.from_bytes(self._leads[first // self._sizes.range]))
        for _, data in self._source.leaves(first - self._sizes.block, first):
            judge.past.append(leaf_hash(data))

    def _told(self, judge: Judge, first: int, last: int | None) -> Iterator[Finding]:
        """What was found here and what the source finds beside, in the order of the leaves."""
        for finding in self._source.beside(first, last):
            judge.pass_on(finding)
        judge.found.sort(key=lambda finding: sys.maxsize if finding.index is None else finding.index)
        yield from judge.drain()

    def _answers(self, ranges: int) -> Iterator[Judged | None]:
        """What is said of each range in turn; ends early where the tree before a range is not known."""
        count, whole = len(self._workers), True
        self._order(0, ranges)
        for number in range(min(count, ranges)):
            whole = whole and self._summed(number, ranges)
        for number in range(ranges if count else 0):
            if number not in self._leads:
                return
            said = self._answer(number, _JUDGED)
            if number + count < ranges:
                whole = whole and self._summed(number + count, ranges)
            yield said
            self._leads.pop(number - 1, None)

    def _summed(self, number: int, ranges: int) -> bool:
        """Put the tree of one range behind those before it, and tell whoever has the next; False if it is not there."""
        said = self._answer(number, _SUMMARY)
        if said is None:
            return False
        size = (number + 1) * self._sizes.range - self._sizes.block
        self._leads[number + 1] = size.to_bytes(8, "big") + self._tops.to_bytes()[8:] + said.before_end
        self._tops.append(said.root)
        self._order(number + 1, ranges)
        return True

    def _order(self, number: int, ranges: int) -> None:
        if number < ranges and self._workers:
            with contextlib.suppress(OSError):
                _put(self._workers[number % len(self._workers)].orders, self._leads[number])

    def _answer(self, number: int, decoder: msgspec.msgpack.Decoder[_Said]) -> _Said | None:
        try:
            return decoder.decode(_get(self._workers[number % len(self._workers)].answers))
        except _TROUBLE:
            return None

    def _fork(self, number: int, count: int) -> _Worker:
        answers, orders = os.pipe(), os.pipe()
        pid = os.fork()
        if pid:
            os.close(answers[1])
            os.close(orders[0])
            return _Worker(pid, os.fdopen(answers[0], "rb"), os.fdopen(orders[1], "wb"))
        try:
            for other in self._workers:
                other.answers.close()
                other.orders.close()
            os.close(answers[0])
            os.close(orders[1])
            self._serve(number, count, os.fdopen(answers[1], "wb"), os.fdopen(orders[0], "rb"))
        finally:
            os._exit(0)  # whatever happened: the other end sees that nothing more is said, and judges by itself

    def _serve(self, number: int, count: int, answers: BinaryIO, orders: BinaryIO) -> None:
        gc.disable()  # whatever is judged refers to nothing that refers to it
        _get(orders)
        size, known = self._source.begin()
        _put(answers, _READY)
        for mine in range(number, size // self._sizes.range, count):
            work = Range(self._source, mine, self._sizes)
            summary = work.read()
            _put(answers, _encode(summary))
            if summary is None:
                return
            _put(answers, _encode(work.judge(_get(orders), known)))


def _put(file: BinaryIO, data: bytes) -> None:
    file.write(len(data).to_bytes(8, "big") + data)
    file.flush()


def _get(file: BinaryIO) -> bytes:
    size = int.from_bytes(file.read(8), "big")
    data = file.read(size)
    if not size or len(data) != size:
        raise EOFError
    return data
