"""Transforms of one installation: chosen by file and by people, recorded, resealed, and shown before they are."""

from __future__ import annotations

import json

import pytest

from audit import gate, record
from audit.catalogue import TELLING
from diffgram_home import consenting, intake, reading, rules, sealing, switching, transforming, verifying
from diffgram_home.errors import SettingsFaults
from diffgram_home.home import Home, open_home
from diffgram_home.models import Leaf, Value
from tests.store.building import ACTOR, NOW, build, collect_and_seal, frame, message, spool_bytes, word

WHO = "account:a.okafor"


def spool(home, items):
    """Messages of orders 1, 2, … with so many items each."""
    switch = word(home)
    lines = (frame(message(order) | {"items": count}, switch) for order, count in enumerate(items, 1))
    spool_bytes(home, b"".join(lines))
    intake.take(home, NOW)


def sealed(home, items):
    """The same, sealed."""
    spool(home, items)
    return sealing.seal_waiting(home, NOW)


def edit(home, text):
    """Put these lines under [transforms], in place of those that stand there."""
    path = home.settings.path
    path.write_text(path.read_text().partition("[transforms]")[0] + (f"[transforms]\n{text}\n" if text else ""))


def chosen(home):
    return dict(rules.current(home).consent.transforms)


def choose(home, name, transform):
    return switching.set_transform(home, name, transform, WHO, NOW)


def lines(home, number=-1):
    """Header and messages of a batch that waits."""
    return [json.loads(line) for line in reading.pending(home).batches[number].body.splitlines()]


def leaves(home):
    with home.store.read() as session:
        rows = session.query(Leaf.data).where(Leaf.type == "transform").order_by(Leaf.position).all()
        return [record.parse(data) for (data,) in rows]


def test_a_person_chooses_and_goes_back_and_both_are_recorded_with_their_name(home):
    before = home.settings.path.read_text()
    done = choose(home, "shop.at", "coarser:hour")
    assert done.transforms == (switching.TransformChange("shop.at", None, "coarser:hour"),)
    assert '"shop.at" = "coarser:hour"' in home.settings.path.read_text()
    assert chosen(home) == {"shop.at": "coarser:hour"}
    choose(home, "shop.at", None)
    assert chosen(home) == {}
    assert home.settings.path.read_text().startswith(before)
    found = [(e.actor, e.field, e.from_, e.to, e.source) for e in leaves(home)]
    assert found == [
        (WHO, "shop.at", None, "coarser:hour", "person"),
        (WHO, "shop.at", "coarser:hour", None, "person"),
    ]
    change = reading.history(home, limit=1)[0]
    assert (change.what, change.before, change.after) == ("transform", "coarser:hour", "as it is")


def test_the_file_is_coarser_at_once_and_finer_only_when_it_was_recorded(home):
    edit(home, '"shop.at" = "coarser:hour"')
    assert chosen(home) == {"shop.at": "coarser:hour"}
    switching.apply(home, NOW)
    assert [(e.actor.startswith("os:"), e.source) for e in leaves(home)] == [(True, "file")]
    edit(home, '"shop.at" = "coarser:minute"')
    assert chosen(home) == {"shop.at": "coarser:hour"}
    edit(home, "")
    assert chosen(home) == {"shop.at": "coarser:hour"}
    switching.apply(home, NOW)
    assert chosen(home) == {}


def test_between_two_that_cannot_be_compared_the_field_stays_here(home):
    choose(home, "shop.order_id", "suppress:2")
    edit(home, '"shop.order_id" = "drop-rare:2"')
    assert chosen(home) == {"shop.order_id": "drop-rare:2"}  # hides more
    edit(home, '"shop.order_id" = "suppress:3"')
    assert chosen(home) == {"shop.order_id": "suppress:3"}
    choose(home, "shop.items", "round:10")
    edit(home, '"shop.order_id" = "suppress:3"\n"shop.items" = "suppress:3"')
    assert "shop.items" in rules.current(home).consent.off
    switching.apply(home, NOW)
    assert "shop.items" not in rules.current(home).consent.off
    assert chosen(home)["shop.items"] == "suppress:3"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('"shop.nothing" = "coarser:hour"', "field-unknown"),
        ('"home.request.at" = "coarser:hour"', "field-unknown"),
        ('"shop.at" = "coarser:week"', "setting-value"),
        ('"shop.at" = "round"', "setting-value"),
        ('"shop.at" = 10', "setting-type"),
    ],
)
def test_a_faulty_line_is_a_fault_and_everything_is_off(home, text, code):
    edit(home, text)
    found = rules.read_file(home)
    assert isinstance(found, SettingsFaults)
    assert [fault.code for fault in found.faults] == [code]


def test_every_faulty_line_is_told_at_once(home):
    edit(home, '"shop.at" = "coarser:week"\n"shop.order_id" = "suppress:1"')
    assert len(rules.read_file(home).faults) == 2


def test_what_the_definition_does_not_permit_is_refused_to_people_and_withholds_the_field_in_the_file(home):
    for name, wanted in (("shop.at", "round:10"), ("shop.paid", "suppress:3"), ("shop.nothing", "round:10")):
        with pytest.raises(ValueError, match=r"diffgram-home fields|its definition permits"):
            choose(home, name, wanted)
    assert leaves(home) == []
    edit(home, '"shop.items" = "round:7"')
    switching.apply(home, NOW)
    sealed(home, [1])
    assert "items" not in lines(home)[1]
    assert ("transform-not-permitted", "shop.items") in {
        (row.reason, row.path) for row in reading.withheld(home, now=NOW)
    }


