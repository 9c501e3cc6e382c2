"""Small facts about the installation, by name, as JSON in one table: what needs no table of its own.

Names in use: `installation`, `generation`, `cases`, `kinds`, `enrolment`, `heartbeat`, `verified`, `pruned`,
`instructions`,
`tripped`.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from diffgram_home.models import Value


def get(session: Session, name: str, default: Any = None) -> Any:
    """The fact `name`, or `default`."""
    row = session.get(Value, name)
    return default if row is None else json.loads(row.data)


def put(session: Session, name: str, value: Any) -> None:
    """Set the fact `name`; durable when the session's transaction is."""
    data = json.dumps(value, sort_keys=True)
    row = session.get(Value, name)
    if row is None:
        session.add(Value(name=name, data=data))
    else:
        row.data = data
    session.flush()
