"""People who may sign in: accounts, roles, passwords, throttling, and sign-ins kept on the server.

Cookies and requests are the pages' business. Rules:
- Passwords are kept as argon2id only. A wrong name costs the same time as a wrong password.
- A try is counted before the password is looked at, in the transaction that looks at the waiting time: of many at
  once no more pass than one after the other. A right password takes its own count back.
- From the fifth failure from one address on its next try waits, twice as long each time, up to a quarter of an hour:
  whoever guesses holds out only themselves. The tries for one name from everywhere have a softer limit, since a long
  one would let a stranger hold the administrator out: after fifty the next waits, at most half a minute, which still
  leaves guesses from many addresses at two a minute. Waiting is told.
- A sign-in is known by the SHA-256 of a random token; it ends after half an hour without use, or twelve hours.
- Every change of an account is a ledger record. Records name a person by a number that is never given again
  (`person:3`), and the name stands in the account's row alone: who deletes the account deletes the name.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from audit import record
from diffgram_home import facts, ledger, throttling
from diffgram_home.errors import PeopleError
from diffgram_home.home import Home
from diffgram_home.models import Account, SignIn, Throttle
from diffgram_home.throttling import Limit

ROLES = ("admin", "security", "operator", "viewer", "support")
"""All roles. Who has `support`, somebody from the vendor, has no other."""
MIN_PASSWORD = 12
MAX_PASSWORD = 1024
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
_LAST = "persons"  # a fact: the last number that was given to a person
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._@-]{0,79}\Z")
_hasher = PasswordHasher()  # argon2id, RFC 9106's second recommended parameters
_DUMMY = _hasher.hash("nobody has this password")


BY_ADDRESS = Limit(4, timedelta(minutes=15))
BY_NAME = Limit(50, timedelta(seconds=30))


@dataclass(frozen=True, slots=True)
class Person:
    """One account, without its password. `actor` is how the ledger names the person.

    `issuer` is the identity provider by which they sign in; None for an account with a password.
    """

    number: int
    name: str
    roles: tuple[str, ...]
    made_by: str
    made_at: datetime
    disabled_at: datetime | None
    issuer: str | None = None

    @property
    def actor(self) -> str:
        """The name in ledger records."""
        return _actor(self.number)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A successful sign-in: the person, and the token for the cookie, which is not stored anywhere."""

    person: Person
    token: str


@dataclass(frozen=True, slots=True)
class Denied:
    """No sign-in: `code` is wrong or wait; `wait_s` says for how long."""

    code: str
    wait_s: int


def add(home: Home, name: str, password: str, roles: Collection[str], actor: str, now: datetime) -> Person:
    """Make an account; raises PeopleError if it exists, or name, roles or password will not do."""
    if not _NAME.match(name):
        raise PeopleError(
            "name-unusable", f"'{name}' cannot be a name", "use letters, digits, '.', '_', '@', '-'; at most 80"
        )
    _check_roles(roles)
    hashed = _hash(password)
    with home.store.write() as session:
        if _account(session, name) is not None:
            raise PeopleError("account-exists", f"there is an account '{name}' already", "choose another name")
        return _person(put(session, name, _joined(roles), hashed, actor, now))


def put(session: Session, name: str, roles: str, hashed: str, actor: str, now: datetime) -> Account:
    """Add an account whose name, joined roles and password's hash were looked at; inside a write transaction."""
    last = max(facts.get(session, _LAST, 0), session.scalar(select(func.max(Account.id))) or 0)
    facts.put(session, _LAST, last + 1)
    row = Account(id=last + 1, name=name, roles=roles, password=hashed, made_by=actor, made_at=now)
    session.add(row)
    _record(session, row, actor, "added", None, now)
    for role in roles.split(","):
        _record(session, row, actor, "role-given", role, now)
    return row


def set_roles(home: Home, name: str, roles: Collection[str], actor: str, now: datetime) -> Person:
    """Give and take roles; raises PeopleError, also when nobody would be admin any more."""
    _check_roles(roles)
    with home.store.write() as session:
        row = _existing(session, name)
        _check_own(row, "change the groups there")
        change_roles(session, row, roles, actor, now)
        session.flush()
        _check_admin_left(session)
        return _person(row)


def change_roles(session: Session, row: Account, roles: Collection[str], actor: str, now: datetime) -> None:
    """Give and take roles, and record each; inside a write transaction."""
    _check_roles(roles)
    before, after = set(row.roles.split(",")), set(roles)
    row.roles = _joined(roles)
    for role in sorted(after - before):
        _record(session, row, actor, "role-given", role, now)
    for role in sorted(before - after):
        _record(session, row, actor, "role-taken", role, now)