def test_a_batch_that_waits_with_finer_values_is_voided_and_sealed_again(home):
    sealed(home, [11, 12])
    first = reading.pending(home).batches[0]
    assert choose(home, "shop.items", "round:10").voided == 1
    batches = reading.pending(home).batches
    assert [(b.sequence, b.void) for b in batches] == [(1, "withdrawn"), (2, None)]
    header, *messages = lines(home)
    assert header["transforms"] == {"shop.items": "round:10"}
    assert [(m["items"], m["order_id"]) for m in messages] == [(10, 1), (10, 2)]
    assert first.sha256 not in {b.sha256 for b in batches}


def test_a_batch_that_is_coarse_enough_stays_as_it_is(home):
    choose(home, "shop.items", "round:50")
    sealed(home, [11])
    before = reading.pending(home).batches[0].sha256
    assert choose(home, "shop.items", "round:10").voided == 0
    assert choose(home, "shop.items", None).voided == 0
    assert reading.pending(home).batches[0].sha256 == before
    sealed(home, [11])
    assert "transforms" not in lines(home)[0]


def test_sealing_in_several_batches_keeps_each_population_apart(tmp_path):
    home = build(tmp_path, more="[sending]\nbatch_messages = 3\n")
    choose(home, "shop.order_id", "suppress:3")
    collect_and_seal(home, [7, 7, 7, 7, 7])
    bodies = [
        [json.loads(line).get("order_id") for line in b.body.splitlines()[1:]] for b in reading.pending(home).batches
    ]
    assert bodies == [[7, 7, 7], [None, None]]
    home.close()


def test_messages_that_were_dropped_stay_here_counted(home):
    choose(home, "shop.order_id", "drop-rare:2")
    collect_and_seal(home, [7, 7, 8])
    assert [m["order_id"] for m in lines(home)[1:]] == [7, 7]
    assert ("rare", "shop.order_id", 1) in {(r.reason, r.path, r.count) for r in reading.withheld(home, now=NOW)}
    assert [kept.line.text.count('"order_id":8') for kept in reading.kept(home).entries] == [1]


def test_without_the_approval_to_tell_it_the_field_stays_and_the_rest_goes(home):
    consenting.withdraw(home, [TELLING], ACTOR, "security", NOW, "the tests")
    sealed(home, [11])
    assert lines(home)[1]["items"] == 11
    choose(home, "shop.items", "round:10")
    sealed(home, [11])
    assert "items" not in lines(home)[1]
    assert "transforms" not in lines(home)[0]


def test_a_choice_outlives_a_restart_and_agrees_with_the_ledger(home):
    choose(home, "shop.at", "coarser:day")
    again = open_home(home.settings)
    assert dict(rules.current(again).consent.transforms) == {"shop.at": "coarser:day"}
    again.close()
    assert [f for f in verified(home) if f.severity == "fault"] == []
    with home.store.write() as session:
        session.get(Value, "transforms").data = "{}"
    assert any("transform" in f.message for f in verified(home))


def verified(home: Home):
    return verifying.verify(home, NOW).findings


def test_the_effect_is_shown_on_what_waits_sealed_or_not(home):
    sealed(home, [1, 9, 9, 15])
    spool(home, [15, 23])
    found = transforming.effects(home, "shop.items", NOW)
    assert (found.chosen, found.cut, found.batches) == (None, False, 2)
    plain, ten, _, few = found.effects
    assert (plain.word, plain.messages, plain.distinct_before, plain.distinct_after) == (None, 6, 4, 4)
    assert (ten.word, ten.distinct_before, ten.distinct_after, ten.missing) == ("round:10", 4, 3, 0)
    assert [(s.before, s.after, s.messages) for s in ten.steps] == [
        ("15", "10", 2), ("9", "0", 2), ("1", "0", 1), ("23", "20", 1)]  # fmt: skip
    assert (few.word, few.distinct_after, few.missing) == ("suppress:3", 0, 6)
    assert [(s.before, s.after) for s in few.steps][:1] == [("15", None)]


def test_the_effect_shown_is_what_sealing_does(home):
    spool(home, [3, 3, 3, 14, 15])
    shown = {e.word: e for e in transforming.effects(home, "shop.items", NOW).effects}
    choose(home, "shop.items", "suppress:3")
    sealing.seal_waiting(home, NOW)
    left = [m.get("items") for m in lines(home)[1:]]
    found = shown["suppress:3"]
    assert (left.count(None), len(set(left) - {None})) == (found.missing, found.distinct_after)


def test_nothing_that_cannot_go_is_shown(home):
    switching.set_mode(home, "event", None, "local", ACTOR, NOW)
    spool(home, [3])
    assert [effect.messages for effect in transforming.effects(home, "shop.items", NOW).effects] == [0] * 4


def test_the_door_refuses_what_became_too_fine_before_it_was_resealed(home):
    (made,) = sealed(home, [11])
    body = reading.pending(home).batches[0].body
    edit(home, '"shop.items" = "round:10"')
    with pytest.raises(gate.Refused) as refused:
        gate.check(body, rules.current(home, NOW), 1, rules.CODEC, now=NOW)
    assert refused.value.code == "finer"
    assert made.sequence == 1
