"""Accounts and sign-ins: who may, how long, how often one may try, and what the ledger keeps of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from diffgram_home import people, reading, verifying
from diffgram_home.errors import PeopleError
from tests.store.building import ACTOR, NOW

NAME, PASSWORD, ADDRESS = "a.okafor", "correct horse battery", "10.0.0.1"


@pytest.fixture
def admin(home):
    people.add(home, NAME, PASSWORD, ["admin", "security"], ACTOR, NOW)
    return home


def sign_in(home, name=NAME, password=PASSWORD, address=ADDRESS, now=NOW):
    return people.sign_in(home, name, password, address, now)


def test_a_right_password_signs_in_until_signing_out(admin):
    found = sign_in(admin)
    assert people.signed_in(admin, found.token, NOW).roles == ("admin", "security")
    people.sign_out(admin, found.token)
    assert people.signed_in(admin, found.token, NOW) is None


def test_neither_password_nor_token_is_stored(admin):
    found = sign_in(admin)
    with admin.store.read() as session:
        password = session.execute(text("SELECT password FROM account")).scalar()
        digest = session.execute(text("SELECT digest FROM sign_in")).scalar()
    assert password.startswith("$argon2id$")
    assert found.token not in digest


def test_a_sign_in_ends_without_use_and_after_half_a_day_in_any_case(admin):
    found, minute = sign_in(admin), timedelta(minutes=1)
    assert people.signed_in(admin, found.token, NOW + people.IDLE - minute)
    assert people.signed_in(admin, found.token, NOW + 2 * people.IDLE - 2 * minute)
    assert people.signed_in(admin, found.token, NOW + 4 * people.IDLE) is None
    found, now = sign_in(admin), NOW
    while now < NOW + people.LONGEST:
        assert people.signed_in(admin, found.token, now)
        now += people.IDLE - minute
    assert people.signed_in(admin, found.token, NOW + people.LONGEST) is None


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(admin):
    wrong = people.Denied("wrong", 0)
    assert sign_in(admin, name="b.nobody") == sign_in(admin, password="wrong") == sign_in(admin, name="a\0b") == wrong


def test_after_some_failures_the_next_try_waits_twice_as_long_each_time(admin):
    waits, now = [], NOW
    for _ in range(9):
        denied = sign_in(admin, password="wrong", now=now)
        waits.append(denied.wait_s)
        now += timedelta(seconds=denied.wait_s)
    assert waits == [0, 0, 0, 0, 2, 4, 8, 16, 32]
    assert sign_in(admin, now=now - timedelta(seconds=1)) == people.Denied("wait", 1)
    assert isinstance(sign_in(admin, now=now), people.SignedIn)


def test_failures_from_one_address_count_over_all_names(admin):
    for number in range(6):
        sign_in(admin, name=f"guess{number}", password="wrong")
    assert sign_in(admin).code == "wait"
    assert isinstance(sign_in(admin, address="10.0.0.2"), people.SignedIn)


def test_of_many_guesses_at_once_no_more_pass_than_one_after_the_other(admin):
    with ThreadPoolExecutor(12) as pool:
        told = [denied.code for denied in pool.map(lambda n: sign_in(admin, password=f"wrong {n}"), range(12))]
    assert (told.count("wrong"), told.count("wait")) == (5, 7)


def test_a_right_password_does_not_count_as_a_try(admin):
    for _ in range(8):
        assert isinstance(sign_in(admin), people.SignedIn)
    for _ in range(4):
        assert sign_in(admin, password="wrong") == people.Denied("wrong", 0)
    assert isinstance(sign_in(admin), people.SignedIn)
    assert sign_in(admin, password="wrong") == people.Denied("wrong", 2)


def test_a_stranger_elsewhere_slows_a_name_down_but_does_not_hold_it_out(admin):
    now, wrong = NOW, "x" * (people.MAX_PASSWORD + 1)  # too long to be hashed: sixty hashes would take their time
    for number in range(people.BY_NAME.free + 6):
        now += timedelta(seconds=sign_in(admin, password=wrong, address=f"198.51.100.{number}", now=now).wait_s)
    denied = sign_in(admin, password=wrong, address="198.51.100.250", now=now)
    assert denied == people.Denied("wrong", 30)
    assert sign_in(admin, now=now) == people.Denied("wait", 30)
    assert isinstance(sign_in(admin, now=now + timedelta(seconds=30)), people.SignedIn)


def test_a_new_password_ends_every_sign_in(admin):
    found = sign_in(admin)
    people.set_password(admin, NAME, "another horse battery", ACTOR, NOW)
    assert people.signed_in(admin, found.token, NOW) is None
    assert sign_in(admin).code == "wrong"


def test_a_sign_in_with_the_old_password_does_not_outlive_the_new_one(admin):
    people.add(admin, "b.lind", "another horse battery", ["viewer"], ACTOR, NOW)
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(sign_in, admin)
        while not counted(admin) and not begun.done():  # from here on its password is looked at, outside a transaction
            pass
        with admin.store.write() as session:  # what `set_password` does, without its own look at a password
            session.execute(text("UPDATE account SET password = (SELECT password FROM account WHERE name = 'b.lind')"))
            session.execute(text("DELETE FROM sign_in"))
        found = begun.result()
    assert found == people.Denied("wrong", 0) or people.signed_in(admin, found.token, NOW) is None


def counted(home):
    with home.store.read() as session:
        return session.execute(text("SELECT count(*) FROM throttle")).scalar()


def test_a_clock_that_was_a_year_ahead_holds_nobody_out_when_it_is_right_again(admin):
    ahead = NOW + timedelta(days=365)
    for _ in range(9):
        sign_in(admin, password="wrong", now=ahead)
    assert isinstance(sign_in(admin), people.SignedIn)


def test_a_disabled_account_neither_stays_nor_comes_in(admin):
    people.add(admin, "b.lind", PASSWORD, ["viewer"], ACTOR, NOW)
    found = sign_in(admin, name="b.lind")
    people.disable(admin, "b.lind", ACTOR, NOW)
    assert people.signed_in(admin, found.token, NOW) is None
    assert sign_in(admin, name="b.lind").code == "wrong"


@pytest.mark.parametrize(
    ("name", "password", "roles", "code"),
    [
        ("a b", PASSWORD, ["admin"], "name-unusable"),
        ("", PASSWORD, ["admin"], "name-unusable"),
        ("c.new", "short", ["admin"], "password-unusable"),
        ("c.new", "x" * 1025, ["admin"], "password-unusable"),
        ("c.new", PASSWORD, [], "role-unknown"),
        ("c.new", PASSWORD, ["root"], "role-unknown"),
        (NAME, PASSWORD, ["admin"], "account-exists"),
    ],
)
def test_an_account_that_will_not_do_says_why(admin, name, password, roles, code):
    with pytest.raises(PeopleError) as error:
        people.add(admin, name, password, roles, ACTOR, NOW)
    assert error.value.code == code
    assert error.value.hint


def test_the_last_admin_stays(admin):
    for change in (
        lambda: people.disable(admin, NAME, ACTOR, NOW),
        lambda: people.set_roles(admin, NAME, ["viewer"], ACTOR, NOW),
    ):
        with pytest.raises(PeopleError) as error:
            change()
        assert error.value.code == "last-admin"
    assert people.accounts(admin)[0].roles == ("admin", "security")


def test_every_change_is_in_the_history(admin):
    people.set_roles(admin, NAME, ["admin", "viewer"], "account:c.chief", NOW)
    told = [(c.subject, c.actor, c.after, c.detail) for c in reading.history(admin) if c.what == "person"]
    assert told[:2] == [
        ("person:1", "account:c.chief", "role-taken", "security"),
        ("person:1", "account:c.chief", "role-given", "viewer"),
    ]


def test_a_deleted_account_leaves_its_name_in_no_file_and_its_number_in_the_ledger(admin):
    people.add(admin, "rose.planted", PASSWORD, ["security"], people.accounts(admin)[0].actor, NOW)
    rose = people.accounts(admin)[1]
    token = sign_in(admin, name="rose.planted").token
    sign_in(admin, name="Rose.Planted", password="wrong")
    people.set_roles(admin, NAME, ["admin"], rose.actor, NOW)
    assert rose.actor == "person:2"
    assert people.named(admin)[rose.actor] == "rose.planted"
    assert holding(admin, b"rose.planted")
    assert people.erase(admin, "rose.planted", ACTOR, NOW) == 2
    assert people.signed_in(admin, token, NOW) is None
    assert holding(admin, b"rose.planted") == []
    assert sign_in(admin, name="rose.planted", address="10.0.0.2") == people.Denied("wrong", 0)
    assert [one.name for one in people.accounts(admin)] == [NAME]
    newest = reading.history(admin)[0]
    assert (newest.subject, newest.actor, newest.after) == ("person:2", ACTOR, "deleted")
    assert "person:2" in {change.actor for change in reading.history(admin)}, "what was decided stays"
    assert verifying.verify(admin, NOW).holds


def test_a_number_is_never_given_to_somebody_else(admin):
    people.add(admin, "b.brown", PASSWORD, ["viewer"], ACTOR, NOW)
    people.erase(admin, "b.brown", ACTOR, NOW)
    assert people.add(admin, "b.brown", PASSWORD, ["viewer"], ACTOR, NOW).actor == "person:3"


def test_the_last_administrator_cannot_be_deleted_and_one_who_was_ended_can(admin):
    with pytest.raises(PeopleError) as refused:
        people.erase(admin, NAME, ACTOR, NOW)
    assert refused.value.code == "last-admin"
    assert sign_in(admin)
    people.add(admin, "b.brown", PASSWORD, ["admin"], ACTOR, NOW)
    people.disable(admin, NAME, ACTOR, NOW)
    people.erase(admin, NAME, ACTOR, NOW)
    with pytest.raises(PeopleError):
        people.erase(admin, "b.brown", ACTOR, NOW)
    with pytest.raises(PeopleError):
        people.erase(admin, NAME, ACTOR, NOW)


def holding(home, wanted):
    """The files of the data folder in which some bytes stand."""
    every = [path for path in home.settings.folder.rglob("*") if path.is_file()]
    return [path.name for path in every if wanted in path.read_bytes().lower()]
