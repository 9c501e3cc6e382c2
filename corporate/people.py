"""Accounts of the vendor's staff: passwords, sign-in with throttling, sessions.

Leaves to others: cookies and forms (pages). Rules: passwords are argon2id; an unknown name costs as much as a wrong
password; of a session's token only the SHA-256 is kept; failures are counted for name and address together and for the
address alone, so that nobody can lock somebody else out from another address. Who is removed leaves no name behind:
what they did stays, under a word of its own that names nobody; the last account stays.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from corporate import acts
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import Account, Act, SignedIn, Throttle

SESSION_LIFE = timedelta(hours=12)
PASSWORD_CHARACTERS = (12, 200)
FORMER = "former-"
"""What stands where an account was named that is removed begins so; its end tells one from another."""
STAFF = "staff:"
"""In a deletion, before the name of an account that had something deleted."""
_NOT_NAMES = (FORMER, STAFF, "os:")
_FREE_NAME = 5
_FREE_ADDRESS = 20
_LONGEST_WAIT_S = 900
_LONGEST_WAIT = timedelta(seconds=_LONGEST_WAIT_S)
_FORGET = timedelta(hours=1)
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's argon2id parameters
#: The hash of a password that nobody knows: checked for unknown names, so that they take as long.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$IeMwrj3yK808ScOsDxpGxQ$JixuHnqXhKJ763wQZ+nIYUDr7ZkW+2NU6mUe25t5uks"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a sign-in failed: `wait_s` is 0 for a wrong name or password, otherwise seconds to wait."""

    wait_s: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    id: int
    name: str


def check_password(password: str) -> None:
    """Raises OperatorError unless the length is allowed."""
    low, high = PASSWORD_CHARACTERS
    if not low <= len(password) <= high:
        raise OperatorError("password", f"the password has {len(password)} characters", f"use {low} to {high}")


