"""The support routes of Diffgram Home itself: configuration, versions, health, queues, consent, and so on.

Each makes messages of one kind of `audit/outbound_fields.toml` out of what `handed` describes. Rules: values are
numbers, flags, ranges and words of closed lists; nothing is read that the route does not declare.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from support_routes import handed as kinds
from support_routes.routes import Handed, support_route

Messages = Iterator[dict[str, Any]]
HOURS, SECONDS = (1, 6, 24, 72, 720), (60, 300, 3600, 86_400)
"""Upper bounds of the ranges for ages; the catalogue states the same."""


@support_route(
    "versions",
    answer="home/support-versions",
    reads=("versions",),
    brief="which releases run here: of Python, of the database's schema, of catalogue and index by their hashes",
)
def versions(handed: Handed, _now: datetime) -> Messages:
    """One message."""
    yield of_versions(handed["versions"])


def of_versions(found: kinds.Versions) -> dict[str, Any]:
    """The message of `versions`."""
    return {
        "python": found.python,
        "database": found.database,
        "schema": found.schema,
        "catalogue": found.catalogue,
        "index": found.index,
    }


@support_route(
    "configuration",
    answer="home/support-configuration",
    reads=("configuration",),
    brief="settings that are numbers or a yes, and which others are given; no name, address, path or secret",
)
def configuration(handed: Handed, _now: datetime) -> Messages:
    """One message."""
    yield of_configuration(handed["configuration"])


def of_configuration(found: kinds.Configuration) -> dict[str, Any]:
    """The message of `configuration`."""
    return {
        "database": found.database,
        "proxy": found.proxy,
        "ca_file": found.ca_file,
        "by_hand": found.by_hand,
        "behind_proxy": found.behind_proxy,
        "mail": found.mail,
        "elsewhere": found.elsewhere,
        "workers": found.workers,
        "every_s": found.every_s,
        "wait_s": found.wait_s,
        "batch_messages": found.batch_messages,
        "batch_bytes": found.batch_bytes,
        "local_days": found.local_days,
        "bodies_days": found.bodies_days,
        "spool_bytes": found.spool_bytes,
    }


@support_route(
    "health",
    answer="home/support-finding",
    reads=("findings",),
    brief="what diffgram-home check finds and open notices, as codes with counts; none of their words",
)
def health(handed: Handed, _now: datetime) -> Messages:
    """A message for each code."""
    yield from map(of_finding, handed["findings"])


def of_finding(found: kinds.Finding) -> dict[str, Any]:
    """A message of `health`."""
    return {"code": found.code, "level": found.level, "found": found.found}


@support_route(
    "queues",
    answer="home/support-queue",
    reads=("queues",),
    brief="how much waits to be sealed or sent in each case, and for about how long",
)
def queues(handed: Handed, _now: datetime) -> Messages:
    """A message for each case."""
    yield from map(of_queue, handed["queues"])


def of_queue(found: kinds.Queue) -> dict[str, Any]:
    """A message of `queues`."""
    return {
        "case": found.case,
        "waiting": found.waiting,
        "queued": found.queued,
        "voiding": found.voiding,
        "refused": found.refused,
        "oldest": label(found.oldest_h, HOURS),
    }


@support_route(
    "consent",
    answer="home/support-case",
    reads=("consent",),
    brief="the mode of each case, and how many fields are approved or wait for a decision; not who decided, nor which",
)
def consent(handed: Handed, _now: datetime) -> Messages:
    """A message for each case."""
    yield from map(of_consent, handed["consent"])


def of_consent(found: kinds.Consent) -> dict[str, Any]:
    """A message of `consent`."""
    return {
        "case": found.case,
        "mode": found.mode,
        "fields": found.fields,
        "approved": found.approved,
        "undecided": found.undecided,
    }


@support_route(
    "ledger",
    answer="home/support-ledger",
    reads=("ledger",),
    brief="how many leaves and attempts the ledger has, by outcome, and how much is spooled and not taken in",
)
def ledger(handed: Handed, _now: datetime) -> Messages:
    """One message."""
    yield of_ledger(handed["ledger"])


def of_ledger(found: kinds.Ledger) -> dict[str, Any]:
    """The message of `ledger`."""
    return {
        "leaves": found.leaves,
        "accepted": found.accepted,
        "rejected": found.rejected,
        "unknown": found.unknown,
        "segments": found.segments,
        "spooled_bytes": found.spooled_bytes,
    }


@support_route(
    "scheduler",
    answer="home/support-scheduler",
    reads=("scheduler",),
    brief="how long ago the scheduler was last alive, and which of its stages fail",
)
def scheduler(handed: Handed, _now: datetime) -> Messages:
    """One message."""
    yield of_scheduler(handed["scheduler"])


def of_scheduler(found: kinds.Scheduler) -> dict[str, Any]:
    """The message of `scheduler`; one that never ran has no `silent`."""
    told: dict[str, Any] = {"failing": list(found.failing)}
    if found.silent_s >= 0:
        told["silent"] = label(found.silent_s, SECONDS)
    return told


@support_route(
    "issues",
    answer="home/support-issues",
    reads=("issues",),
    brief="how many issues and errors are kept here, and how many issues are recent; none of their words or places",
)
def issues(handed: Handed, _now: datetime) -> Messages:
    """One message."""
    yield of_issues(handed["issues"])


def of_issues(found: kinds.Issues) -> dict[str, Any]:
    """The message of `issues`."""
    return {"issues": found.issues, "recent": found.recent, "errors": found.errors}


def label(value: int, bounds: Sequence[int]) -> str:
    """The range of a number, as the type `bucket` writes it: `<6`, or `>=` the last bound."""
    return next((f"<{bound}" for bound in bounds if value < bound), f">={bounds[-1]}")


def word(found: str, allowed: Iterable[str]) -> str:
    """`found` if it is of the closed list, else `other`."""
    return found if found in frozenset(allowed) else kinds.OTHER
