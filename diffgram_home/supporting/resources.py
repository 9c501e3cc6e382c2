"""What the named routes may read, by the names that they declare: made when asked, from settings and read models.

`support_routes.handed` says what each can hold: numbers, flags, words of lists. Names, paths, addresses and texts of
the settings and of notices are read past here, and there is no member to put them in.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select

from audit.catalogue import CASES
from diffgram_home import facts, health, ledger, reading
from diffgram_home.home import Home
from diffgram_home.models import ACCEPTED, QUEUED, REJECTED, UNKNOWN, VOIDING, Attempt, Batch, Block, Issue
from diffgram_home.reports import keeping as reports
from support_routes import ROUTES, Routes, handed
from support_routes.own import word

RECENT = timedelta(days=7)


def routes_of(home: Home) -> Routes:
    """Every named route of this installation: our own, those that were declared beside them, and the reporters."""
    routes = Routes()
    for route in ROUTES.values():
        routes.add(route)
    reports.add_routes(home, routes)
    return routes


def makers(home: Home, now: datetime) -> Mapping[str, Callable[[], Any]]:
    """A function for each resource by its name."""
    return {
        **reports.makers(home),
        "versions": partial(versions, home),
        "configuration": partial(configuration, home),
        "findings": partial(findings, home, now),
        "queues": partial(queues, home, now),
        "consent": partial(consent, home, now),
        "ledger": partial(ledger_state, home),
        "scheduler": partial(scheduler, home, now),
        "issues": partial(issues, home, now),
    }


def versions(home: Home) -> handed.Versions:
    """Releases; of the schema the number of its last migration."""
    with home.store.look() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    python = ".".join(platform.python_version_tuple()[:2])
    return handed.Versions(python, _database(home), int(revision or 0), home.catalogue.hash, home.index.hash)


def configuration(home: Home) -> handed.Configuration:
    """Settings that have a number or a yes."""
    given = home.settings
    return handed.Configuration(
        database=_database(home),
        proxy=given.corporate.proxy is not None,
        ca_file=given.corporate.ca_file is not None,
        by_hand=given.sending.by_hand,
        behind_proxy=given.web.behind_proxy,
        mail=given.mail is not None,
        elsewhere=given.elsewhere.named,
        workers=given.web.workers,
        every_s=given.sending.every_s,
        wait_s=given.sending.wait_s,
        batch_messages=given.sending.batch_messages,
        batch_bytes=given.sending.batch_bytes,
        local_days=given.keep.local_days,
        bodies_days=given.keep.bodies_days,
        spool_bytes=given.spool.max_bytes,
    )


def findings(home: Home, now: datetime) -> tuple[handed.Finding, ...]:
    """What `check` finds, by code; a code that the catalogue does not list counts as `other`."""
    known = _choices(home, "home.support.finding.code")
    counted = Counter((word(one.code, known), one.level) for one in health.findings(health.gather(home, now)))
    return tuple(handed.Finding(code, level, found) for (code, level), found in sorted(counted.items()))


def queues(home: Home, now: datetime) -> tuple[handed.Queue, ...]:
    """What waits, by case."""
    with home.store.read() as session:
        rows = session.execute(
            select(Batch.case, Batch.state, func.count(), func.min(Batch.sealed_at)).group_by(Batch.case, Batch.state)
        ).all()
        size = func.sum(Block.messages - Block.sealed_to)
        waiting = dict(session.execute(select(Block.case, size).where(Block.waiting).group_by(Block.case)).all())  # type: ignore[arg-type]
    states = {(case, state): (count, since) for case, state, count, since in rows}
    found = []
    for case in CASES:
        queued, since = states.get((case, QUEUED), (0, now))
        voiding, refused = states.get((case, VOIDING), (0, now))[0], states.get((case, "refused"), (0, now))[0]
        oldest_h = max(0, int((now - since).total_seconds() // 3600))
        found.append(handed.Queue(case, int(waiting.get(case) or 0), queued, voiding, refused, oldest_h))
    return tuple(found)


def consent(home: Home, now: datetime) -> tuple[handed.Consent, ...]:
    """Modes, and counts of approvals; of fields no name."""
    undecided = Counter(field.case for field in reading.fields(home, now) if field.undecided)
    return tuple(
        handed.Consent(case.case, case.mode, case.fields, case.approved, undecided[case.case])
        for case in reading.cases(home)
    )


def ledger_state(home: Home) -> handed.Ledger:
    """Leaves, attempts by outcome, and the spool's files."""
    with home.store.read() as session:
        leaves = ledger.standing(session).size
        rows = session.execute(select(Attempt.outcome, func.count()).group_by(Attempt.outcome))
        ended = dict(map(tuple, rows))
    sizes = [health.size_bytes(path) for path in home.settings.spool.folder.glob("*.spool")]
    told = (ended.get(outcome, 0) for outcome in (ACCEPTED, REJECTED, UNKNOWN))
    return handed.Ledger(leaves, *told, len(sizes), sum(sizes))


def scheduler(home: Home, now: datetime) -> handed.Scheduler:
    """When it was last alive, and what failed then."""
    with home.store.read() as session:
        beat = facts.get(session, "heartbeat") or {}
    at = datetime.fromisoformat(beat["at"]) if "at" in beat else None
    known = home.catalogue.fields["home.support.scheduler.failing"].params["keys"]
    failing = tuple(sorted(set(beat.get("failing", ())) & set(known)))
    return handed.Scheduler(-1 if at is None else max(0, int((now - at).total_seconds())), failing)


def issues(home: Home, now: datetime) -> handed.Issues:
    """How many issues are kept, how many are recent, and their messages."""
    with home.store.read() as session:
        number, messages = session.execute(select(func.count(), func.coalesce(func.sum(Issue.messages), 0))).one()
        recent = session.scalar(select(func.count()).where(Issue.last_at >= now - RECENT)) or 0
    return handed.Issues(int(number), recent, int(messages))


def _database(home: Home) -> str:
    return "sqlite" if home.store.is_sqlite else "postgresql"


def _choices(home: Home, field: str) -> tuple[str, ...]:
    return tuple(home.catalogue.fields[field].params["choices"])