def set_password(home: Home, name: str, password: str, actor: str, now: datetime) -> None:
    """Set a new password and end all sign-ins of the account; raises PeopleError."""
    hashed = _hash(password)
    with home.store.write() as session:
        row = _existing(session, name)
        _check_own(row, "change the password there")
        row.password = hashed
        session.execute(delete(SignIn).where(SignIn.account_id == row.id))
        _record(session, row, actor, "password-set", None, now)


def disable(home: Home, name: str, actor: str, now: datetime) -> None:
    """End an account; its name stays taken, so that the ledger's records keep their meaning. Raises PeopleError."""
    with home.store.write() as session:
        row = _existing(session, name)
        row.disabled_at = now
        session.execute(delete(SignIn).where(SignIn.account_id == row.id))
        session.flush()
        _check_admin_left(session)
        _record(session, row, actor, "removed", None, now)


def erase(home: Home, name: str, actor: str, now: datetime) -> int:
    """Delete an account with its name, password and sign-ins, ended before or not; returns its number.

    What the ledger has of it stays, under the number. Raises PeopleError, also for the last who has the role admin.
    """
    with home.store.write() as session:
        row = _existing(session, name)
        number = row.id
        _record(session, row, actor, "deleted", None, now)
        session.execute(delete(SignIn).where(SignIn.account_id == number))
        session.execute(delete(Throttle).where(Throttle.key == f"name:{name.lower()}"))
        session.delete(row)
        session.flush()
        _check_admin_left(session)
    home.store.scrub()
    return number


def named(home: Home) -> dict[str, str]:
    """The name of each account by the actor that stands for it in the ledger; deleted ones are not among them."""
    with home.store.read() as session:
        rows = session.execute(select(Account.id, Account.name))
        return {_actor(number): name for number, name in rows}


def accounts(home: Home) -> tuple[Person, ...]:
    """All accounts by name."""
    with home.store.read() as session:
        return tuple(_person(row) for row in session.scalars(select(Account).order_by(Account.name)))


def sign_in(home: Home, name: str, password: str, address: str, now: datetime) -> SignedIn | Denied:
    """Check a password; the answer does not tell a wrong name from a wrong password."""
    return _shown(home, name, password, address, now, lambda session, row: begin(session, row, now))


def begin(session: Session, row: Account, now: datetime) -> SignedIn:
    """Begin a session of somebody who just showed who they are; inside a write transaction."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            digest=digest(token), account_id=row.id, made_at=now, seen_at=now, fresh_at=now, expires_at=now + LONGEST
        )
    )
    return SignedIn(_person(row), token)


def confirm(home: Home, token: str, password: str, address: str, now: datetime) -> SignedIn | Denied:
    """Check the password of whoever holds this token, who is then fresh; throttled as signing in is."""
    person = signed_in(home, token, now)

    def freshened(session: Session, row: Account) -> SignedIn | Denied:
        kept = session.get(SignIn, digest(token))
        if kept is None or kept.account_id != row.id:
            return Denied("wrong", 0)
        kept.fresh_at = now
        return SignedIn(_person(row), token)

    return _shown(home, person.name if person else "", password, address, now, freshened)


def is_fresh(home: Home, token: str, within: timedelta, now: datetime) -> bool:
    """Whether whoever holds this token showed who they are so lately. A moment to come is a wrong clock's: no."""
    with home.store.read() as session:
        row = session.get(SignIn, digest(token))
    return row is not None and timedelta(0) <= now - (row.fresh_at or row.made_at) <= within


def _shown(
    home: Home,
    name: str,
    password: str,
    address: str,
    now: datetime,
    then: Callable[[Session, Account], SignedIn | Denied],
) -> SignedIn | Denied:
    """`then`, inside a write transaction, when the password is that of the name's account and the account may."""
    name = name if _NAME.match(name) else ""  # nobody's, and PostgreSQL takes no NUL
    limits = {f"name:{name.lower()}": BY_NAME, f"address:{address[:60]}": BY_ADDRESS}
    with home.store.write() as session:
        wait = throttling.wait(session, limits, now)
        if wait > timedelta(0):
            return Denied("wait", throttling.seconds(wait))
        counted = {key: throttling.count(session, key, limit, now) for key, limit in limits.items()}
        row = _account(session, name)
    known = row is not None and row.issuer is None
    if not _is_right(row.password if row and known else _DUMMY, password) or row is None or not _may(row, known):
        return Denied("wrong", throttling.seconds(max(one.wait for one in counted.values())))
    with home.store.write() as session:
        for key, one in counted.items():
            throttling.take_back(session, key, one)
        fresh = session.get_one(Account, row.id)
        if fresh.password != row.password or fresh.disabled_at is not None:
            return Denied("wrong", 0)  # changed while it was looked at: the change has ended all sign-ins, this one too
        if _hasher.check_needs_rehash(fresh.password):
            fresh.password = _hasher.hash(password)
        return then(session, fresh)


