"""Whether the tables about approval before sending say what the ledger says; for `agreeing` only.

What narrows is not looked for: an approval that somebody took out of the table makes its batch wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.approval import LEVELS
from diffgram_home import approvals
from diffgram_home.approvals import APPROVED
from diffgram_home.models import QUEUED, Batch, BatchDecision, Leaf


def findings(session: Session, recorded: Mapping[str, str]) -> Iterator[str]:
    """What the tables would let go that the ledger would not; `recorded` has what each case asks for by the ledger."""
    stands = approvals.standing(session)
    for case, level in recorded.items():
        if LEVELS.index(stands.level(case)) < LEVELS.index(level):
            yield f"the table has the case '{case}' ask for approval of '{stands.level(case)}', the ledger of '{level}'"
    waits = select(BatchDecision, Leaf.data).join(Batch, Batch.sha256 == BatchDecision.sha256)
    waits = waits.outerjoin(Leaf, Leaf.position == BatchDecision.leaf).where(Batch.state == QUEUED)
    for row, data in session.execute(waits.where(BatchDecision.decision == APPROVED).order_by(BatchDecision.id)):
        if not _says(data, row):
            yield f"the table has the bytes {row.sha256} approved by '{row.actor}', of which the ledger knows nothing"


def _says(data: bytes | None, row: BatchDecision) -> bool:
    try:
        said = msgspec.json.decode(data or b"")
        members = (said["type"], said["decision"], said["actor"], said["sha256"], said["case"], said["sequence"])
    except (ValueError, TypeError, KeyError):
        return False
    return members == ("batch-decision", APPROVED, row.actor, row.sha256, row.case, row.sequence)
