"""Small facts about the installation, by name, as JSON in one table: what needs no table of its own.

Names in use: `installation`, `generation`, `cases`, `kinds`, `fields`, `policy`, `allowed`, `catalogue`, `definitions`,
`undecided`, `enrolment`, `heartbeat`, `verified`, `pruned`, `instructions`,
`published`, `tripped`, `covered`, `conflict`, `elsewhere`, `succeeds`, `transforms`,
`wanted`, `leaving`, `persons`, `not_grouped`, `signature`, `support_clock`.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session

from diffgram_home.models import Value

# Of the plain table, since facts are asked for with every batch; `put` flushes, so that it is never behind.
_DATA = select(Value.__table__.c.data).where(Value.__table__.c.name == bindparam("wanted"))


def get(session: Session | Connection, name: str, default: Any = None) -> Any:
    """The fact `name`, or `default`."""
    data = session.execute(_DATA, {"wanted": name}).scalar_one_or_none()
    return default if data is None else json.loads(data)


def put(session: Session, name: str, value: Any) -> None:
    """Set the fact `name`; durable when the session's transaction is."""
    data = json.dumps(value, sort_keys=True)
    row = session.get(Value, name)
    if row is None:
        session.add(Value(name=name, data=data))
    else:
        row.data = data
    session.flush()
