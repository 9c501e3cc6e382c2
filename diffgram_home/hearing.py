"""Takes what corporate says beside a receipt: instructions, which only ever narrow what leaves, and incidents.

Checking a document is `audit.instructions`', keeping it `instructing`'s. Rules: what does not hold changes nothing and
is told; what holds acts at once: the modes are applied, and batches that may not go any more are voided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit import incident, instructions
from audit.errors import SignatureRefused
from diffgram_home import counting, incidents, instructing, sealing, switching
from diffgram_home.home import Home
from diffgram_home.judging import Verdict

REFUSED = "instructions-refused"
_SUBJECT = "corporate"
Keys = Callable[[bool], Mapping[str, Ed25519PublicKey]]
"""Gives corporate's keys for the purpose at hand; asked with True, from a manifest that was just fetched again."""


def hear(home: Home, said: Any, keys: Keys, now: datetime) -> bool:
    """Take the instructions in `said`, whatever it is; True if something was taken. Raises StoreError."""
    if not isinstance(said, str):
        _tell(home, SignatureRefused("token-malformed", "instructions that are not text", "ask corporate"), now)
        return False
    with home.store.read() as session:
        if instructing.is_known(session, said):
            return False
        after = instructing.number(session)
    try:
        taken = _taken(home, said, keys, after, now)
    except SignatureRefused as error:
        _tell(home, error, now)
        return False
    with home.store.write() as session:
        if instructing.number(session) >= taken.number:
            return False
        instructing.keep(session, said, taken, now)
        counting.end_notice(session, now, REFUSED)
    switching.apply(home, now)
    sealing.void_refused(home, now)
    return True


def hear_of_undeclared(
    home: Home, verdict: Verdict, keys: Keys, now: datetime, *, case: str, sequence: int, sha256: str
) -> None:
    """Corporate refused undeclared content in these bytes: open the incident, proved as far as its statement holds."""
    stated, told = _stated(home, verdict, sha256, keys), verdict.undeclared
    paths = stated.paths if stated else incidents.clean(told) if isinstance(told, dict) else {}
    with home.store.write() as session:
        row = incidents.told(session, stated, paths or {"<undeclared>": 1}, verdict.incident if stated else None, now)
        row.case, row.sequence = case, sequence


def _stated(home: Home, verdict: Verdict, sha256: str, keys: Keys) -> incident.Incident | None:
    """What corporate's statement says if it holds, and speaks of these bytes of ours."""
    if not isinstance(verdict.incident, str):
        return None
    for again in (False, True):
        try:
            found = incident.read(verdict.incident, keys(again))
            incident.concerns(found, home.installation, sha256)
        except SignatureRefused as error:
            if error.code != "key-unknown":
                return None
        else:
            return found
    return None


def _taken(home: Home, said: str, keys: Keys, after: int, now: datetime) -> instructions.Instructions:
    try:
        return instructions.take(said, keys(False), home.installation, after, now)
    except SignatureRefused as error:
        if error.code != "key-unknown":
            raise
    return instructions.take(said, keys(True), home.installation, after, now)


def _tell(home: Home, error: SignatureRefused, now: datetime) -> None:
    text = f"corporate's instructions were refused: {error}"
    with home.store.write() as session:
        counting.notice(session, now, REFUSED, _SUBJECT, f"{text} ({error.code})", error.hint)
