"""Accounts of the vendor's staff: what holds whatever happens between two steps of a sign-in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from corporate import acts, enrolment, migrating, people
from corporate.database import EVERYBODY, Store
from corporate.errors import OperatorError
from corporate.models import Account, Act, Base, Customer, Deletion, Installation, SignedIn, Throttle

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
NAME, PASSWORD, ADDRESS = "a.okafor", "correct horse battery", "10.0.0.1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database with one account."""
    made = Store(f"sqlite:///{tmp_path}/corporate.db")
    migrating.upgrade(made)
    people.add(made, NAME, PASSWORD, "init", NOW)
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
    people.add(store, "b.lind", "another horse battery", "init", NOW)
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


def names(store: Store) -> str:
    """Every text in every table, one after the other."""
    with store.reading(EVERYBODY) as session:
        tables = [session.execute(select(table)).all() for table in Base.metadata.sorted_tables]
    return repr(tables)


def test_who_is_deleted_leaves_no_name_in_any_table(store: Store) -> None:
    people.add(store, "b.lind", "another horse battery", NAME, NOW)
    people.sign_in(store, "b.lind", "wrong", ADDRESS, NOW)
    enrolment.make_token(store, "St Mary", "b.lind", NOW)
    with store.writing(EVERYBODY) as session:
        session.add(_installation(session, "b.lind"))
        session.flush()
        session.add(_deletion(session, f"{people.STAFF}b.lind"))
    token = people.sign_in(store, NAME, PASSWORD, ADDRESS, NOW)
    former = people.remove(store, "b.lind", NAME, NOW)
    assert "b.lind" not in names(store)
    assert former in names(store)
    with store.reading(EVERYBODY) as session:
        assert session.scalars(select(Deletion.asked_by)).one() == f"{people.STAFF}{former}"
        said = [(act.actor, act.what, act.subject) for act in session.scalars(select(Act).order_by(Act.id))]
    assert said[-1] == (NAME, "account-removed", former)
    assert people.who(store, str(token), NOW) is not None
    assert [row.name for row in people.listed(store, NOW)] == [NAME]
    assert [done.who for done in acts.of_installation(store, INSTALLATION)] == [f"{people.STAFF}{former}", former]


def test_the_last_account_stays_and_one_that_is_not_there_is_told(store: Store) -> None:
    for name, code in ((NAME, "last-account"), ("nobody", "account")):
        with pytest.raises(OperatorError) as no:
            people.remove(store, name, "os:test", NOW)
        assert no.value.code == code
    assert isinstance(people.sign_in(store, NAME, PASSWORD, ADDRESS, NOW), str)


def test_two_who_delete_each_other_do_not_lock_everybody_out(store: Store) -> None:
    people.add(store, "b.lind", "another horse battery", "init", NOW)

    def remove(name: str) -> str:
        try:
            return people.remove(store, name, "os:test", NOW)
        except OperatorError as no:
            return no.code

    with ThreadPoolExecutor(2) as pool:
        done = sorted(pool.map(remove, (NAME, "b.lind")))
    assert [word.startswith(people.FORMER) for word in done] == [True, False]
    assert len(people.listed(store, NOW)) == 1


@pytest.mark.parametrize("name", ["os:root", "staff:ada", "former-1a2b3c4d"])
def test_no_account_is_called_like_what_stands_for_somebody_else(store: Store, name: str) -> None:
    with pytest.raises(OperatorError):
        people.add(store, name, PASSWORD, "init", NOW)


INSTALLATION = "ab" * 16


def _installation(session: Session, revoked_by: str) -> Installation:
    customer = session.scalars(select(Customer.id)).one()
    made = Installation(id=INSTALLATION, customer_id=customer, public_key=b"", thumbprint="", enrolled_at=NOW)
    made.signature_allowed, made.revoked_at, made.revoked_by = False, NOW - timedelta(hours=1), revoked_by
    return made


def _deletion(session: Session, asked_by: str) -> Deletion:
    customer = session.scalars(select(Customer.id)).one()
    said = {"what": "everything", "before_size": 1, "deleted_at": NOW, "document": "x", "told": 0}
    return Deletion(customer_id=customer, installation_id=INSTALLATION, asked_by=asked_by, **said)
