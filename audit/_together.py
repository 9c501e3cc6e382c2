"""Judges leaves that are all at hand, with their hashes (for `_range`): the three of a usual batch at once."""

from audit._judging import Judge


def take_all(judge: Judge, first: int, leaves: list[bytes], hashes: list[bytes]) -> None:
    """Judge leaves that follow each other, from `first` on; `hashes` were made of these very bytes."""
    whole = first == judge.past.frontier.size and not judge.torn and not judge.kept
    at, last = 0, len(leaves) - 3 if whole and judge.foreseen.begin(len(leaves)) else -1
    while at < len(leaves):
        if at <= last and _take_batch(judge, first + at, leaves[at], leaves[at + 1], leaves[at + 2]):
            judge.past.extend(hashes[at : at + 3])
            at += 3
        else:
            judge.take(first + at, leaves[at], hashes[at])
            at += 1


def _take_batch(judge: Judge, index: int, sealed: bytes, attempt: bytes, outcome: bytes) -> bool:
    """Judge the three leaves of a batch if they are the usual ones; else False, and nothing happened."""
    if sealed[-5:] != b'led"}' or attempt[-5:] != b'mpt"}':
        return False
    stood = judge.at
    if (
        (sealed.startswith(judge.begins) or judge.is_later(sealed))
        and (attempt.startswith(judge.begins) or judge.is_later(attempt))
        and (outcome.startswith(judge.begins) or judge.is_later(outcome))
        and judge.foreseen.batch(index, sealed, attempt, outcome)
    ):
        judge.index, judge.agreed = index + 2, index
        return True
    judge.stand_at(stood)
    return False
