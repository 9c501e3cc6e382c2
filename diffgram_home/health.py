"""Is this installation healthy? Pure findings from facts, each with what to do; and the gathering of the facts.

`findings` takes facts and returns findings: no file, no clock, no database. `gather` reads them and judges nothing. It
leaves to `verify` whether the ledger is whole, which takes as long as the ledger is large.

Rules: a fault means that something which should happen does not, or that somebody can read or write what they must not;
a notice is worth knowing and does not make the installation unhealthy. Nothing here opens a socket.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from audit import modes as mode_file
from diffgram_home import approving, people, reading, upgrading, views
from diffgram_home.attempts import CARRIED
from diffgram_home.browser import looking
from diffgram_home.home import Home
from diffgram_home.supporting import hearing

FAULT, NOTICE = "fault", "notice"
_WORTH_KNOWING = frozenset(
    {
        *(upgrading.CHANGED, upgrading.ENDS, upgrading.ENDED),
        *(approving.WAITING, approving.SOON, approving.LATE),
        hearing.ASKED,
    }
)
"""Codes of open notices that say what waits for a person, while all works as it should."""
LITTLE_SPACE_BYTES = 200 * 1024 * 1024
SHORTEST_SILENCE = timedelta(seconds=60)
SPOOL_SHARE = 0.8
CERTIFICATE_SOON = timedelta(days=7)
CLOCK_SLACK = timedelta(minutes=2)
VERIFY_EVERY = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: `level` is fault or notice, `code` is stable, `to_do` says what to do."""

    level: str
    code: str
    what: str
    to_do: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What `findings` judges. Sizes in bytes; `exposed` are paths, what others may do, and the mode that mends it."""

    now: datetime
    every: timedelta
    free_bytes: int
    exposed: tuple[tuple[str, str, str], ...]
    spool_setgid: bool
    spool_bytes: int
    spool_max_bytes: int
    mode_file_readable: bool
    heartbeat_at: datetime | None
    enrolled: bool
    certificate_ends_at: datetime | None
    certificate_damaged: bool
    roles: Mapping[str, int]
    cases: tuple[views.Case, ...]
    withheld_fields: tuple[str, ...]
    expired_fields: tuple[str, ...]
    has_index: bool
    signed: bool
    attempts: tuple[views.AttemptLine, ...]
    notices: tuple[views.Notice, ...]
    proof: views.Proof
    checkpoints_elsewhere: bool
    sessions: looking.Memory


def healthy(found: tuple[Finding, ...]) -> bool:
    """Whether none of the findings is a fault."""
    return all(finding.level != FAULT for finding in found)


def findings(facts: Facts) -> tuple[Finding, ...]:
    """Everything that is worth telling, faults first, in the order in which to mend them."""
    found = [finding for rule in _RULES for finding in rule(facts)]
    codes = {finding.code for finding in found}
    found += [finding for finding in _open_notices(facts) if finding.code not in codes]
    return tuple(sorted(found, key=lambda finding: finding.level != FAULT))


def _storage(facts: Facts) -> Iterator[Finding]:
    for path, what, mend in facts.exposed:
        yield Finding(FAULT, "exposed", f'others may {what} "{path}"', f"chmod {mend} '{path}'")
    if facts.free_bytes < LITTLE_SPACE_BYTES:
        free = f"{facts.free_bytes // (1024 * 1024)} MiB"
        yield Finding(
            FAULT, "little-space", f"the data folder has {free} left", "make room; a full disk drops messages"
        )


def _spool(facts: Facts) -> Iterator[Finding]:
    if not facts.spool_setgid:
        yield Finding(
            FAULT,
            "spool-mode",
            "the spool folder is not setgid: files of a product under another user cannot be read",
            "chmod 2770 the spool folder and give it the group of [spool] group",
        )
    if facts.spool_bytes > facts.spool_max_bytes * SPOOL_SHARE:
        yield Finding(
            FAULT,
            "spool-nearly-full",
            f"{facts.spool_bytes} of {facts.spool_max_bytes} bytes of the spool are in use",
            "see that the scheduler runs (`diffgram-home run`); when it is full new messages are dropped and counted",
        )
    if not facts.mode_file_readable:
        yield Finding(
            FAULT,
            "mode-file",
            "products cannot read the modes: to them everything is off",
            "`diffgram-home run` writes the file anew; see that it may write into the spool folder",
        )


def _scheduler(facts: Facts) -> Iterator[Finding]:
    silence = facts.every + SHORTEST_SILENCE
    if facts.heartbeat_at is None:
        yield Finding(FAULT, "never-run", "the scheduler has never run", "start it: `diffgram-home run`")
    elif facts.now - facts.heartbeat_at > silence:
        since = f"{facts.heartbeat_at:%Y-%m-%dT%H:%M:%SZ}"
        yield Finding(FAULT, "not-running", f"the scheduler was last alive at {since}", "start it: `diffgram-home run`")
    elif facts.heartbeat_at - facts.now > CLOCK_SLACK:
        yield Finding(
            FAULT,
            "clock-back",
            "the clock was set back since the scheduler last ran",
            "set the clock by NTP; nothing is lost",
        )


def _identity(facts: Facts) -> Iterator[Finding]:
    if not facts.enrolled:
        to_do = "ask the vendor for a token, then `diffgram-home enrol --token-file FILE`"
        level = FAULT if _any_on(facts) else NOTICE
        yield Finding(level, "not-enrolled", "corporate does not know this installation: nothing can be sent", to_do)
    if facts.certificate_damaged:
        to_do = "run `diffgram-home enrol --again --token-file FILE` with a new token"
        yield Finding(FAULT, "certificate-malformed", "the certificate from corporate cannot be read", to_do)
    ends = facts.certificate_ends_at
    if ends is not None and ends - facts.now < CERTIFICATE_SOON:
        yield Finding(
            FAULT if ends <= facts.now and _any_on(facts) else NOTICE,
            "certificate-ends",
            f"the certificate {'ended' if ends <= facts.now else 'ends'} on {ends:%Y-%m-%d}",
            "it is renewed with the next batch that corporate accepts: `diffgram-home send`",
        )


def _people(facts: Facts) -> Iterator[Finding]:
    for role, why in (("admin", "change settings"), ("security", "approve fields")):
        if not facts.roles.get(role):
            to_do = f"`diffgram-home account add NAME --role {role}`"
            yield Finding(NOTICE, f"no-{role}", f"no account has the role {role}: nobody can {why} on the pages", to_do)


def _catalogue(facts: Facts) -> Iterator[Finding]:
    if facts.withheld_fields:
        names = _some(facts.withheld_fields)
        to_do = "read them with `diffgram-home fields`, then `diffgram-home approve` what may leave"
        yield Finding(NOTICE, "approval-waits", f"withheld until somebody approves them: {names}", to_do)
    if facts.expired_fields:
        names = _some(facts.expired_fields)
        yield Finding(
            NOTICE, "fields-expired", f"their date has passed, so they do not leave: {names}", "update the product"
        )
    if not facts.has_index:
        to_do = "name the product's index under [product] in the settings"
        yield Finding(NOTICE, "no-index", 'errors leave without places and types, as "<place>" and "<type>"', to_do)
    elif not facts.signed:
        to_do = "ask the vendor for the file of the release's signature, and name it as product.signature"
        yield Finding(NOTICE, "index-unsigned", "nobody signed the product's index: only its hash is checked", to_do)


def _sending(facts: Facts) -> Iterator[Finding]:
    last: dict[str, views.AttemptLine] = {}
    for attempt in facts.attempts:  # newest first
        last.setdefault(attempt.case, attempt)
    for case, attempt in last.items():
        if attempt.outcome in (None, "accepted"):
            continue
        if attempt.code == CARRIED:
            what = f"{case} number {attempt.sequence} was carried out by hand, and no answer was carried in yet"
            to_do = "`diffgram-home carry in FILE` takes in what corporate gives back; `carry list` shows the files"
            yield Finding(NOTICE, "carried", what, to_do)
            continue
        yield Finding(
            FAULT,
            "not-accepted",
            f"the last attempt of {case}, number {attempt.sequence}, ended {attempt.outcome} ({attempt.code})",
            "`diffgram-home sent` says why; nothing is lost, and it is tried again where that can help",
        )
    for case in facts.cases:
        # To an access case off is how it comes: nobody asks anything until somebody wants to be asked.
        if case.own == "off" and case.installed and case.direction == "collection" and case.cost_of_off:
            cost = case.cost_of_off[0]
            yield Finding(
                NOTICE, "case-off", f"{case.case} is off: {cost}", f"`diffgram-home on {case.case}` turns it on"
            )


def _asked(facts: Facts) -> Iterator[Finding]:
    for case in facts.cases:
        for asked in case.asked:
            what = f"corporate asked: {asked.what} {asked.name} {asked.to} until {asked.until:%Y-%m-%d} ({asked.why})"
            yield Finding(NOTICE, "asked", what, "nothing to do: your own setting holds again then; see Cases")


def _open_notices(facts: Facts) -> Iterator[Finding]:
    for notice in facts.notices:
        subject = f" ({notice.subject})" if notice.subject else ""
        yield Finding(
            NOTICE if notice.code in _WORTH_KNOWING else FAULT, notice.code, f"{notice.text}{subject}", notice.hint
        )


def _ledger(facts: Facts) -> Iterator[Finding]:
    if facts.proof.verified_ok is False:
        to_do = "`diffgram-home verify` says what and where; keep the data folder as it is and tell corporate"
        yield Finding(FAULT, "ledger-not-whole", "the last `verify` found the ledger changed", to_do)
    verified = facts.proof.verified_at
    if verified is None or facts.now - verified > VERIFY_EVERY:
        since = "never" if verified is None else f"last on {verified:%Y-%m-%d}"
        yield Finding(NOTICE, "not-verified", f"the ledger was {since} verified", "`diffgram-home verify`")
    if not facts.checkpoints_elsewhere:
        yield Finding(
            NOTICE,
            "checkpoints-here-only",
            "the ledger's checkpoints are kept on this host only, so a ledger cut short would not show here",
            "name a place under [ledger]: checkpoint_file, checkpoint_syslog or a witness",
        )


def _sessions(facts: Facts) -> Iterator[Finding]:
    found = facts.sessions
    if found.wanted and not found.there:
        yield Finding(
            NOTICE,
            "sessions-no-memory",
            "sessions are not counted: there is no memory file system for the key of the day",
            "mount a tmpfs at /dev/shm, or turn the kind off: `diffgram-home off browser --kind home/session`",
        )
    if found.old_keys:
        yield Finding(
            FAULT,
            "session-key-stays",
            f"the session key of {_some(found.old_keys)} is still there",
            "remove it from the memory file system, and start the scheduler: `diffgram-home run`",
        )


_RULES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _storage,
    _spool,
    _scheduler,
    _identity,
    _people,
    _sending,
    _asked,
    _catalogue,
    _ledger,
    _sessions,
)


def _any_on(facts: Facts) -> bool:
    return any(case.mode == "on" and case.installed for case in facts.cases)


def _some(names: tuple[str, ...], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def gather(home: Home, now: datetime) -> Facts:
    """Read what `findings` needs from the data folder and the database."""
    settings, overview, fields = home.settings, reading.overview(home, now), reading.fields(home, now)
    on = {case.case for lane in overview.lanes if (case := lane.case).mode == "on"}
    live = [f for f in fields if f.state != "removed"]
    certificate_ends_at, certificate_damaged = _certificate(settings.folder / "keys" / "certificate.pem")
    return Facts(
        now=now,
        every=timedelta(seconds=settings.sending.every_s),
        free_bytes=shutil.disk_usage(settings.folder).free,
        exposed=tuple(_exposed(home)),
        spool_setgid=bool(settings.spool.folder.stat().st_mode & stat.S_ISGID),
        spool_bytes=sum(size_bytes(path) for path in settings.spool.folder.glob("*.spool")),
        spool_max_bytes=settings.spool.max_bytes,
        mode_file_readable=_modes_readable(settings.spool.folder / "modes"),
        heartbeat_at=overview.heartbeat_at,
        enrolled=overview.enrolled,
        certificate_ends_at=certificate_ends_at,
        certificate_damaged=certificate_damaged,
        roles=_roles(home),
        cases=tuple(lane.case for lane in overview.lanes),
        withheld_fields=tuple(f.name for f in live if f.undecided and (f.case in on or f.case == "every")),
        expired_fields=tuple(f.name for f in live if home.catalogue.fields[f.name].expired(now.date())),
        has_index=settings.product.index is not None,
        signed=home.signature is not None,
        attempts=overview.attempts,
        notices=overview.notices,
        proof=overview.proof,
        checkpoints_elsewhere=settings.elsewhere.named,
        sessions=looking.in_memory(home, now),
    )


def _exposed(home: Home) -> Iterator[tuple[str, str, str]]:
    settings = home.settings
    if settings.path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        yield str(settings.path), "write", "go-w"
    for path in (settings.folder / "keys", *sorted((settings.folder / "keys").glob("*"))):
        if path.name != "certificate.pem" and path.name != "manifest.json" and path.stat().st_mode & stat.S_IRWXO:
            yield str(path), "read or write", "o-rwx"
    if settings.spool.folder.stat().st_mode & stat.S_IRWXO:
        yield str(settings.spool.folder), "read or write", "o-rwx"


def size_bytes(path: Path) -> int:
    """How large a file is; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:  # taken by the scheduler between the two looks
        return 0


def _modes_readable(path: Path) -> bool:
    try:
        mode_file.slots(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def _certificate(path: Path) -> tuple[datetime | None, bool]:
    """When the certificate ends, if there is one, and whether it is damaged."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc, False
    except FileNotFoundError:
        return None, False
    except (OSError, ValueError):
        return None, True


def _roles(home: Home) -> dict[str, int]:
    accounts = people.accounts(home)
    return {role: sum(role in a.roles and a.disabled_at is None for a in accounts) for role in people.ROLES}
