"""Whether the tables say what the ledger says: pages are made from rows, and rows decide what may leave.

Leaves cannot be changed unnoticed; rows beside them can, by whoever may write the database. While `verifying` reads the
leaves, this looks along: every attempt's row is its leaf's and its outcome's, in order and none besides; whatever is
approved was approved in the ledger, and not ended there since; cases and kinds stand where the ledger last moved them,
and ask for no less approval before sending.

What narrows is not looked for: an approval that somebody took out of the table withholds, and shows on the pages.
Rules: one page of leaves and one of rows is held at a time, beside the attempts that have no outcome yet, or no
  answer when they were carried by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from audit import record
from audit.modes import ALL_OFF
from audit.verification import Finding
from diffgram_home import _agreeing_approval, facts, rules
from diffgram_home.attempts import BY_HAND
from diffgram_home.models import Approval, Attempt

DIFFERS = "rows-differ"
Leaves = Sequence[tuple[int, str, bytes]]
"""One page: position, what the row says the type is, and the leaf itself."""

_CHANGES = frozenset({"consent", "decision", "mode", "switch", "transform", "allowance", "approval-rule"})
_PAGE = 500
_attempt = Attempt.__table__.c
_NEXT = (
    select(
        _attempt.id,
        _attempt.leaf,
        _attempt.case,
        _attempt.destination,
        _attempt.sequence,
        _attempt.sha256,
        _attempt.outcome,
        _attempt.outcome_leaf,
    )
    .where(_attempt.id > bindparam("after"))
    .order_by(_attempt.id)
    .limit(_PAGE)
)


class Agreement:
    """One comparison of the tables of `session`, which is a snapshot, with leaves that are shown to it in order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = _attempts(session)
        self._next = next(self._rows, None)
        self._open: dict[int, Row[Any]] = {}
        self._decided: dict[tuple[str, str], tuple[str, str | None]] = {}
        self._switched: dict[str, str] = {}
        self._transformed: dict[str, str | None] = {}
        self._allowed: set[str] = set()
        self._moved: dict[tuple[str, str | None], str] = {}
        self._asks: dict[str, str] = {}

    def along(self, pages: Iterable[Leaves]) -> Iterator[tuple[int, bytes] | Finding]:
        """Every leaf with its position, a finding behind each whose rows differ, and at the end what is left over."""
        for page in pages:
            for position, kind, data in page:
                yield position, data
                yield from self.at(position, kind, data)
        yield from self.left_over()

    def at(self, position: int, kind: str, data: bytes) -> Iterator[Finding]:
        """What differs at the next leaf."""
        wrong = self._differs(position, kind, data)
        if wrong:
            yield Finding(position, DIFFERS, wrong)

    def left_over(self) -> Iterator[Finding]:
        """What the tables have besides, after the last leaf."""
        yield from (Finding(None, DIFFERS, wrong) for wrong in self._left_over())

    def _differs(self, position: int, kind: str, data: bytes) -> str | None:
        if not data.endswith(b'"type":"%b"}' % kind.encode()):
            return f"its row calls it '{kind}', which it is not"
        if kind in ("attempt", "attempt-by-hand"):
            return self._attempted(position, data, by_hand=kind != "attempt")
        if kind in ("outcome", "outcome-by-hand"):
            return self._ended(position, data)
        if kind in _CHANGES:
            self._changed(data)
        return None

    def _attempted(self, position: int, data: bytes, *, by_hand: bool) -> str | None:
        wrong = None
        while self._next is not None and self._next.leaf < position:
            wrong = f"the table has an attempt for leaf {self._next.leaf}, which is none"
            self._next = next(self._rows, None)
        row = self._next
        if row is None or row.leaf != position:
            return "the table of attempts lacks it"
        self._next = next(self._rows, None)
        self._open[position] = row
        names = ("case", "sequence", "sha256") if by_hand else ("case", "destination", "sequence", "sha256")
        same = _says(data, *((name, getattr(row, name)) for name in names)) and (row.destination == BY_HAND) is by_hand
        return wrong if same else "its row in the table of attempts says otherwise"

    def _ended(self, position: int, data: bytes) -> str | None:
        begin = data.find(b'"attempt":') + len(b'"attempt":')
        attempt = data[begin : data.find(b",", begin)]
        row = self._open.pop(int(attempt) if attempt.isdigit() else -1, None)
        if row is not None and row.destination == BY_HAND and (row.outcome_leaf or 0) > position:
            self._open[row.leaf] = row  # corporate's answer was carried in later, and stands for it now
            return None
        if row is not None and row.outcome_leaf == position and _says(data, ("outcome", row.outcome)):
            return None
        return "the table of attempts says otherwise how that attempt ended"

    def _changed(self, data: bytes) -> None:
        try:
            entry = msgspec.json.decode(data)
            if entry["type"] == "mode":
                self._moved[entry["case"], entry["kind"]] = entry["to"]
            elif entry["type"] == "switch":
                self._switched[entry["field"]] = entry["to"]
            elif entry["type"] == "transform":
                self._transformed[entry["field"]] = entry["to"]
            elif entry["type"] == "approval-rule":
                if entry["step"] == "set":
                    self._asks[entry["case"]] = entry["to"]
            elif entry["type"] == "allowance":
                self._allowed.update(entry["definitions"])
            else:
                decision = (entry["decision"], entry.get("expires"))
                self._decided.update(dict.fromkeys(entry["fields"].items(), decision))
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # a damaged leaf is told by the recomputation itself

    def _left_over(self) -> Iterator[str]:
        while self._next is not None:
            yield f"the table has an attempt for leaf {self._next.leaf}, which is none"
            self._next = next(self._rows, None)
        for leaf, row in self._open.items():
            if row.outcome is not None:
                said = f"the table says '{row.outcome}' of the attempt at leaf {leaf}"
                yield f"{said}, of which the ledger has no outcome"
        yield from self._consent()
        yield from self._modes()
        yield from _agreeing_approval.findings(self._session, self._asks)

    def _consent(self) -> Iterator[str]:
        wanted = select(Approval.field, Approval.hash, Approval.expires_at).where(Approval.withdrawn_at.is_(None))
        for field, digest, expires_at in self._session.execute(wanted.order_by(Approval.id)):
            decision, expires = self._decided.get((field, digest), ("never decided", None))
            if decision != "approved":
                yield f"the table says that '{field}' is approved, of which the ledger says: {decision}"
            elif expires != (record.instant(expires_at) if expires_at else None):
                yield f"the table has another end for the approval of '{field}' than the ledger: {expires or 'none'}"
        held = facts.get(self._session, "fields", {})
        for field in sorted(name for name, mode in self._switched.items() if mode == "off"):
            if held.get(field) != "off":
                yield f"the ledger has the field '{field}' switched off, the table does not"
        chosen = facts.get(self._session, "transforms", {})
        for field, word in sorted(self._transformed.items()):
            if word is not None and chosen.get(field) != word:
                yield f"the ledger has the transform {word} of '{field}', the table {chosen.get(field) or 'none'}"
        for digest in sorted(set(facts.get(self._session, "allowed", {})) - self._allowed):
            yield f"the table has the definition {digest} allowed beforehand, the ledger does not"

    def _modes(self) -> Iterator[str]:
        if facts.get(self._session, "dark", False):
            return  # the ledger has all of it off, and the tables what holds when the file can be read again
        held = rules.applied(self._session)
        for case, mode in held.cases.items():
            recorded = self._moved.get((case, None), ALL_OFF.cases[case])
            if mode != recorded:
                yield f"the table has the case '{case}' at '{mode}', the ledger at '{recorded}'"
        of_kinds = {kind: mode for (_, kind), mode in self._moved.items() if kind is not None}
        for kind in sorted(held.own.keys() | of_kinds.keys()):
            mode, recorded = held.own.get(kind, "on"), of_kinds.get(kind, "on")
            if mode != recorded:
                yield f"the table has the kind '{kind}' at '{mode}', the ledger at '{recorded}'"


def _attempts(session: Session) -> Iterator[Row[Any]]:
    after = -1
    while rows := session.execute(_NEXT, {"after": after}).all():
        yield from rows
        after = rows[-1].id


def _says(data: bytes, *members: tuple[str, object]) -> bool:
    """Whether the leaf has these members; its form is canonical, so each stands there in one way only."""
    return all(b'"%b":%b' % (name.encode(), msgspec.json.encode(value)) in data for name, value in members)
