"""The parts of which `reading` makes its answers: rows of tables turned into values, for `reading` only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Session

from audit.catalogue import CASES, REQUEST, Catalogue, Field
from audit.consent import Consent
from audit.gate import Rules
from audit.modes import MODES, Switch, effective
from audit.types import TYPES
from diffgram_home import attempts, bodies, explaining, facts, instructing, ledger, rules, views
from diffgram_home.blocks import position_mode, unpack
from diffgram_home.deciding import BY_DATE
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home
from diffgram_home.models import QUEUED, Approval, Attempt, Batch, Block, Decline, Hour, Notice, Source, Tally
from diffgram_home.store import Store

# What of the seed's summary table is fixed; the rest of each row is read from catalogue, consent and modes.
_TABLE: Mapping[str, tuple[str, str, str, str, str]] = {
    "event": ("Event.py error collection", "collection", "Metadata", "Error tracking", "Yes - voids default SLA"),
    "browser": ("JS error collection", "collection", "Metadata", "Error tracking", "Yes - voids default SLA"),
    "support": ("Support", "access", "N/A", "Support", "Yes - voids default SLA"),
    "licensing": ("Licensing", "access", "N/A", "Enforce licensing", "No"),
}
# The parts behind the other cases are not in this release; a mode can be set, and collects nothing.
_INSTALLED = frozenset({"event", "browser", "support"})
HOURS = 24
_ZERO = literal(b"\0")  # in Source.kept: the gate held this message back
MONTH = timedelta(days=30)


def lanes(home: Home, session: Session, holding: Rules, now: datetime) -> tuple[views.Lane, ...]:
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    hours = [this_hour - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    rows = {(row.case, row.at): row for row in session.scalars(select(Hour).where(Hour.at >= hours[0]))}
    months, waiting = _sums(session, now - MONTH), not_sealed(session)
    batches = attempts.count_waiting(session)
    lanes = []
    for case in CASES:
        own = [rows.get((case, hour)) for hour in hours]
        bars = tuple(
            views.Bar(hour, row.collected, row.messages, row.size_bytes) if row else views.Bar(hour, 0, 0, 0)
            for hour, row in zip(hours, own, strict=True)
        )
        there = [row for row in own if row]
        day = views.Total(
            sum(row.collected for row in there),
            sum(row.messages for row in there),
            sum(row.size_bytes for row in there),
            sum(row.attempts for row in there),
        )
        month = months.get(case, views.Total(0, 0, 0, 0))
        row = case_row(home, session, case, holding)
        lanes.append(views.Lane(row, bars, day, month, waiting.get(case, 0), batches.get(case, 0)))
    return tuple(lanes)


def _sums(session: Session, since: datetime) -> dict[str, views.Total]:
    names = (Hour.collected, Hour.messages, Hour.size_bytes, Hour.attempts)
    wanted = select(Hour.case, *map(func.sum, names)).where(Hour.at >= since).group_by(Hour.case)
    return {case: views.Total(*map(int, sums)) for case, *sums in session.execute(wanted)}


def case_row(home: Home, session: Session, case: str, holding: Rules) -> views.Case:
    """One case as it stands."""
    own, own_kinds = _own(home, case)
    live = tuple(kind.name for kind in home.catalogue.live_kinds(case))
    name, direction, scope, use, can_limit = _TABLE[case]
    of_case = home.catalogue.of_case(case)
    identifies = tuple(dict.fromkeys(field.identifies for field in of_case if field.identifies != "nobody"))
    return views.Case(
        case=case,
        name=name,
        direction=direction,
        scope=scope,
        personal="No" if not identifies else "No, but see the fields that identify: " + ", ".join(identifies),
        use=use,
        customer_can_limit=can_limit,
        mode=holding.modes.cases[case],
        modes=MODES[case],
        installed=case in _INSTALLED,
        fields=len(of_case),
        approved=sum(map(holding.consent.approves, of_case)),
        identifies=identifies,
        cost_of_off=tuple(dict.fromkeys(field.if_off for field in of_case)),
        kinds={kind: holding.modes.of(kind).mode for kind in live},
        own=own,
        own_kinds={kind: own_kinds.get(kind, "off") for kind in live},
        asked=tuple(
            views.Asked(ask.what, ask.name, ask.to, ask.until, ask.why)
            for ask in instructing.about(instructing.asks(session), case, live, [field.name for field in of_case])
        ),
    )


def _own(home: Home, case: str) -> tuple[str, Mapping[str, str]]:
    """What the customer's own file says of a case and of kinds; without a file that can be read, nothing is on."""
    file = rules.read_file(home)
    if isinstance(file, SettingsFaults):
        return MODES[case][0], {}
    return file.cases[case], effective(home.catalogue, file.cases, file.kinds)


