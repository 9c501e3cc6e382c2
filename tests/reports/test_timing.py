"""When reporters count: once in each interval, and not everywhere at once."""

from __future__ import annotations

import secrets
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from diffgram_home.reports import timing
from tests.reports import places
from tests.reports.places import NOW

HERE = "0" * 32


def test_a_thousand_installations_spread_over_the_day():
    at = [timing.slot(secrets.token_hex(16), places.orders(), NOW) for _ in range(1000)]
    assert len({moment.replace(second=0) for moment in at}) > 600
    by_hour = [sum(moment.hour == hour for moment in at) for hour in range(24)]
    assert max(by_hour) < 100


def test_two_reporters_of_one_installation_have_moments_of_their_own():
    assert timing.slot(HERE, places.orders(), NOW) != timing.slot(HERE, places.states(), NOW)


@given(st.integers(1, 744), st.integers(0, 10**8))
def test_a_moment_comes_once_in_each_interval_and_is_no_later_than_now(hours, passed):
    one, now = places.orders(every_hours=hours), NOW + timedelta(seconds=passed)
    begins = timing.slot(HERE, one, now)
    assert begins <= now < begins + timedelta(hours=hours) == timing.following(HERE, one, now)
    assert timing.slot(HERE, one, begins) == begins
    assert timing.is_due(HERE, one, None, begins)
    assert not timing.is_due(HERE, one, begins, begins + timedelta(minutes=1))
    assert timing.is_due(HERE, one, begins, begins + timedelta(hours=hours))


def test_a_moment_that_was_slept_through_is_caught_up_for_half_an_hour_only():
    begins = timing.slot(HERE, places.orders(), NOW)
    assert timing.is_due(HERE, places.orders(), None, begins + timing.WINDOW)
    assert not timing.is_due(HERE, places.orders(), None, begins + timing.WINDOW + timedelta(seconds=1))


def test_a_clock_that_was_set_back_stops_no_reporter():
    begins = timing.slot(HERE, places.orders(), NOW)
    assert timing.is_due(HERE, places.orders(), begins + timedelta(days=40), begins)
