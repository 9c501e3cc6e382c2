"""Accounts of the vendor's staff: what holds whatever happens between two steps of a sign-in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from corporate import migrating, people
from corporate.database import EVERYBODY, Store
from corporate.models import Account, SignedIn, Throttle

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
NAME, PASSWORD, ADDRESS = "a.okafor", "correct horse battery", "10.0.0.1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database with one account."""
    made = Store(f"sqlite:///{tmp_path}/corporate.db")
    migrating.upgrade(made)
    people.add(made, NAME, PASSWORD, NOW)
    yield made
    made.close()


def throttled(store: Store) -> list[str]:
    """The keys that tries are counted under."""
    with store.reading(EVERYBODY) as session:
        return list(session.scalars(select(Throttle.key)))


def test_tries_with_invented_names_are_forgotten(store: Store) -> None:
    for number in range(3):
        people.sign_in(store, f"guess{number}", "wrong", ADDRESS, NOW)
    assert len(throttled(store)) == 4
    assert isinstance(people.sign_in(store, NAME, PASSWORD, "10.0.0.2", NOW + timedelta(hours=2)), str)
    assert throttled(store) == []


def test_a_clock_that_was_a_year_ahead_holds_nobody_out_when_it_is_right_again(store: Store) -> None:
    ahead = NOW + timedelta(days=365)
    for _ in range(9):
        people.sign_in(store, NAME, "wrong", ADDRESS, ahead)
    assert isinstance(people.sign_in(store, NAME, PASSWORD, ADDRESS, NOW), str)


def test_a_sign_in_with_the_old_password_does_not_outlive_the_new_one(store: Store) -> None:
    people.add(store, "b.lind", "another horse battery", NOW)
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(people.sign_in, store, NAME, PASSWORD, ADDRESS, NOW)
        while not throttled(store) and not begun.done():  # from here on its password is looked at
            pass
        with store.writing(EVERYBODY) as session:  # what `set_password` does, without making a hash first
            other = select(Account.password).where(Account.name == "b.lind").scalar_subquery()
            session.execute(update(Account).values(password=other))
            session.execute(delete(SignedIn))
        found = begun.result()
    assert found == people.Refusal(0) or people.who(store, str(found), NOW) is None