def change_password(home: Home, name: str, old: str, new: str, address: str, now: datetime) -> SignedIn | Denied:
    """Change a person's own password, which ends all their sign-ins, and begin a new one. Raises PeopleError.

    The old password is checked and throttled as at signing in, since a browser left alone is what this guards against.
    """
    checked = sign_in(home, name, old, address, now)
    if isinstance(checked, Denied):
        return checked
    set_password(home, name, new, checked.person.actor, now)
    return sign_in(home, name, new, address, now)


def signed_in(home: Home, token: str, now: datetime, *, quiet: bool = False) -> Person | None:
    """The person who holds this token, or None if it has ended; use keeps it alive, unless it is `quiet`."""
    with home.store.read() as session:
        row = session.get(SignIn, digest(token))
        if row is None or now >= row.expires_at or now - row.seen_at >= IDLE:
            return None
        account = session.get_one(Account, row.account_id)
        if account.disabled_at is not None:
            return None
        stale = abs(now - row.seen_at) >= timedelta(minutes=1)
    if stale and not quiet:  # once a minute is enough to know that it is used, and spares the one writer
        with home.store.write() as session:
            kept = session.get(SignIn, digest(token))
            if kept is not None:
                kept.seen_at = now
    return _person(account)


def sign_out(home: Home, token: str) -> None:
    """End a sign-in; nothing happens if it has ended."""
    with home.store.write() as session:
        session.execute(delete(SignIn).where(SignIn.digest == digest(token)))


def sign_out_everywhere(home: Home, name: str) -> None:
    """End every sign-in of the account. Raises PeopleError if there is none of this name."""
    with home.store.write() as session:
        session.execute(delete(SignIn).where(SignIn.account_id == _existing(session, name).id))


def _check_own(row: Account, hint: str) -> None:
    if row.issuer is not None:
        raise PeopleError("of-provider", f"'{row.name}' signs in by the identity provider", hint)


def _check_roles(roles: Collection[str]) -> None:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown or not roles:
        named = f"there is no role '{unknown[0]}'" if unknown else "an account needs a role"
        raise PeopleError("role-unknown", named, f"the roles are {', '.join(ROLES)}")
    if "support" in roles and len(set(roles)) > 1:
        text = "the role 'support' is for somebody from the vendor, who has no other role"
        raise PeopleError("role-alone", text, "make two accounts, or leave one role out")


def _check_admin_left(session: Session) -> None:
    rows = session.scalars(select(Account).where(Account.disabled_at.is_(None)))
    if not any("admin" in row.roles.split(",") for row in rows):
        raise PeopleError("last-admin", "nobody would have the role 'admin' any more", "give it to somebody else first")


def _hash(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        hint = f"use {MIN_PASSWORD} to {MAX_PASSWORD} characters; several words are good"
        raise PeopleError("password-unusable", "the password is too short or too long", hint)
    return _hasher.hash(password)


def _may(row: Account, known: bool) -> bool:
    return known and row.disabled_at is None


def _is_right(hashed: str, password: str) -> bool:
    try:
        return len(password) <= MAX_PASSWORD and _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _account(session: Session, name: str) -> Account | None:
    return session.scalars(select(Account).where(Account.name == name)).first()


def _existing(session: Session, name: str) -> Account:
    row = _account(session, name)
    if row is None:
        raise PeopleError("name-unknown", f"there is no account '{name}'", "'diffgram-home account list' shows them")
    return row


def _actor(number: int) -> str:
    return f"person:{number}"


def _person(row: Account) -> Person:
    roles = tuple(row.roles.split(","))
    return Person(row.id, row.name, roles, row.made_by, row.made_at, row.disabled_at, row.issuer)


def _record(session: Session, row: Account, actor: str, change: str, role: str | None, now: datetime) -> None:
    entry = record.Person(
        account=_actor(row.id),
        actor=actor,
        at=record.instant(now),
        change=change,  # type: ignore[arg-type]
        role=role,  # type: ignore[arg-type]
    )
    ledger.append(session, entry)


def _joined(roles: Collection[str]) -> str:
    return ",".join(role for role in ROLES if role in roles)


def digest(token: str) -> str:
    """What is stored in the place of a random token: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()
