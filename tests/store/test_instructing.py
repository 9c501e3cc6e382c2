"""What corporate asks, on a real installation: it narrows at once, is recorded, and ends as if it had never been."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import instructions, signed
from audit.instructions import Ask, Instructions
from diffgram_home import hearing, intake, reading, rules, sealing, switching, verifying
from diffgram_home.home import Home
from tests.store.building import ACTOR, KIND, NOW, OTHER_KIND, build, collect_and_seal, spool, word

KEY = Ed25519PrivateKey.from_private_bytes(b"i" * 32)
RANK = {"off": 0, "offline": 0, "local": 1, "on": 2}
FIELD = "shop.order_id"


def ask(what: str, name: str, to: str, days: float = 3) -> Ask:
    return Ask(what, name, to, NOW + timedelta(days=days), "too-much")


def hear(home: Home, number: int, *asks: Ask, now: Any = NOW) -> bool:
    made = Instructions(home.installation, number, NOW, NOW + timedelta(days=30), asks)
    return hearing.hear(home, instructions.issue(made, KEY), lambda _: signed.ring(KEY.public_key()), now)


def modes(home: Home) -> dict[str, str]:
    held = rules.current(home).modes
    return {**held.cases, **{kind: switch.mode for kind, switch in held.kinds.items()}}


def test_a_case_is_narrowed_at_once_and_its_end_restores_only_the_customers_own_setting(home: Home) -> None:
    collect_and_seal(home, range(3))
    assert hear(home, 1, ask("case", "event", "local"))
    assert modes(home)["event"] == modes(home)[KIND] == "local"
    assert word(home) & 3 == 1, "products see it too"
    assert reading.pending(home).batches[0].void == "mode"
    (case, *_) = reading.cases(home)
    assert (case.mode, case.own, [one.name for one in case.asked]) == ("local", "on", ["event"])
    switching.set_mode(home, "event", OTHER_KIND, "off", ACTOR, NOW)
    switching.apply(home, NOW + timedelta(days=3))
    assert modes(home)["event"] == modes(home)[KIND] == "on"
    assert modes(home)[OTHER_KIND] == "off", "what the customer changed meanwhile is what holds"
    assert [c.what for c in reading.history(home)[:3]] == ["instruction", "mode", "instruction"]
    assert verifying.verify(home, NOW).holds


def test_what_was_collected_while_it_was_asked_never_leaves(home: Home) -> None:
    hear(home, 1, ask("kind", KIND, "local"))
    spool(home, range(3))
    hear(home, 2)
    intake.take(home, NOW)
    assert sealing.seal_waiting(home, NOW) == []
    assert len(collect_and_seal(home, range(3, 5))) == 1


def test_a_field_is_withheld_from_what_waits_and_from_what_comes(home: Home) -> None:
    collect_and_seal(home, range(3))
    hear(home, 1, ask("field", FIELD, "withheld"))
    waiting = [batch.body or b"" for batch in reading.pending(home).batches]
    assert waiting
    assert not any(b"order_id" in body for body in waiting)
    assert [row.reason for row in reading.withheld(home, now=NOW)] == ["asked"]
    overview = reading.overview(home, NOW)
    assert overview.unapproved == 0, "the customer's decision is as it was"
    hear(home, 2)
    (made,) = collect_and_seal(home, range(9, 10))
    assert b"order_id" in (reading.body(home, "event", made.sequence) or b"")


def test_an_old_document_cannot_come_back_and_the_same_one_is_taken_once(home: Home) -> None:
    hear(home, 5)
    assert not hear(home, 5)
    assert not hear(home, 4, ask("case", "event", "off"))
    assert modes(home)["event"] == "on"
    (notice,) = reading.notices(home)
    assert (notice.code, "instructions-old" in notice.text) == ("instructions-refused", True)
    assert hear(home, 6)
    assert reading.notices(home) == ()


@pytest.mark.parametrize("said", [None, 7, {"asks": []}, "", "a.b.c", "x" * 70_000])
def test_whatever_else_comes_changes_nothing_and_is_told(home: Home, said: Any) -> None:
    before = modes(home)
    assert not hearing.hear(home, said, lambda _: signed.ring(KEY.public_key()), NOW)
    assert modes(home) == before
    assert [notice.code for notice in reading.notices(home)] == ["instructions-refused"]


def test_a_key_that_is_not_known_is_looked_for_once_more(home: Home) -> None:
    made = Instructions(home.installation, 1, NOW, NOW + timedelta(days=1), ())
    token, asked = instructions.issue(made, KEY), []

    def keys(again: bool) -> Any:
        asked.append(again)
        return signed.ring(KEY.public_key()) if again else {}

    assert hearing.hear(home, token, keys, NOW)
    assert asked == [False, True]


def test_a_clock_that_is_set_back_brings_no_ask_back(home: Home) -> None:
    hear(home, 1, ask("case", "event", "off", days=1))
    switching.apply(home, NOW + timedelta(days=2))
    switching.apply(home, NOW)
    assert modes(home)["event"] == "on"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Path, Iterator[int]]]:
    folder = tmp_path_factory.mktemp("one")
    opened = build(folder)
    yield opened, folder, itertools.count(1)
    opened.close()


CASE_ASK = st.builds(
    ask,
    st.just("case"),
    st.sampled_from(["event", "browser", "support", "licensing"]),
    st.sampled_from(["off", "local", "offline"]),
)
KIND_ASK = st.builds(ask, st.just("kind"), st.sampled_from([KIND, OTHER_KIND]), st.sampled_from(["off", "local"]))
FIELD_ASK = st.builds(ask, st.just("field"), st.sampled_from([FIELD, "shop.at", "home.member_id"]), st.just("withheld"))
SAID = st.lists(CASE_ASK | KIND_ASK | FIELD_ASK, max_size=4, unique_by=lambda a: (a.what, a.name))
OWN = st.tuples(st.sampled_from([None, KIND]), st.sampled_from(["off", "local", "on"]))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SAID, OWN), min_size=1, max_size=3))
def test_no_sequence_of_instructions_and_switches_makes_anything_wider_than_the_customers_own(one, steps) -> None:
    """Acceptance check 11: remote instructions can stop and narrow, never add."""
    home, _, numbers = one
    for asks, (kind, mode) in steps:
        switching.set_mode(home, "event", kind, mode, ACTOR, NOW)
        hear(home, next(numbers), *asks)
        file = rules.read_file(home)
        own = {**file.cases, **rules.effective(home.catalogue, file.cases, file.kinds)}
        held = modes(home)
        assert all(RANK[held[name]] <= RANK[own[name]] for name in own), (asks, own, held)
        with home.store.read() as session:
            consent = rules.consent_now(session, NOW)
        now = rules.current(home).consent
        assert all(now.allows(field) <= consent.allows(field) for field in home.catalogue.fields.values())
    hear(home, next(numbers))
    file = rules.read_file(home)
    assert modes(home) == {**file.cases, **rules.effective(home.catalogue, file.cases, file.kinds)}, "and all is lifted"
