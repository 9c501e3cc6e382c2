"""Clocks go back, leap, stop and are mended: the believed time never falls, and a leap that is mended costs nothing."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from licensing.clock import AHEAD, AWAY, BEHIND, PATIENCE, PAUSED, SLACK, Believed, Standing, advance, believed
from tests.licensing.samples import DAY, START

HOUR = timedelta(hours=1)
SECONDS = st.integers(-10 * 365 * 86_400, 10 * 365 * 86_400).map(lambda s: timedelta(seconds=s))
STEPS = st.lists(st.tuples(SECONDS, st.none() | SECONDS, st.lists(SECONDS, max_size=2)), max_size=12)


def test_a_right_clock_is_believed() -> None:
    stands = advance(Standing(START), START + HOUR, HOUR)
    assert stands == Standing(START + HOUR)
    assert believed(stands, START + HOUR) == Believed(START + HOUR)


def test_a_machine_that_was_off_over_a_long_weekend_goes_on() -> None:
    assert advance(Standing(START), START + AWAY, None) == Standing(START + AWAY)


def test_a_clock_set_back_is_told_and_time_goes_on_by_the_time_that_is_lived() -> None:
    stands = advance(Standing(START), START - 30 * DAY, HOUR)
    assert believed(stands, START - 30 * DAY) == Believed(START + HOUR, BEHIND)
    mended = advance(stands, START + 2 * HOUR, HOUR)
    assert believed(mended, START + 2 * HOUR) == Believed(START + 2 * HOUR)


def test_a_leap_is_told_not_believed_and_costs_nothing_once_mended() -> None:
    year = START + 400 * DAY
    stands = advance(Standing(START), year, HOUR)
    assert believed(stands, year) == Believed(START + HOUR, AHEAD)
    stands = advance(stands, year + HOUR, HOUR)
    assert believed(stands, year + HOUR) == Believed(START + 2 * HOUR, AHEAD)
    mended = advance(stands, START + 3 * HOUR, HOUR)
    assert mended == Standing(START + 3 * HOUR)


def test_a_leap_that_nobody_mends_is_believed_after_its_patience_of_running_time() -> None:
    now, stands = START + 400 * DAY, Standing(START)
    hours = int(PATIENCE / HOUR)
    for _ in range(hours - 1):
        now += HOUR
        stands = advance(stands, now, HOUR)
        assert believed(stands, now).code == AHEAD
    stands = advance(stands, now + HOUR, HOUR)
    assert believed(stands, now + HOUR) == Believed(now + HOUR)


def test_starting_again_does_not_end_a_leap() -> None:
    stands = advance(Standing(START), START + 3 * DAY, HOUR)
    for _ in range(50):
        stands = advance(stands, START + 3 * DAY, None)
    assert believed(stands, START + 3 * DAY) == Believed(START + HOUR, AHEAD)


def test_a_machine_that_was_paused_for_a_night_goes_on() -> None:
    assert advance(Standing(START), START + PAUSED, HOUR / 60) == Standing(START + PAUSED)


def test_a_signed_time_bears_a_leap_out() -> None:
    now = START + 400 * DAY
    stands = advance(advance(Standing(START), now, HOUR), now, HOUR, [now - HOUR / 60])
    assert believed(stands, now) == Believed(now)


def test_a_signed_time_of_the_future_tells_that_the_clock_is_behind() -> None:
    stands = advance(Standing(START), START, HOUR, [START + 90 * DAY])
    assert believed(stands, START) == Believed(START + 90 * DAY, BEHIND)


@given(STEPS)
def test_the_believed_time_never_falls(steps: list[tuple[timedelta, timedelta | None, list[timedelta]]]) -> None:
    stands, before = Standing(START), START
    for now, ran, signed in steps:
        stands = advance(stands, START + now, ran, [START + one for one in signed])
        at = believed(stands, START + now).at
        assert at >= before
        assert all(at >= START + one for one in signed)
        before = at


@given(STEPS)
def test_a_clock_alone_never_runs_faster_than_what_was_lived_unless_it_had_the_patience(
    steps: list[tuple[timedelta, timedelta | None, list[timedelta]]],
) -> None:
    stands, lived, starts = Standing(START), timedelta(), 0
    for now, ran, _ in steps:
        stands = advance(stands, START + now, ran)
        starts += ran is None
        lived += max(ran or timedelta(), timedelta())
        gained = believed(stands, START + now).at - START
        if lived < PATIENCE:
            assert gained <= lived + starts * AWAY + len(steps) * (PAUSED + 2 * SLACK)
