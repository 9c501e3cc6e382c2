"""Corporate opened in this process, without listeners: installations enrol, send errors, delete, by its functions."""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from audit import index, signed
from corporate import enrolment, ingest, migrating, releases, settings
from corporate.database import EVERYBODY, Store
from corporate.issues import following
from corporate.issues.counting import hour_of
from corporate.models import (
    Batch,
    Issue,
    IssueGroup,
    IssueHour,
    IssuePart,
    IssueShape,
    Message,
    Sighting,
    StoredIndex,
)
from corporate.server import Corporate, open_corporate
from event.issue import holes_of
from tests.corporate.pretend import CORE, Pretend, message, rules
from tests.corporate.running import found

LINES = {name: ((100 * n, 100 * n + 50),) for n, name in enumerate(("save", "check", "load", "send"), 1)}
TYPES = frozenset({"shop.errors.QuotaError", "ValueError", "KeyError"})


def release(version: str, moved: int = 0) -> index.Index:
    """A release whose code is `moved` lines further down."""
    lines = {name: tuple((a + moved, b + moved) for a, b in ranges) for name, ranges in LINES.items()}
    return index.new(f"shop {version}", {"shop.orders": lines, "shop.quota": lines}, TYPES)


def failed(
    function: str = "save",
    offset: int = 3,
    *shapes: str,
    kind: str = "ValueError",
    module: str = "shop.orders",
    moved: int = 0,
) -> dict[str, Any]:
    """An error_log of one exception, raised in `function`."""
    line = LINES[function][0][0] + offset + moved
    return {"chain": [{"type": kind, "shapes": list(shapes)}], "frames": [[f"{module}:{function}:{line}", 1]]}


@dataclass(slots=True)
class Home:
    """One installation of the shop."""

    corporate: "Shop"
    pretend: Pretend
    number: int = 0

    @property
    def id(self) -> str:
        return self.pretend.id

    def send(self, *error_logs: Mapping[str, Any] | None, at: str = "2026-11-21T14:01:05Z", **more: Any) -> bytes:
        """One batch with these errors; None is a message without one. Nothing is counted yet."""
        self.number += 1
        made = [message(at, **more, **({} if one is None else {"error_log": one})) for one in error_logs]
        body = self.pretend.seal(self.number, made)
        self.corporate.accept(self.pretend, body)
        return body


@dataclass(slots=True)
class Shop:
    """The vendor's server."""

    server: Corporate
    folder: Path
    releases: dict[str, index.Index] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.server.store

    def released(self, made: index.Index, now: datetime | None = None) -> index.Index:
        """Add a release."""
        file = self.folder / f"{secrets.token_hex(4)}.json"
        file.write_bytes(index.encode(made))
        releases.add(self.store, [], file, None, now or datetime.now(UTC))
        return made

    def home(self, customer: str = "St Mary", places: index.Index | None = None) -> Home:
        """Enrol an installation that runs the release `places`."""
        pretend = Pretend(None, self.folder, rules=rules(CORE, places or index.EMPTY))  # type: ignore[arg-type]
        now = datetime.now(UTC)
        token = enrolment.make_token(self.store, customer, "os:test", now, signature_allowed=True)
        enrolment.enrol(self.server, token, pretend.id, pretend.csr(), now)
        return Home(self, pretend)

    def accept(self, pretend: Pretend, body: bytes) -> None:
        signature = signed.sign(body, pretend.key, signed.BATCH, detached=True)
        ingest.accept(self.server, body, None, signature, datetime.now(UTC), by_hand=True)

    def follow(self, now: datetime | None = None) -> int:
        """Count what is not counted yet."""
        return following.catch_up(self.server, now or datetime.now(UTC))

    def issues(self) -> list[Issue]:
        """Every issue, oldest first."""
        with self.store.reading(EVERYBODY) as session:
            return list(session.execute(select(Issue).order_by(Issue.id)).scalars())

    def rows(self, table: type) -> int:
        with self.store.reading(EVERYBODY) as session:
            return session.execute(select(func.count()).select_from(table)).scalar_one()


def opened(folder: Path, url: str) -> Shop:
    """Set up a server, and open it here."""
    config, _ = found(folder, url)
    server = open_corporate(settings.read(config, {}))
    migrating.upgrade(server.store)
    return Shop(server, folder)


def check(shop: Shop) -> None:
    """Everything that is counted is what the messages that are here say, neither more nor less."""
    with shop.store.reading(EVERYBODY) as session:
        lines = session.execute(
            select(
                Message.batch_id, Message.position, Message.line, Batch.installation_id, Batch.received_at, Batch.header
            )
            .join(Batch, Batch.id == Message.batch_id)
            .where(Batch.read_at.is_not(None))
        ).all()
        indexes = dict(session.execute(select(StoredIndex.hash, StoredIndex.release)).all())
        parts = {part.id: part for part in session.execute(select(IssuePart)).scalars()}
        groups = {group.id: group for group in session.execute(select(IssueGroup)).scalars()}
        issues = {issue.id: issue for issue in session.execute(select(Issue)).scalars()}
        sightings = {(s.batch_id, s.position): s for s in session.execute(select(Sighting)).scalars()}
        hours = {(h.part_id, h.hour): h.count for h in session.execute(select(IssueHour)).scalars()}
        shapes = {(s.part_id, s.slot, s.shape): s.count for s in session.execute(select(IssueShape)).scalars()}
    true_hours: Counter[tuple[int, int]] = Counter()
    true_shapes: Counter[tuple[int, str, str]] = Counter()
    ats: dict[int, list[datetime]] = {}
    expected = set()
    for batch, position, line, installation, received_at, header in lines:
        values = following.msgspec.json.decode(line)
        error_log = following.error_of(values)
        if error_log is None:
            continue
        expected.add((batch, position))
        sighting = sightings[batch, position]
        part = parts[sighting.part_id]
        assert part.installation_id == installation
        assert part.release == indexes[following.msgspec.json.decode(header)["index"]]
        assert sighting.at == following.moment(values, received_at)
        ats.setdefault(part.id, []).append(sighting.at)
        true_hours[part.id, hour_of(sighting.at)] += 1
        true_shapes.update((part.id, *hole) for hole in holes_of(error_log))
    assert sightings.keys() == expected
    assert hours == true_hours
    assert shapes == true_shapes
    assert {p.id: (p.count, p.first_at, p.last_at) for p in parts.values()} == {
        n: (len(found), min(found), max(found)) for n, found in ats.items()
    }
    assert {part.group_id for part in parts.values()} == groups.keys()
    assert {group.issue_id for group in groups.values()} == issues.keys()
    for number, issue in issues.items():
        mine = [part for part in parts.values() if groups[part.group_id].issue_id == number]
        assert issue.count == sum(part.count for part in mine)
        assert issue.installations == len({part.installation_id for part in mine})
        assert (issue.first_at, issue.last_at) == (min(p.first_at for p in mine), max(p.last_at for p in mine))
        assert issue.title in {group.title for group in groups.values() if group.issue_id == number}
