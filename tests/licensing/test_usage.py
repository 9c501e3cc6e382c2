"""Records of usage come to the same sums whatever is lost, repeated or reordered; and stand beside thresholds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import signed
from audit.canonical import canonical
from licensing import usage
from licensing.errors import LicenceRefused
from licensing.licence import Threshold
from licensing.usage import Forked, Record
from tests.licensing.samples import DAY, LICENCE, START, claims, key, spelt

KEY = key("installation")
KEYS = signed.ring(KEY.public_key())
INSTALLATION = "c" * 32
ADDED = st.lists(st.lists(st.integers(0, 50), min_size=2, max_size=2), min_size=1, max_size=24)
THRESHOLD = Threshold(included=1000, per="month", warn_percent=[80, 100], grace_days=14, limits=["sso"])


def record(sequence: int = 1, counts: dict[str, dict[str, int]] | None = None, **changed: Any) -> Record:
    """A record, and what is changed."""
    usual: dict[str, Any] = {
        "counts": counts or {"annotations": {"2026-01": 5}},
        "installation": INSTALLATION,
        "licence": LICENCE,
        "previous": None if sequence == 1 else "d" * 64,
        "recorded_at": spelt(START),
        "sequence": sequence,
    }
    return Record(**(usual | changed))


def run(months: list[list[int]]) -> list[Record]:
    """The records of an installation that counted so much in each month, two records a month, none receipted."""
    counts: dict[str, dict[str, int]] = {"annotations": {}}
    records: list[Record] = []
    for number, parts in enumerate(months):
        period = f"{2026 + number // 12}-{number % 12 + 1:02}"
        for part in parts:
            counts["annotations"][period] = counts["annotations"].get(period, 0) + part
            records.append(record(len(records) + 1, {name: dict(by) for name, by in counts.items()}))
    return records


def test_a_record_says_when_read_what_it_was_issued_with() -> None:
    assert usage.read(usage.issue(record(), KEY), KEYS) == record()


@given(ADDED, st.randoms())
def test_lost_repeated_and_reordered_records_never_change_a_sum(months: list[list[int]], chance: Any) -> None:
    records = run(months)
    expected = {("annotations", f"{2026 + n // 12}-{n % 12 + 1:02}"): sum(parts) for n, parts in enumerate(months)}
    arrived = [one for one in records[:-1] if chance.random() < 0.5] * 2 + [records[-1]]
    chance.shuffle(arrived)
    assert usage.merged(arrived) == expected


def test_a_newer_record_mends_a_count_and_an_older_one_does_not() -> None:
    mended = [record(2, {"annotations": {"2026-01": 3}}), record(1)]
    assert usage.merged(mended) == {("annotations", "2026-01"): 3}


def test_two_different_records_of_one_number_are_a_fork() -> None:
    with pytest.raises(Forked, match="number 1"):
        usage.merged([record(), record(counts={"annotations": {"2026-01": 6}})])


def test_what_is_missing_or_does_not_follow_is_found() -> None:
    first = usage.issue(record(), KEY)
    second = usage.issue(record(2, previous=usage.digest(first)), KEY)
    third = usage.issue(record(3, previous="e" * 64), KEY)
    chain = [(usage.read(token, KEYS), usage.digest(token)) for token in (first, second, third)]
    assert usage.gaps(chain[:2]) == []
    assert usage.gaps(chain) == [3]
    assert usage.gaps([chain[0], chain[2]]) == [2]
    assert usage.gaps([]) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"format": "diffgram-usage/0"},
        {"previous": "d" * 64},
        {"sequence": 2},
        {"counts": {"annotations": {"2026-13": 1}}},
        {"counts": {"annotations": {"2026-02-30": 1}}},
        {"counts": {"annotations": {"yesterday": 1}}},
        {"counts": {"annotations": {"term": -1}}},
        {"counts": {"annotations": {}}},
        {"counts": {"Rose's": {"term": 1}}},
        {"recorded_at": "2026-01-32T00:00:00Z"},
        {"more": 1},
    ],
)
def test_claims_that_no_record_may_make_are_refused(changed: dict[str, Any]) -> None:
    spoilt = claims(record()) | changed
    with pytest.raises(LicenceRefused) as no:
        usage.read(signed.sign(canonical(spoilt), KEY, signed.USAGE), KEYS)
    assert no.value.code in ("MALFORMED", "FORMAT_UNSUPPORTED")


@pytest.mark.parametrize(
    ("used", "percent", "warned", "over"),
    [(0, 0, None, 0), (799, 79, None, 0), (800, 80, 80, 0), (999, 99, 80, 0), (1000, 100, 100, 0), (1001, 100, 100, 1)],
)
def test_shares_are_told_as_they_are_reached(used: int, percent: int, warned: int | None, over: int) -> None:
    found = usage.stands(THRESHOLD, used, START if over else None, START)
    assert (found.percent, found.warned, found.over, found.limited) == (percent, warned, over, ())


def test_use_above_what_is_included_is_limited_after_its_grace_and_no_longer_than_it_is_above() -> None:
    ends = START + 14 * DAY
    before = usage.stands(THRESHOLD, 1200, START, ends - timedelta(seconds=1))
    assert (before.grace_until, before.limited) == (ends, ())
    assert usage.stands(THRESHOLD, 1200, START, ends).limited == ("sso",)
    assert usage.stands(THRESHOLD, 900, None, ends).limited == ()


def test_a_threshold_that_limits_nothing_bills() -> None:
    billed = Threshold(included=0, per="month", warn_percent=[100], grace_days=1, limits=[])
    found = usage.stands(billed, 7, START, START + 90 * DAY)
    assert (found.over, found.grace_until, found.limited) == (7, None, ())


def test_a_moment_lies_in_its_day_month_or_term() -> None:
    at = datetime(2026, 11, 22, 13, tzinfo=UTC)
    assert [usage.period_of(at, per) for per in ("day", "month", "term")] == ["2026-11-22", "2026-11", "term"]