def make_password() -> str:
    """A random password of 130 bits."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True, slots=True)
class Listed:
    """One account in the list; `sessions` counts where it is signed in now."""

    name: str
    made_at: datetime
    sessions: int


def listed(store: Store, now: datetime) -> list[Listed]:
    """Every account, by name."""
    sessions = select(func.count()).where(SignedIn.account_id == Account.id, SignedIn.expires_at > now)
    wanted = select(Account.name, Account.made_at, sessions.scalar_subquery()).order_by(Account.name)
    with store.reading(EVERYBODY) as session:
        return [Listed(*row) for row in session.execute(wanted)]


def add(store: Store, name: str, password: str, actor: str, now: datetime) -> None:
    """Add an account. Raises OperatorError when the name is taken or unfit."""
    check_password(password)
    if not 1 <= len(name) <= 60 or not name.isprintable() or name != name.strip() or name.startswith(_NOT_NAMES):
        hint = f"write 1 to 60 printable characters that begin with none of {', '.join(_NOT_NAMES)}"
        raise OperatorError("account", f"{name!r} is no account's name", hint)
    with store.writing(EVERYBODY) as session:
        if session.execute(select(Account.id).where(Account.name == name)).first():
            raise OperatorError("account", f"the account {name!r} exists", "change its password with account password")
        session.add(Account(name=name, password=_HASHER.hash(password), made_at=now))
        acts.note(session, actor, acts.ACCOUNT_ADDED, now, name)


def remove(store: Store, name: str, actor: str, now: datetime) -> str:
    """Remove an account, its sessions, and its name from every table; returns the word that stands there instead.

    Raises OperatorError for an unknown account, and for the last one.
    """
    with store.writing(EVERYBODY) as session:
        every = session.execute(select(Account).order_by(Account.id).with_for_update()).scalars()
        found = {account.name: account for account in every}
        if name not in found:
            raise OperatorError("account", f"no account {name!r}", "see diffgram-corporate account list")
        if len(found) == 1:
            raise OperatorError("last-account", f"{name!r} is the last account", "add another one first")
        former = f"{FORMER}{secrets.token_hex(4)}"
        session.execute(delete(SignedIn).where(SignedIn.account_id == found[name].id))
        session.execute(delete(Throttle).where(Throttle.key.startswith(f"{name}@", autoescape=True)))
        acts.note(session, actor, acts.ACCOUNT_REMOVED, now, name)
        session.flush()
        _forget_name(session, name, former)
        session.delete(found[name])
    store.scrub("account", "signed_in", "throttle", *sorted({table.name for table, _ in acts.naming()}))
    return former


def _forget_name(session: Session, name: str, former: str) -> None:
    """Put `former` where the account was named: who did something, also for customers, and to whom."""
    for table, column in acts.naming():
        for before in ("", STAFF):
            change = update(table).where(column == before + name).values({column.name: before + former})
            session.execute(change.execution_options(synchronize_session=False))
    session.execute(update(Act).where(Act.subject == name).values(subject=former))


def set_password(store: Store, name: str, password: str, actor: str, now: datetime) -> None:
    """Change a password and end every session of the account. Raises OperatorError."""
    check_password(password)
    with store.writing(EVERYBODY) as session:
        account = session.execute(select(Account).where(Account.name == name)).scalar_one_or_none()
        if account is None:
            raise OperatorError("account", f"no account {name!r}", "add it with diffgram-corporate account add")
        account.password = _HASHER.hash(password)
        acts.note(session, actor, acts.PASSWORD_SET, now, name)
        session.execute(delete(SignedIn).where(SignedIn.account_id == account.id))


def sign_in(store: Store, name: str, password: str, address: str, now: datetime) -> str | Refusal:
    """The token of a new session, or why not. The attempt is counted before the password is looked at."""
    name, password = name[:60], password[: PASSWORD_CHARACTERS[1]]
    wait_s = _count(store, name, address, now)
    if wait_s:
        return Refusal(wait_s)
    with store.reading(EVERYBODY) as session:
        account = session.execute(select(Account).where(Account.name == name)).scalar_one_or_none()
    if not _fits(_NOBODY if account is None else account.password, password) or account is None:
        return Refusal(0)
    token = secrets.token_urlsafe(32)
    with store.writing(EVERYBODY) as session:
        held = select(Account.password).where(Account.id == account.id)
        if session.execute(held.with_for_update()).scalar_one_or_none() != account.password:
            return Refusal(0)  # changed while it was looked at: the change has ended all sessions, this one too
        session.execute(delete(SignedIn).where(SignedIn.expires_at <= now))
        old = Throttle.until < now - _FORGET  # of invented names, which would stay for ever
        session.execute(delete(Throttle).where(Throttle.key.in_(_keys(name, address)) | old))
        session.add(SignedIn(sha256=_sha256(token), account_id=account.id, expires_at=now + SESSION_LIFE))
    return token


def who(store: Store, token: str, now: datetime) -> Person | None:
    """Whose session this is, or None."""
    with store.reading(EVERYBODY) as session:
        row = session.execute(
            select(Account.id, Account.name)
            .join(SignedIn, SignedIn.account_id == Account.id)
            .where(SignedIn.sha256 == _sha256(token), SignedIn.expires_at > now)
        ).one_or_none()
    return None if row is None else Person(*row)


def sign_out(store: Store, token: str) -> None:
    """End a session."""
    with store.writing(EVERYBODY) as session:
        session.execute(delete(SignedIn).where(SignedIn.sha256 == _sha256(token)))


def wait_after(failures: int, free: int) -> int:
    """Seconds to wait after so many failures: none up to `free`, then doubling, at most a quarter of an hour."""
    return 0 if failures < free else min(2 ** (failures - free), _LONGEST_WAIT_S)


def _count(store: Store, name: str, address: str, now: datetime) -> int:
    """Count an attempt; the seconds to wait if it comes too early (then it is not counted)."""
    with store.writing(EVERYBODY) as session:
        limits = list(zip(_keys(name, address), (_FREE_NAME, _FREE_ADDRESS), strict=True))
        rows = [_throttle(session, key, now) for key, _ in limits]
        ahead = max(row.until - now for row in rows)
        if timedelta(0) < ahead <= _LONGEST_WAIT:  # a moment beyond every wait was written by a wrong clock
            return int(ahead.total_seconds()) + 1
        for row, (_, free) in zip(rows, limits, strict=True):
            row.failures += 1
            row.until = now + timedelta(seconds=wait_after(row.failures, free))
    return 0


def _throttle(session: Session, key: str, now: datetime) -> Throttle:
    row = session.get(Throttle, key, with_for_update=True)
    if row is None:
        row = Throttle(key=key, failures=0, until=now)
        session.add(row)
    elif now - row.until > _FORGET:
        row.failures = 0
    return row


def _keys(name: str, address: str) -> tuple[str, str]:
    return f"{name}@{address}", f"@{address}"


def _fits(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