def field_rows(
    home: Home, session: Session, now: datetime, catalogue: Catalogue | None = None
) -> tuple[views.Field, ...]:
    """Every field of the catalogue at hand (today's), in its order, with what was decided about it."""
    catalogue = catalogue or home.catalogue
    approvals, declines = defaultdict(list), {}
    for row in session.scalars(select(Approval).order_by(Approval.id)):
        approvals[row.field].append(row)
    for declined in session.scalars(select(Decline).where(Decline.ended_at.is_(None)).order_by(Decline.id)):
        declines[declined.field, declined.hash] = declined
    consent = rules.within(home, session, now).consent
    return tuple(
        _field_row(field, catalogue, approvals[field.name], declines.get((field.name, field.hash)), consent, now)
        for field in catalogue.fields.values()
    )


def _field_row(
    field: Field,
    catalogue: Catalogue,
    approvals: Sequence[Approval],
    no: Decline | None,
    consent: Consent,
    now: datetime,
) -> views.Field:
    own = [row for row in approvals if row.hash == field.hash and row.withdrawn_at is None]
    row = next((row for row in reversed(own) if row.expires_at is None or row.expires_at > now), None)
    values = {name: getattr(field, name) for name in Field.__slots__}
    made = explaining.made(field.key, field.kinds, catalogue)
    return views.Field(
        **values,
        state=_field_state(field, approvals, row, no),
        approved_by=row.actor if row else None,
        approved_role=row.role if row else None,
        approved_at=row.at if row else None,
        authority=row.authority if row else no.authority if no else None,
        expires_at=row.expires_at if row else None,
        source=row.source if row else None,
        declined_by=no.actor if no else None,
        declined_at=no.at if no else None,
        off=field.name in consent.off,
        transform=consent.transforms.get(field.name),
        made=made,
        unmade=explaining.unmade(field, made),
        stands=TYPES[field.type].stands,
    )


def _field_state(field: Field, approvals: Sequence[Approval], row: Approval | None, no: Decline | None) -> str:
    if field.removed is not None:
        return "removed"
    if field.case == REQUEST:
        return "requested"
    if row is not None:
        return "approved"
    if no is not None:
        return "declined"
    last = next((other for other in reversed(approvals) if other.hash == field.hash), None)
    if last is not None:  # this very definition was decided about
        return "expired" if last.withdrawn_at is None or last.withdrawn_by == BY_DATE else "withdrawn"
    return "changed" if approvals else "new"


def pending_row(home: Home, session: Session, row: Batch, lines: int) -> views.Pending:
    exact = bodies.get(session, row.sha256)
    return views.Pending(
        id=row.id,
        case=row.case,
        sequence=row.sequence,
        state=row.state,
        sealed_at=row.sealed_at,
        messages=row.messages,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        tries=row.tries,
        next_try_at=row.next_try_at,
        last_outcome=row.last_outcome,
        last_code=row.last_code,
        void=row.void,
        body=exact,
        lines=explaining.lines(exact or b"", home.catalogue, lines),
    )


def not_left_whole(store: Store) -> ColumnElement[bool]:
    """Whether a block holds more than what one batch took whole, with which all of it has left or is about to."""
    held_back = func.instr(Source.kept, _ZERO) if store.is_sqlite else func.position(_ZERO.op("IN")(Source.kept))
    out = Batch.left_at.is_not(None) | (Batch.state == QUEUED)
    whole = (Source.block_id == Block.id) & (Source.start == 0) & (Source.stop == Block.messages) & (held_back == 0)
    return ~exists().where(whole, Source.batch_id == Batch.id, out)


