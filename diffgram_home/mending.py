"""What sending may put right by itself when corporate does not accept: each cure once in a round, and no loop.

    our certificate is not accepted, or missing    show none, show it in spite of its date, or take the fresh one
    a receipt's key or an authority is not known   fetch the manifest again

What came of an attempt is written by sending.py before anything here is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.errors import SignatureRefused
from diffgram_home import counting, enrolment, exchange, facts, judging, manifest, patience
from diffgram_home.errors import HomeError
from diffgram_home.exchange import CERTIFICATE_NOT_ACCEPTED
from diffgram_home.home import Home
from diffgram_home.judging import Verdict
from diffgram_home.manifest import Manifest
from diffgram_home.models import Batch
from diffgram_home.outbound import Door
from diffgram_home.patience import SUBJECT

REFETCH_EVERY = timedelta(hours=1)
"""The manifest is fetched again for an unknown key or authority at most so often."""

CERTIFICATE_REQUIRED, CERTIFICATE_WRONG = "certificate-required", "certificate-wrong"
_REFETCHED = "refetched"  # a fact: when the manifest was fetched again


@dataclass(slots=True)
class Round:
    """One call of `send_due`: what was tried in it, and what may be done only once in it."""

    home: Home
    door: Door
    clock: Callable[[], datetime]
    stated: Manifest
    show: bool | None = None  # our certificate: yes, no, or by its date
    renewed: bool = False
    refetched: bool = False
    heard: tuple[Any, Any] = (None, None)  # instructions and list that were listened to already: they come each time
    cures: set[str] = field(default_factory=set)
    tried: set[int] = field(default_factory=set)


def stated(home: Home, door: Door, now: datetime) -> Manifest:
    """Corporate's keys; fetched again when the date of what is here is over."""
    try:
        return manifest.stored(home, now)
    except SignatureRefused:
        return enrolment.refresh(home, door, now, first=True)


def refetch(current: Round, *, first: bool) -> bool:
    """Fetch the manifest again, once in a round and not more often than hourly; True if it is a newer one."""
    home, now = current.home, current.clock()
    with home.store.read() as session:
        at = facts.get(session, _REFETCHED)
    if current.refetched or (at is not None and timedelta(0) <= now - datetime.fromisoformat(at) < REFETCH_EVERY):
        return False
    current.refetched = True
    with home.store.write() as session:
        facts.put(session, _REFETCHED, now.isoformat())
    try:
        fresh = enrolment.refresh(home, current.door, now, first=first)
    except (HomeError, SignatureRefused):
        return False  # the ledger has it as a contact that failed; the verdict stays as it was
    is_newer = fresh.version > current.stated.version
    current.stated = fresh
    return is_newer


def keys_of(current: Round, purpose: str, *, again: bool) -> Mapping[str, Ed25519PublicKey]:
    """Corporate's keys for a purpose; with `again` from a manifest that was fetched anew, if that may be now."""
    if again:
        refetch(current, first=False)
    return current.stated.of(purpose)


def fetch_entries(current: Round, first: int) -> Sequence[Mapping[str, Any]]:
    """Entries of the published list from `first` on; the ledger says that they were asked for. Raises HomeError."""
    home, now = current.home, current.clock()
    request = f"GET {exchange.catalogues(first)}"
    enrolment.contact(home, current.door, request, "asked", None, now)
    try:
        answer = current.door.fetch_catalogues(first, enrolment.trust(home, current.stated))
    except HomeError as error:
        enrolment.contact(home, current.door, request, "failed", error.code, now)
        raise
    enrolment.contact(home, current.door, request, "answered", None, now)
    entries = judging.told_by(answer).get("entries")
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def mended(current: Round, batch: Batch, verdict: Verdict) -> bool:
    """Whether what went wrong was put right here, so that the same batch may go again at once; each cure only once."""
    cure = _cure(current, verdict)
    if cure is None or cure in current.cures:
        return False
    current.cures.add(cure)
    current.tried.discard(batch.id)
    now = current.clock()
    with current.home.store.write() as session:
        session.get_one(Batch, batch.id).next_try_at = now
        patience.answers(session, now)
    return True


def _cure(current: Round, verdict: Verdict) -> str | None:
    """Do what may help, and name it; None where nothing here does."""
    if verdict.code == CERTIFICATE_NOT_ACCEPTED:
        current.show = False
        return "without"
    if verdict.code == CERTIFICATE_REQUIRED:
        # Without a fresh one in the answer, ours is good by corporate's clock: then it is this one that is ahead.
        current.show = None if current.renewed else True
        return "fresh" if current.renewed else "anyway"
    if verdict.code == CERTIFICATE_WRONG and refetch(current, first=True):
        return "manifest"
    return None


def renew(current: Round, verdict: Verdict, now: datetime) -> None:
    """Take the certificate that rode on the answer; one that cannot be used is told, and the old one stays."""
    home = current.home
    try:
        current.renewed = enrolment.renew(home, current.door, verdict.certificate, now)
    except SignatureRefused as error:
        with home.store.write() as session:
            counting.notice(session, now, error.code, SUBJECT, str(error.args[0]), error.hint)
        return
    with home.store.write() as session:
        counting.end_notice(session, now, "certificate-unusable", SUBJECT)
