"""What one range of a ledger hands to the next, so that ranges can be judged apart from each other (used by `ranges`).

A judge says of a leaf whether it fits what stood before. A range that is judged by itself can only assume most of that:
what one block of leaves before it says, and what it begins with itself. Rules:

  - What was said of a range counts only if it found nothing, not even a note, and if what it assumed is so (`fits`):
    judging it in turn would have said the same. Otherwise it is judged again, in turn.
  - Whatever the state has beside what was assumed cannot have mattered: whoever asked for it found nothing there, and
    that is a finding.
  - Open batches that were ever carried by hand, and requests, are not handed on, nor is what a case that asks for
    approval waits for: the range behind is judged in turn.
"""

import sys
from typing import TypeVar

import msgspec

from audit import _numbers, _requests
from audit._bodies import MAX_RUNS, Bodies, Body, Tell
from audit._judging import Judge
from audit._numbers import Batch, Numbers, Tried
from audit._requests import Asked
from audit.record import Pruned, Request

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
UNKNOWN = sys.maxsize
"""The generation that a range begins with when no leaf in it says one: any fits."""


class Waiting(msgspec.Struct, array_like=True):
    """An attempt without its outcome; `batch` is None when it is the one that is open under that number, or unknown."""

    index: int
    is_open: bool
    batch: Batch | None
    tried: Tried


class State(msgspec.Struct, array_like=True):
    """What later leaves are judged by, beside the tree and the bodies."""

    at: str
    generation: int
    installation: str
    next: dict[str, int]
    open: list[Batch]
    attempts: list[Waiting]
    requests: list[tuple[int, Request]]


