"""Makes this machine an installation of its own: new identity, new keys, new ledger; the old ledger is kept, readable.

For a copy of a machine that still runs, and for a key that somebody else may hold. Two ledgers that grew from one
cannot be told apart by their name and key, so the copy gets new ones and begins at its first leaf. Rules:

- Nothing runs meanwhile. Nothing is contacted here; enrolling, with a new token, is a step of its own.
- The old ledger ends with a leaf that names the new installation, the new one begins with a leaf that names the old one
  and its end. The old folder, with its keys, is moved aside whole, with settings in which every case is off: it can be
  read, verified and exported for ever, and never sends.
- People keep their accounts. Approvals are asked for anew: nobody has approved anything for this installation yet, so
  nothing leaves. Modes stay in the settings file, and messages of an earlier switch never leave (generations go on).

Killed in between, the old folder is whole under `earlier/`; `init` without options makes what is missing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import tomlkit
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import record
from audit.modes import ALL_OFF
from diffgram_home import facts, files, ledger, locks, people, switching
from diffgram_home.errors import HomeError
from diffgram_home.home import Home, make_home, open_home
from diffgram_home.models import Account
from diffgram_home.settings import Settings

EARLIER = "earlier"
_DATABASE = "home.db"


class RenewalError(HomeError):
    """This installation cannot be renewed now."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """The new installation, the one that it succeeds, and the settings file by which the old one can be read."""

    installation: str
    succeeds: str
    earlier: Path


@dataclass(frozen=True, slots=True)
class _End:
    """What the new ledger has to know of the old one."""

    installation: str
    standing: ledger.Standing
    generation: int
    people: tuple[tuple[str, str, str], ...]


def renew(home: Home, actor: str, now: datetime) -> Renewed:
    """End this installation's ledger, move it aside, and begin a new one; closes `home`. Raises RenewalError."""
    settings, new = home.settings, secrets.token_hex(16)
    if settings.database_url != f"sqlite:///{settings.folder / _DATABASE}":
        hint = (
            "make a new installation with a database of its own: 'diffgram-home init' in another folder, then 'enrol'"
        )
        raise RenewalError("database-elsewhere", "only a database inside the data folder can be moved aside", hint)
    with _alone(settings):
        end = _ended(home, new, actor, now)
        home.close()
        place = _moved(settings, end.installation)
        make_home(settings, installation=new)
        fresh = open_home(settings)
        try:
            _begin(fresh, end, actor, now)
            switching.apply(fresh, now, actor)
            ledger.sign_checkpoint(fresh, now)
        finally:
            fresh.close()
    return Renewed(new, end.installation, place)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with ExitStack() as stack:
        for name in ("scheduler.lock", "sending.lock"):
            if not stack.enter_context(locks.alone(settings.folder / name)):
                hint = "stop 'diffgram-home run' on this machine first"
                raise RenewalError("still-running", "this installation is running", hint)
        yield


def _ended(home: Home, new: str, actor: str, now: datetime) -> _End:
    with home.store.write() as session:
        _record(session, "ended", new, None, actor, now)
    ledger.sign_checkpoint(home, now)
    with home.store.read() as session:
        columns = (Account.name, Account.roles, Account.password)
        rows = session.execute(select(*columns).where(Account.disabled_at.is_(None)).order_by(Account.id))
        people = tuple((name, roles, password) for name, roles, password in rows)
        return _End(home.installation, ledger.standing(session), int(facts.get(session, "generation", 0)), people)


def _moved(settings: Settings, installation: str) -> Path:
    """Move database and keys to `earlier/ID`, beside settings that let them be read and never send."""
    place = settings.folder / EARLIER / installation
    place.mkdir(parents=True, mode=0o700)
    path = place / "diffgram-home.toml"
    files.write(path, readable(settings).encode(), 0o600)
    for file in sorted(settings.folder.glob(f"{_DATABASE}*")):
        file.rename(place / file.name)
    (settings.folder / "keys").rename(place / "keys")
    return path


def readable(settings: Settings) -> str:
    """The settings of the installation that ends, by which it can be read and never sends."""
    document = tomlkit.parse(settings.path.read_text(encoding="utf-8"))
    document["folder"] = "."
    document["cases"] = dict(ALL_OFF.cases)
    document["spool"] = {"folder": "spool"}
    for section in ("kinds", "database", "ledger"):
        document.pop(section, None)
    if settings.product.catalogue or settings.product.index:
        pins = [{"file": str(one.file), "sha256": one.sha256} for one in settings.product.catalogue]
        index = settings.product.index
        document["product"] = {"catalogue": pins} | (
            {"index": {"file": str(index.file), "sha256": index.sha256}} if index else {}
        )
        if settings.product.signature:
            document["product"]["signature"] = str(settings.product.signature)
    return tomlkit.dumps(document)


def _begin(home: Home, end: _End, actor: str, now: datetime) -> None:
    with home.store.write() as session:
        _record(session, "begun", end.installation, end.standing, actor, now)
        facts.put(session, "succeeds", end.installation)
        facts.put(session, "generation", end.generation)
        for name, roles, password in end.people:
            people.put(session, name, roles, password, actor, now)


def _record(session: Session, step: str, other: str, end: ledger.Standing | None, actor: str, now: datetime) -> None:
    entry = record.Identity(
        actor=actor,
        at=record.instant(now),
        case=None,
        code=None,
        ledger_root=end.root.hex() if end else None,
        ledger_size=end.size if end else None,
        other=other,
        sequence=None,
        step=step,  # type: ignore[arg-type]
    )
    ledger.append(session, entry)
