"""From the spool to a sealed batch and to corporate's answer: the store's part of the path of one fact."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from audit import gate
from audit.errors import Refused
from diffgram_home import attempts, bodies, consenting, intake, ledger, pruning, reading, rules, sealing, switching
from diffgram_home.models import QUEUED, REFUSED, SENT, VOIDED, VOIDING, Batch, Block
from tests.store.building import (
    ACTOR,
    KIND,
    NOW,
    OTHER_KIND,
    build,
    collect_and_seal,
    frame,
    message,
    orders_in,
    spool,
    spool_bytes,
    word,
)

LATER = NOW + timedelta(minutes=1)


def batches(home):
    with home.store.read() as session:
        return list(session.scalars(select(Batch).order_by(Batch.id)))


def begin(home, batch_id=1):
    with home.store.write() as session:
        return attempts.begin(session, session.get_one(Batch, batch_id), "127.0.0.1:8091", NOW)


def finish(home, attempt, outcome, **more):
    with home.store.write() as session:
        attempts.finish(home, session, session.merge(attempt), outcome=outcome, now=LATER, **more)


def queued_orders(home):
    return [
        order
        for row in reading.pending(home, limit=1000).batches
        if row.state == QUEUED
        for order in orders_in(row.body)
    ]


def withheld(home):
    return {(row.reason, row.path): row.count for row in reading.withheld(home, now=NOW)}


def test_what_is_spooled_is_sealed_once_in_order(home):
    made = collect_and_seal(home, range(2500))
    assert [batch.messages for batch in made] == [1000, 1000, 500]
    assert [batch.sequence for batch in made] == [1, 2, 3]
    assert queued_orders(home) == list(range(2500))
    assert sealing.seal_waiting(home, NOW) == []
    assert list(home.settings.spool.folder.glob("*.spool")) == []


def test_pending_shows_the_very_bytes_that_the_gate_lets_pass(home):
    (made,) = collect_and_seal(home, range(3))
    (row,) = reading.pending(home).batches
    assert row.sha256 == made.sha256
    batch = gate.check(row.body, rules.current(home), batches(home)[0].generation, rules.CODEC, now=NOW)
    assert [m["order_id"] for m in batch.messages] == [0, 1, 2]
    assert row.lines[1].values[1].field == "shop.order_id"
    assert row.lines[1].values[1].text == "0"


def test_messages_of_several_blocks_share_a_batch(home):
    for order in range(5):
        spool(home, [order])
        intake.take(home, NOW)
    (made,) = sealing.seal_waiting(home, NOW)
    assert made.messages == 5


def test_a_batch_holds_no_more_bytes_than_the_settings_say(tmp_path):
    home = build(tmp_path, more="[sending]\nbatch_bytes = 10000\n")
    made = collect_and_seal(home, range(1000))
    assert len(made) > 5
    assert all(batch.size_bytes <= 10_000 for batch in made)
    assert sorted(queued_orders(home)) == list(range(1000))


def test_an_accepted_batch_is_sent_and_its_bytes_stay(home):
    (made,) = collect_and_seal(home, range(3))
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200)
    assert batches(home)[0].state == SENT
    (line,) = reading.sent(home)
    page = reading.attempt(home, line.id)
    assert (page.line.outcome, page.line.sha256) == ("accepted", made.sha256)
    assert orders_in(page.body) == [0, 1, 2]
    assert [step.what for step in page.steps] == ["sealed", "attempt", "outcome"]
    assert reading.overview(home, NOW).lanes[0].day.messages == 3


def test_messages_are_counted_once_though_they_leave_twice(home):
    collect_and_seal(home, range(3))
    finish(home, begin(home), "unknown", code="timeout")
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200)
    day = reading.overview(home, NOW).lanes[0].day
    assert (day.messages, day.attempts) == (3, 2)


def test_an_attempt_cannot_end_twice_nor_be_accepted_without_a_receipt(home):
    collect_and_seal(home, [1])
    attempt = begin(home)
    with pytest.raises(ValueError, match="cannot end"):
        finish(home, attempt, "accepted")
    finish(home, attempt, "rejected", code="busy", status=429)
    with pytest.raises(ValueError, match="cannot end"):
        finish(home, attempt, "unknown")


def test_what_was_collected_under_local_never_leaves(home):
    switching.set_mode(home, "event", None, "local", ACTOR, NOW)
    spool(home, range(5))
    switching.set_mode(home, "event", None, "on", ACTOR, NOW)
    spool(home, range(5, 7))
    intake.take(home, NOW)
    sealing.seal_waiting(home, NOW)
    assert queued_orders(home) == [5, 6]
    assert withheld(home)["collected-earlier", KIND] == 5
    assert [(row.mode, row.position) for row in reading.kept(home).entries] == [
        ("local", order) for order in range(4, -1, -1)
    ]


def test_what_waits_to_go_or_has_left_is_not_called_kept_here(home):
    spool(home, range(3))
    intake.take(home, NOW)
    assert reading.kept(home).entries == ()
    sealing.seal_waiting(home, NOW)
    assert reading.kept(home).entries == ()
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200)
    assert reading.kept(home).entries == ()


def test_what_is_kept_here_is_found_behind_all_that_has_left(home):
    spool(home, [1], switch=word(home) & ~3 | 1)  # collected under local
    intake.take(home, NOW)
    for order in range(2, 62):
        collect_and_seal(home, [order])
    page = reading.kept(home, limit=1)
    assert [row.line.kind for row in page.entries] == [KIND]
    assert reading.kept(home, limit=1, before=page.older).entries == ()
    assert reading.kept(home).older is None


def test_a_damaged_block_hides_nothing_of_the_others(home):
    for order in (1, 2):
        spool(home, [order], switch=word(home) & ~3 | 1)
        intake.take(home, NOW)
    with home.store.write() as session:
        session.get(Block, 2).zstd = b"no zstd"
    page = reading.kept(home)
    assert [row.block for row in page.entries] == [1]
    assert page.unreadable == 1


def test_a_batch_stands_under_pending_for_as_long_as_the_settings_say(home):
    waits = replace(home, settings=replace(home.settings, sending=replace(home.settings.sending, wait_s=10)))
    collect_and_seal(waits, range(3))
    assert [batch.next_try_at for batch in reading.pending(home).batches] == [NOW + timedelta(seconds=10)]
    assert reading.kept(home).entries == ()


def test_switching_off_voids_what_waits_and_nothing_of_it_leaves_when_it_is_on_again(home):
    collect_and_seal(home, range(5))
    done = switching.set_mode(home, "event", None, "off", ACTOR, NOW)
    assert done.voided == 1
    assert batches(home)[0].state == VOIDING
    switching.set_mode(home, "event", None, "on", ACTOR, NOW)
    collect_and_seal(home, [9])
    assert queued_orders(home) == [9]


def test_switching_one_kind_off_keeps_the_messages_of_the_other(home):
    spool(home, [1, 2])
    spool(home, [3, 4], OTHER_KIND)
    intake.take(home, NOW)
    sealing.seal_waiting(home, NOW)
    switching.set_mode(home, "event", KIND, "off", ACTOR, NOW)
    assert [row.state for row in batches(home)] == [VOIDING, QUEUED]
    assert queued_orders(home) == [3, 4]


def test_a_withdrawn_field_leaves_no_more_and_the_other_fields_do(home):
    collect_and_seal(home, [1])
    done = consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert done == consenting.Decision(("shop.paid",), 1)
    void, again = batches(home)
    assert (void.state, void.void, again.state, again.sequence) == (VOIDING, "withdrawn", QUEUED, 2)
    with home.store.read() as session:
        assert b"paid" not in bodies.get(session, again.sha256)
        assert gate.header_of(bodies.get(session, void.sha256), rules.CODEC)[0].void == "withdrawn"


def test_a_batch_that_may_have_arrived_is_sealed_again_only_when_the_void_is_acknowledged(home):
    collect_and_seal(home, [1, 2])
    finish(home, begin(home), "unknown", code="timeout")
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert len(batches(home)) == 1
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200)
    void, again = batches(home)
    assert (void.state, again.state) == (VOIDED, QUEUED)
    assert queued_orders(home) == [1, 2]


def test_a_batch_that_had_arrived_before_its_void_is_sent_and_not_sealed_again(home):
    (made,) = collect_and_seal(home, [1, 2])
    finish(home, begin(home), "unknown", code="timeout")
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200, already=made.sha256)
    (row,) = batches(home)
    assert (row.state, row.sha256, row.messages) == (SENT, made.sha256, 2)


def test_an_answer_that_comes_after_the_void_was_written_still_counts(home):
    (made,) = collect_and_seal(home, [1, 2])
    attempt = begin(home)
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert [row.state for row in batches(home)] == [VOIDING]
    finish(home, attempt, "accepted", receipt="a.b.c", status=200)
    assert [(row.state, row.sha256) for row in batches(home)] == [(SENT, made.sha256)]


def test_other_bytes_under_our_number_at_corporate_free_our_messages(home):
    collect_and_seal(home, [1, 2])
    finish(home, begin(home), "rejected", code="sequence-differs", status=409, final=True)
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200, already="e" * 64)
    assert [row.state for row in batches(home)] == [VOIDED, QUEUED]
    assert queued_orders(home) == [1, 2]


def test_messages_that_were_sealed_again_at_once_are_not_sealed_a_third_time(home):
    collect_and_seal(home, [1, 2])
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200, already="e" * 64)
    assert [row.state for row in batches(home)] == [VOIDED, QUEUED]
    assert queued_orders(home) == [1, 2]


def test_what_corporate_refuses_is_voided_once_and_not_sealed_again(home):
    collect_and_seal(home, [1, 2])
    finish(home, begin(home), "rejected", code="undeclared", status=400, final=True)
    assert [(row.state, row.void) for row in batches(home)] == [(VOIDING, "refused")]
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200)
    assert [row.state for row in batches(home)] == [VOIDED]
    assert [notice.code for notice in reading.notices(home)] == ["batch-refused"]


def test_a_void_that_corporate_refuses_ends_there(home):
    collect_and_seal(home, [1])
    finish(home, begin(home), "rejected", code="undeclared", status=400, final=True)
    finish(home, begin(home), "rejected", code="undeclared", status=400, final=True)
    assert [row.state for row in batches(home)] == [REFUSED]


def test_without_an_approved_header_nothing_is_sealed_and_everything_waits(home):
    consenting.withdraw(home, None, ACTOR, "security", NOW)
    assert collect_and_seal(home, [1, 2]) == []
    assert [notice.code for notice in reading.notices(home)] == ["approval-missing"]
    consenting.approve(home, None, ACTOR, "security", "the tests", NOW)
    sealing.seal_waiting(home, NOW)
    assert queued_orders(home) == [1, 2]
    assert reading.notices(home) == ()


def test_a_kind_that_the_catalogue_lacks_stays_here(home):
    spool_bytes(home, frame({"kind": "shop/unheard-of", "at": "x", "name": "Rose"}, word(home)))
    intake.take(home, NOW)
    assert sealing.seal_waiting(home, NOW) == []
    assert withheld(home)["undeclared-kind", "<undeclared>"] == 1
    assert [row.case for row in reading.kept(home).entries] == ["undeclared"]


def test_damage_is_told_with_position_and_size_and_the_rest_is_taken(home):
    good = [frame(message(order), word(home)) for order in range(3)]
    broken = good[1].replace(b'"order_id":1', b'"order_id":8')
    spool_bytes(home, good[0] + broken + b"noise\n" + good[2] + good[0][:20])
    taken = intake.take(home, NOW)
    assert (taken.messages["event"], taken.damages) == (2, 3)
    told = {notice.subject: notice.text for notice in reading.notices(home)}
    assert f"{len(broken)} bytes at position {len(good[0])} " in told["checksum"]
    assert told.keys() == {"checksum", "noise", "torn"}


def test_a_file_with_a_name_that_no_writer_gives_holds_up_nothing(home):
    folder, data = home.settings.spool.folder, frame(message(7), word(home))
    for name in (b"\xff\xfe-00000000-1.spool", b"1-00000000-1" + b"0" * 180 + b".spool", b"notes.spool"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(data)
    spool(home, [1])
    assert intake.take(home, NOW).messages["event"] == 1
    assert len(list(folder.glob("*.spool"))) == 3


def test_messages_that_waited_too_long_are_let_go_and_counted(home):
    consenting.withdraw(home, ["home.header.format"], ACTOR, "security", NOW)
    collect_and_seal(home, [1, 2, 3])
    later = NOW + timedelta(days=home.settings.keep.local_days, minutes=1)
    assert pruning.prune(home, later).blocks == 1
    assert {(row.reason, row.path): row.count for row in reading.withheld(home, now=later)} == {("too-old", "event"): 3}


def test_a_leaf_is_proved_by_its_attempt_page(home):
    collect_and_seal(home, [1])
    finish(home, begin(home), "accepted", receipt="a.b.c", status=200)
    ledger.sign_checkpoint(home, NOW)
    for order in range(5):
        collect_and_seal(home, [order])
    page = reading.attempt(home, 1)
    assert page.inclusion.checkpoint is not None
    tree_root = bytes.fromhex(page.inclusion.root)
    path = [bytes.fromhex(step) for step in page.inclusion.path]
    leaf = bytes.fromhex(page.inclusion.leaf_hash)
    ledger.tree.verify_inclusion(leaf, page.inclusion.position, page.inclusion.size, path, tree_root)
    assert ledger.sign_checkpoint(home, NOW) is not None
    assert ledger.sign_checkpoint(home, NOW) is None


def test_the_gate_at_the_door_refuses_what_was_switched_since(home):
    collect_and_seal(home, [1])
    generation = batches(home)[0].generation
    body = reading.pending(home).batches[0].body
    text = home.settings.path.read_text()
    home.settings.path.write_text(text.replace('event = "on"', 'event = "local"'))
    with pytest.raises(Refused):
        gate.check(body, rules.current(home), generation, rules.CODEC, now=NOW)