class Missed(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A stretch of missing bodies; `fresh` where one that is there stands before it, within the range."""

    first: int
    last: int
    bodies: int
    fresh: bool


class Swept(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A leaf said that bodies before this one were pruned."""

    before: int


class Judged(msgspec.Struct, array_like=True):
    """What is said of a range in which nothing was found: what it began with, and what it came to."""

    makers: dict[str, list[str]]
    begun: State
    ended: State
    bodies: list[Missed | Swept]
    last_is_there: bool
    seen: int
    seen_bytes: int
    accepted: int
    receipts: int
    vouched: int
    documents: int
    agreed: int
    unread: int
    kept: int


class Noted(Bodies):
    """The bodies of one range: what is missing is written down in order, to be told to the whole ledger's."""

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self.notes: list[Missed | Swept] = []
        self._running = True  # until a body is there: the stretch before the range may reach into it

    def sweep(self, index: int, entry: Pruned, tell: Tell) -> None:
        """Note the pruning beside the stretches."""
        super().sweep(index, entry, tell)
        self.notes.append(Swept(entry.before))

    @property
    def last_is_there(self) -> bool:
        """Whether a body that is there came after the last missing one."""
        return not self._running

    def miss(self, first: int, last: int, bodies: int) -> None:
        """Note the stretch, as a part of the one before where nothing stands between."""
        before = self.notes[-1] if self.notes else None
        if self._running and isinstance(before, Missed):
            self.notes[-1] = Missed(before.first, last, before.bodies + bodies, before.fresh)
        else:
            self.notes.append(Missed(first, last, bodies, not self._running))
        self._running = True


def state_of(judge: Judge, generation: int) -> State | None:
    """Return what `judge` has come to; None if it cannot be handed on."""
    numbers, waiting = judge.numbers, []
    for index, (batch, tried) in numbers.attempts.items():
        is_open = batch is not None and numbers.open.get((tried.case, tried.sequence)) is batch
        waiting.append(Waiting(index, is_open, None if is_open else batch, tried))
    batches = [*numbers.open.values(), *(entry.batch for entry in waiting if entry.batch is not None)]
    if any(batch.by_hand for batch in batches) or judge.requests.by_hand:
        return None
    requests = [(index, asked) for index, asked in judge.requests.open.items() if isinstance(asked, Request)]
    if len(requests) < len(judge.requests.open):
        return None
    return State(
        judge.at, generation, numbers.installation, numbers.next, list(numbers.open.values()), waiting, requests
    )


def fits(judge: Judge, said: Judged, leaves: int) -> bool:
    """Whether `judge`, having judged all before, would say the same of this range of so many leaves."""
    numbers, begun = judge.numbers, said.begun
    return (
        not judge.torn
        and judge.approving.idle
        and not judge.requests.by_hand
        and judge.shift == 0
        and judge.at == begun.at
        and judge.generation <= begun.generation
        and numbers.installation == begun.installation
        and all(numbers.next.get(case, 1) == number for case, number in begun.next.items())
        and not (said.ended.next.keys() - begun.next.keys()) & numbers.next.keys()
        and all(numbers.open.get((batch.case, batch.sequence)) == batch for batch in begun.open)
        and all(_waits(numbers, entry) for entry in begun.attempts)
        and all(judge.requests.open.get(index) == asked for index, asked in begun.requests)
        and _has_room(len(numbers.open), len(begun.open), leaves, _numbers.MAX_OPEN)
        and _has_room(len(numbers.attempts), len(begun.attempts), leaves, _numbers.MAX_OPEN)
        and _has_room(len(judge.requests.open), len(begun.requests), leaves, _requests.MAX_OPEN)
        and len(judge.bodies.runs) + len(said.bodies) <= MAX_RUNS
    )


def take_over(judge: Judge, said: Judged) -> None:
    """Let `judge` go on as if it had judged this range itself. What is left to do is its tree's (`Past.begin`)."""
    numbers, bodies, begun, ended = judge.numbers, judge.bodies, said.begun, said.ended
    judge.stand_at(ended.at)
    judge.generation = max(judge.generation, ended.generation)
    judge.foreseen.forget()
    numbers.installation = ended.installation
    numbers.next.update(ended.next)
    _replace(numbers.open, [(batch.case, batch.sequence) for batch in begun.open], _by_number(ended))
    _replace(numbers.attempts, [entry.index for entry in begun.attempts], _by_leaf(ended, numbers))
    _replace(judge.requests.open, [index for index, _ in begun.requests], dict[int, Asked](ended.requests))
    for account, actors in said.makers.items():
        for actor in actors:
            judge.approving.made(account, actor)
    _repeat(bodies, said)
    bodies.seen += said.seen
    bodies.seen_bytes += said.seen_bytes
    numbers.accepted += said.accepted
    numbers.receipts_checked += said.receipts
    numbers.vouched = max(numbers.vouched, said.vouched)
    judge.requests.checked += said.documents
    judge.agreed = said.agreed if said.agreed >= 0 else judge.agreed
    judge.unread += said.unread
    judge.kept_held += said.kept


def _repeat(bodies: Bodies, said: Judged) -> None:
    for note in said.bodies:
        if isinstance(note, Swept):
            bodies.excuse(note.before)
            continue
        if note.fresh:
            bodies.there()
        bodies.miss(note.first, note.last, note.bodies)
    if said.last_is_there:
        bodies.there()


def _has_room(here: int, assumed: int, leaves: int, most: int) -> bool:
    """Whether nothing had to be given up as too many, unless it was where the range was judged, and found there."""
    return here == assumed or here + leaves <= most


def _waits(numbers: Numbers, entry: Waiting) -> bool:
    batch, tried = numbers.attempts.get(entry.index, (None, None))
    if tried != entry.tried:
        return False
    is_open = batch is not None and numbers.open.get((entry.tried.case, entry.tried.sequence)) is batch
    return is_open if entry.is_open else not is_open and batch == entry.batch


def _by_number(state: State) -> dict[tuple[str, int], Batch]:
    return {(batch.case, batch.sequence): batch for batch in state.open}


def _by_leaf(state: State, numbers: Numbers) -> dict[int, tuple[Batch | None, Tried]]:
    found: dict[int, tuple[Batch | None, Tried]] = {}
    for entry in state.attempts:
        batch = numbers.open[entry.tried.case, entry.tried.sequence] if entry.is_open else entry.batch
        found[entry.index] = batch, entry.tried
    return found


def _replace(table: dict[_Key, _Value], begun: list[_Key], ended: dict[_Key, _Value]) -> None:
    for key in begun:
        if key not in ended:
            table.pop(key, None)
    table.update(ended)
