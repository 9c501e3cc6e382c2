"""The connection that is kept within a round: one for many batches, with every rule of the door for each of them."""

from __future__ import annotations

import pytest

from audit import gate
from audit.consent import Consent
from diffgram_home import egress, rules
from diffgram_home.outbound import Door
from tests.door.conftest import Misbehaving
from tests.door.places import Place
from tests.door.test_outbound import push, sealed


def outcomes(place: Place) -> list[str | None]:
    return [row.outcome for row in place.rows()]


def test_the_batches_of_a_round_go_over_one_connection_which_ends_with_the_round(
    place: Place, corporate: Misbehaving
) -> None:
    place.work(batches=3)
    for _ in range(4):
        corporate.order("keep")
    assert [sent.outcome for sent in place.send()] == ["accepted"] * 3
    told = [corporate.told() for _ in range(4)]
    assert [one.get("kept", False) for one in told] == [False, True, True, False]
    assert (told[3]["did"], told[3]["line"]) == ("nothing", "")  # closed by us, at the end of the round
    corporate.order("good")  # takes the order that is left
    place.work()
    place.send()
    assert not corporate.told().get("kept")


@pytest.mark.parametrize("then", ["leave", "chatter"])
def test_a_connection_that_was_closed_or_says_something_unasked_is_not_used_again(
    place: Place, corporate: Misbehaving, then: str
) -> None:
    place.work(batches=2)
    corporate.order("keep", then=then)
    assert [sent.outcome for sent in place.send()] == ["accepted"] * 2
    assert not corporate.told().get("kept")


def test_each_batch_on_a_kept_connection_has_a_time_limit_of_its_own(place: Place, corporate: Misbehaving) -> None:
    place.work(batches=2)
    corporate.order("keep")
    corporate.order("silent")
    with place.impatient():
        sent = place.send()
    assert [(one.outcome, one.code) for one in sent] == [("accepted", None), ("unknown", "too-slow")]
    assert outcomes(place) == ["accepted", "unknown"]


def test_a_kept_connection_that_is_cut_leaves_the_batch_unknown_and_it_goes_again(
    place: Place, corporate: Misbehaving
) -> None:
    place.work(batches=2)
    corporate.order("keep")
    corporate.order("close")
    assert [one.outcome for one in place.send()] == ["accepted", "unknown"]
    place.later(hours=1)
    assert [one.outcome for one in place.send()] == ["accepted"]
    assert outcomes(place) == ["accepted", "unknown", "accepted"]


def test_consent_that_is_withdrawn_between_two_batches_leaves_the_kept_connection_silent(
    place: Place, corporate: Misbehaving
) -> None:
    place.work()
    body, generation = sealed(place)
    held = rules.current(place.home)
    answers = iter([held, held, gate.Rules(held.catalogue, held.index, Consent({}), held.modes)])
    door = Door(
        place.home.settings.corporate.url,
        registry=egress.reachable(place.home.settings),
        timeout_s=5,
        rules=lambda: next(answers),
    )
    corporate.order("keep")
    with door.round():
        push(place, body, generation, door)
        with pytest.raises(gate.Refused):
            push(place, body, generation, door)
    corporate.told()
    assert corporate.told()["line"] == ""  # the connection ended, and not one byte more had come


def test_another_certificate_is_shown_over_another_connection(place: Place, corporate: Misbehaving) -> None:
    place.work(batches=2)
    corporate.order("keep", fresh=True)
    assert [one.outcome for one in place.send()] == ["accepted"] * 2
    first, *others = [corporate.told() for _ in range(3)]
    assert "kept" not in first
    assert not any(one.get("kept") for one in others)


def test_a_stopped_door_uses_no_kept_connection(place: Place, corporate: Misbehaving) -> None:
    place.work()
    body, generation = sealed(place)
    corporate.order("keep")
    with place.door.round():
        push(place, body, generation)
        place.door.stop()
        with pytest.raises(Exception, match="this process stops") as stopped:
            push(place, body, generation)
    assert type(stopped.value).__name__ == "NotReached"
    corporate.told()
    assert corporate.told()["line"] == ""


def test_without_a_round_no_connection_is_kept(place: Place, corporate: Misbehaving) -> None:
    place.work()
    body, generation = sealed(place)
    corporate.order("keep")
    push(place, body, generation)
    push(place, body, generation)
    corporate.told()
    assert corporate.told()["line"] == ""
    assert "kept" not in corporate.told()
