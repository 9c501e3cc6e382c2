"""Whether bytes that left had the approval that their case asked for (used by `verification`; `approval` has the rule).

What a case asks for, who approved or refused which bytes, and who made whose account stand in leaves. An attempt is
judged by what stood before it; it counts once corporate accepted it, since the door may still have refused it, or at
once when it was carried by hand. Voids need no approval. Rules:

  - At most `MAX_DECIDED` hashes are remembered; once one was forgotten, bytes without any decision are let pass.
  - Nothing is handed from range to range but accounts: where a case asks, leaves are judged in turn.
"""

from dataclasses import dataclass, field

from audit.approval import NONE, enough
from audit.record import ApprovalRule, Attempt, AttemptByHand, BatchDecision, Person

MAX_DECIDED = MAX_LACKING = 100_000
_Bytes = tuple[str, int, str]


@dataclass(slots=True)
class Decided:
    """Who approved these bytes, and whether somebody refused them or the time was over."""

    actors: list[str] = field(default_factory=list)
    ended: bool = False


class Approving:
    """What cases ask for, what was decided, and which attempts under way lack it."""

    def __init__(self) -> None:
        self.asks: dict[str, str] = {}
        self.makers: dict[str, frozenset[str]] = {}
        self.lacking: dict[int, str] = {}
        self._decided: dict[_Bytes, Decided] = {}
        self._forgot = False

    @property
    def idle(self) -> bool:
        """Whether no leaf to come can lack an approval before a case asks for it."""
        return not self.asks and not self.lacking

    def ruled(self, entry: ApprovalRule) -> None:
        """Take what a case asks for from here on."""
        if entry.step != "set":
            return
        self.asks.pop(entry.case, None)
        if entry.to != NONE:
            self.asks[entry.case] = entry.to

    def decided(self, entry: BatchDecision) -> None:
        """Take a decision about the very bytes."""
        known = self._decided.setdefault((entry.case, entry.sequence, entry.sha256), Decided())
        if entry.decision == "approved":
            known.actors.append(entry.actor)
        else:
            known.ended = True
        if len(self._decided) > MAX_DECIDED:
            self._decided.pop(next(iter(self._decided)))
            self._forgot = True

    def person(self, entry: Person) -> None:
        """Take who made an account or set its password."""
        if entry.change in ("added", "password-set") and entry.actor != entry.account:
            self.made(entry.account, entry.actor)

    def made(self, account: str, actor: str) -> None:
        """Note that `actor` could sign in as `account`."""
        self.makers[account] = self.makers.get(account, frozenset()) | {actor}

    def lacks(self, entry: Attempt | AttemptByHand) -> str | None:
        """Return what an attempt for a batch with content lacks, as a sentence; None if nothing."""
        level = self.asks.get(entry.case, NONE)
        known = self._decided.get((entry.case, entry.sequence, entry.sha256))
        if level == NONE or (known is None and self._forgot):
            return None
        if known is not None and known.ended:
            return f"{entry.case}: number {entry.sequence} left, though these bytes were refused or their time was over"
        if enough(level, known.actors if known else (), self.makers):
            return None
        return f"{entry.case}: number {entry.sequence} left without the approval that the case asked for: {level}"

    def began(self, index: int, lacks: str | None) -> None:
        """Remember what the attempt at leaf `index` lacks until its end is known."""
        if lacks:
            self.lacking[index] = lacks
            if len(self.lacking) > MAX_LACKING:  # each is an attempt without an end, of which there are too many
                self.lacking.pop(next(iter(self.lacking)))
