"""When a reporter is due: once in each of its intervals, at a moment that the installation's own identity spreads.

No two installations count at the same moment except by chance, so a release that reaches a thousand customers burdens
none of their hosts, and corporate sees no wave. A moment that was missed (a machine that was off) is caught up within
WINDOW, and otherwise left out: the next one comes. Reporters of one installation are spread by the same rule.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from support_routes.reporting import Reporter

WINDOW = timedelta(minutes=30)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slot(installation: str, reporter: Reporter, now: datetime) -> datetime:
    """The last moment up to `now` at which this installation counts this reporter; to the second."""
    interval_s = reporter.every_hours * 3600
    spread = sha256(f"diffgram-home-reports/{installation}/{reporter.name}".encode()).digest()
    offset_s = int.from_bytes(spread[:8], "big") % interval_s
    passed_s = int((now - _EPOCH).total_seconds()) - offset_s
    return _EPOCH + timedelta(seconds=passed_s // interval_s * interval_s + offset_s)


def following(installation: str, reporter: Reporter, now: datetime) -> datetime:
    """The next moment after `now`."""
    return slot(installation, reporter, now) + timedelta(hours=reporter.every_hours)


def is_due(installation: str, reporter: Reporter, last: datetime | None, now: datetime) -> bool:
    """Whether to count now, given when it was `last` begun; one that lies ahead is of a clock that was set back."""
    begins = slot(installation, reporter, now)
    if now - begins > WINDOW:
        return False
    return last is None or last > now or last < begins