def kept_rows(home: Home, session: Session, block: Block, stop: int, limit: int) -> list[views.Kept]:
    elsewhere, switches = _left_or_queued(session, block.id), rules.within(home, session).modes
    here = [position for position in range(min(stop, block.messages) - 1, -1, -1) if position not in elsewhere]
    messages = unpack(block) if here else []
    found: list[views.Kept] = []
    for position in here:
        if len(found) == limit:
            break
        word, message = messages[position]
        mode, generation = position_mode(word)
        line = explaining.message(message, home.catalogue)
        may_go = mode == "on" and switches.of(line.kind) == Switch(mode, generation)
        if not (may_go and block.waiting and position >= block.sealed_to):
            found.append(views.Kept(block.id, position, block.case, line.kind, block.taken_at, mode, generation, line))
    return found


def _left_or_queued(session: Session, block_id: int) -> set[int]:
    """Positions in a block whose messages have left with some batch, or are about to."""
    wanted = select(Source).join(Batch, Batch.id == Source.batch_id)
    out = Batch.left_at.is_not(None) | (Batch.state == QUEUED)
    rows = session.scalars(wanted.where(Source.block_id == block_id, out))
    return {row.start + offset for row in rows for offset, kept_here in enumerate(row.kept) if kept_here}


def attempt_lines(
    session: Session, case: str | None, outcome: str | None, before: int | None, limit: int
) -> tuple[views.AttemptLine, ...]:
    wanted = select(Attempt, Batch.state).join(Batch, Batch.id == Attempt.batch_id)
    if case is not None:
        wanted = wanted.where(Attempt.case == case)
    if outcome is not None:
        wanted = wanted.where(Attempt.outcome == outcome)
    if before is not None:
        wanted = wanted.where(Attempt.id < before)
    rows = session.execute(wanted.order_by(Attempt.id.desc()).limit(limit))
    return tuple(attempt_line(row, state) for row, state in rows)


def attempt_line(row: Attempt, state: str) -> views.AttemptLine:
    """One attempt for a list."""
    return views.AttemptLine(
        id=row.id,
        case=row.case,
        sequence=row.sequence,
        at=row.at,
        outcome=row.outcome,
        code=row.code,
        messages=row.messages,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        destination=row.destination,
        void=row.void,
        receipt=row.receipt is not None,
        state=state,
    )


def not_sealed(session: Session) -> dict[str, int]:
    wanted = select(Block.case, func.sum(Block.messages - Block.sealed_to)).where(Block.waiting).group_by(Block.case)
    return {case: int(count) for case, count in session.execute(wanted)}


def open_notices(session: Session) -> tuple[views.Notice, ...]:
    rows = session.scalars(select(Notice).where(Notice.ended_at.is_(None)).order_by(Notice.last_at.desc()).limit(50))
    return tuple(
        views.Notice(row.code, row.subject, row.text, row.hint, row.first_at, row.last_at, row.count) for row in rows
    )


def withheld_rows(session: Session, now: datetime, days: int) -> tuple[views.Withheld, ...]:
    since = (now - timedelta(days=days - 1)).strftime("%Y-%m-%d")
    wanted = select(Tally).where(Tally.day >= since)
    return as_withheld(session.scalars(wanted.order_by(Tally.day.desc(), Tally.count.desc()).limit(1000)))


def last_withheld(session: Session) -> tuple[views.Withheld, ...]:
    """Of the newest day that has any."""
    day = select(func.max(Tally.day)).scalar_subquery()
    return as_withheld(session.scalars(select(Tally).where(Tally.day == day).order_by(Tally.count.desc())))


def as_withheld(rows) -> tuple[views.Withheld, ...]:
    return tuple(views.Withheld(row.day, row.what, row.case, row.reason, row.path, row.count) for row in rows)


def proof(session: Session) -> views.Proof:
    stood, last = ledger.standing(session), ledger.last_checkpoint(session)
    verified = facts.get(session, "verified") or {}
    return views.Proof(
        size=stood.size,
        root=stood.root.hex(),
        checkpoint=last.text if last else None,
        checkpoint_at=last.at if last else None,
        verified_at=moment(verified.get("at")),
        verified_ok=verified.get("ok"),
    )


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
