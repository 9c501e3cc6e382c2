"""Approval before sending: how many people must have approved the very bytes of a batch, and whether they have.

A case asks for `none`, `one` or `two`. Who may approve, and storing who did, is left to others: people and decisions
come in as values, and out comes which hashes may leave. Rules:

- What is approved is a SHA-256, hence exactly these bytes: sealed again, they are others, and nobody approved them.
- "Two people" are two accounts neither of which made the other, directly or through accounts that it made (design 6).
  Whoever ever set another's password counts as its maker: they could have signed in as it.
- An actor of the command line (`os:uid`) is enough where one person is asked for, and none of two: a user id is no
  person, and whoever has one user of a machine may well have the other.
- A void carries no message, so it needs no approval; without voids the numbers would have holes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from audit.errors import Refused

NONE, ONE, TWO = "none", "one", "two"
LEVELS = (NONE, ONE, TWO)
REASONS = ("personal", "unexpected", "unneeded", "not-now", "other")
"""Why somebody refused: it says too much about a person; it is not what was expected; the purpose does not need it; it
may go, but not at this time; anything else, which the note then tells."""
WAITS = "waits-for-approval"
"""The gate's code for a batch that nobody, or not enough people, approved."""
_ACCOUNT = "person:"


@dataclass(frozen=True, slots=True)
class Approvals:
    """`asks` names the cases that ask for approval, `approved` the SHA-256s that enough people approved."""

    asks: frozenset[str] = frozenset()
    approved: frozenset[str] = field(default=frozenset(), repr=False)

    def check(self, case: str, sha256: str) -> None:
        """Return nothing if these bytes of this case may leave as far as approval goes; else raise Refused."""
        if case in self.asks and sha256 not in self.approved:
            hint = "approve or refuse it under Pending, or with 'diffgram-home queue'"
            raise Refused(WAITS, case, f"case '{case}' asks for approval, and nobody approved these bytes yet", hint)


NOTHING_ASKED = Approvals()


def stricter(one: str, other: str) -> str:
    """Return the level that asks for more."""
    return max(one, other, key=LEVELS.index)


def enough(level: str, actors: Collection[str], makers: Mapping[str, frozenset[str]]) -> bool:
    """Return whether `actors` are as many different people as `level` asks for.

    `makers` maps an actor to those who made its account or ever set its password.
    """
    if level == TWO:
        return any(independent(one, other, makers) for one, other in combinations(sorted(set(actors)), 2))
    return level == NONE or bool(actors)


def independent(one: str, other: str, makers: Mapping[str, frozenset[str]]) -> bool:
    """Return whether these are two accounts, and neither made the other."""
    accounts = one.startswith(_ACCOUNT) and other.startswith(_ACCOUNT)
    return accounts and one != other and one not in _line(other, makers) and other not in _line(one, makers)


def _line(actor: str, makers: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return everybody who made the actor, and who made these, and so on."""
    found: set[str] = set()
    waiting = [actor]
    while waiting:
        new = makers.get(waiting.pop(), frozenset()) - found
        found |= new
        waiting += new
    return frozenset(found)
