"""Approval before sending: the file can only ask for more, decisions are of very bytes, time ends, tables agree."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from diffgram_home import (
    approving,
    asking,
    bodies,
    consenting,
    health,
    ledger,
    people,
    queueing,
    reading,
    rules,
    sealing,
    switching,
    verifying,
)
from diffgram_home.approving import ApprovalError
from diffgram_home.errors import PeopleError, SettingsFaults
from diffgram_home.models import Batch, BatchDecision
from tests.store.building import ACTOR, NOW, build, collect_and_seal, orders_in

ANN, BOB, CAT = "person:1", "person:2", "person:3"
PASSWORD = "correct horse battery"
HOUR = timedelta(hours=1)


@pytest.fixture
def asked(tmp_path):
    """An installation whose case `event` asks for two people; ann, bob and cat have accounts, cat's was made by ann."""
    opened = build(tmp_path, more='[approval]\nevent = "two"\n')
    for name, maker in (("ann", ACTOR), ("bob", ACTOR), ("cat", ANN)):
        people.add(opened, name, PASSWORD, ["admin", "security"], maker, NOW)
    yield opened
    opened.close()


def edit(home, old, new):
    text = home.settings.path.read_text()
    assert old in text
    home.settings.path.write_text(text.replace(old, new))


def asks(home, case="event"):
    return next(rule.asks for rule in queueing.ruled(home) if rule.case == case)


def approve(home, sha256, actor, now=NOW):
    return approving.approve(home, [sha256], actor, "security", now)[0].enough


def one_batch(home, orders=(1, 2)):
    (made,) = collect_and_seal(home, orders)
    return made.sha256


def may_go(home, sha256):
    return sha256 in rules.current(home, NOW).approvals.approved


def batch(home, sequence=1):
    with home.store.read() as session:
        return session.scalars(select(Batch).where(Batch.sequence == sequence)).one()


def leaves(home, kind):
    with home.store.read() as session:
        size = ledger.standing(session).size
        found = [ledger.leaf(session, position) for position in range(size)]
    return [leaf for leaf in found if leaf.type == kind]


def assert_whole(home, now=NOW):
    found = verifying.verify(home, now)
    assert found.holds, found.findings


def test_the_file_can_ask_for_more_at_once_and_is_recorded_as_its_owners(home):
    sha256 = one_batch(home)
    home.settings.path.write_text(home.settings.path.read_text() + '[approval]\nevent = "one"\n')
    assert asks(home) == "one", "before anything was recorded"
    assert not may_go(home, sha256)
    assert "event" in rules.current(home, NOW).approvals.asks
    switching.apply(home, NOW)
    (leaf,) = leaves(home, "approval-rule")
    assert (leaf.from_, leaf.to, leaf.step, leaf.source, leaf.expires_h) == ("none", "one", "set", "file", 72)
    assert leaf.actor == f"os:{home.settings.path.stat().st_uid}"


@pytest.mark.parametrize("level", ["none", "one"])
def test_the_file_cannot_ask_for_less_and_that_is_told_once(asked, level):
    edit(asked, 'event = "two"', f'event = "{level}"')
    for _ in range(3):
        switching.apply(asked, NOW)
    assert asks(asked) == "two"
    assert len(leaves(asked, "approval-rule")) == 1
    (notice,) = [one for one in reading.notices(asked) if one.code == "approval-lowered-in-file"]
    assert "cannot" in notice.text
    edit(asked, f'event = "{level}"', 'event = "two"')
    switching.apply(asked, NOW)
    assert not [one for one in reading.notices(asked) if one.code == "approval-lowered-in-file"]


def test_a_section_that_is_taken_out_of_the_file_lowers_nothing(asked):
    edit(asked, '[approval]\nevent = "two"\n', "")
    switching.apply(asked, NOW)
    assert asks(asked) == "two"


def test_from_two_to_less_takes_two_people_neither_of_whom_made_the_other(asked):
    done = asking.set_level(asked, "event", "none", ANN, "security", NOW)
    assert (done.step, asks(asked)) == ("asked", "two")
    for again in (ANN, CAT, ACTOR):
        with pytest.raises(ApprovalError) as no:
            asking.set_level(asked, "event", "none", again, "security", NOW)
        assert no.value.code == "second-person"
    assert asks(asked) == "two"
    done = asking.set_level(asked, "event", "none", BOB, "security", NOW)
    assert (done.step, done.after, asks(asked)) == ("set", "none", "none")
    assert 'event = "none"' in asked.settings.path.read_text()
    steps = [(leaf.step, leaf.actor, leaf.to) for leaf in leaves(asked, "approval-rule")][1:]
    assert steps == [("asked", ANN, "none"), ("set", BOB, "none")]
    assert_whole(asked)


def test_a_wish_for_less_ends_by_its_time_and_by_keeping_what_is(asked):
    asking.set_level(asked, "event", "one", ANN, "security", NOW)
    late = asking.set_level(asked, "event", "one", BOB, "security", NOW + 73 * HOUR)
    assert late.step == "asked"
    assert asking.set_level(asked, "event", "two", ANN, "security", NOW + 73 * HOUR).step == "kept"
    assert asking.set_level(asked, "event", "one", ANN, "security", NOW + 74 * HOUR).step == "asked"
    assert asks(asked) == "two"


def test_one_person_may_lower_from_one_and_only_the_role_security(home):
    with pytest.raises(PeopleError):
        asking.set_level(home, "event", "one", ACTOR, "admin", NOW)
    assert asking.set_level(home, "event", "one", ACTOR, "security", NOW).step == "set"
    assert asking.set_level(home, "event", "one", ACTOR, "security", NOW).step is None
    assert asking.set_level(home, "event", "none", ACTOR, "security", NOW).after == "none"
    assert asks(home) == "none"


def test_lowering_acts_on_what_waits_and_raising_too(home):
    asking.set_level(home, "event", "one", ACTOR, "security", NOW)
    sha256 = one_batch(home)
    assert approve(home, sha256, ACTOR)
    assert may_go(home, sha256)
    asking.set_level(home, "event", "two", ACTOR, "security", NOW)
    assert not may_go(home, sha256)
    assert batch(home).state == "queued"


def test_two_accounts_are_enough_and_each_counts_once(asked):
    sha256 = one_batch(asked)
    assert not approve(asked, sha256, ANN)
    assert not approve(asked, sha256, ANN)
    assert not approve(asked, sha256, ACTOR)
    assert not approve(asked, sha256, CAT), "ann made cat's account"
    assert not may_go(asked, sha256)
    assert approve(asked, sha256, BOB)
    assert may_go(asked, sha256)
    decided = leaves(asked, "batch-decision")
    assert [(leaf.actor, leaf.decision, leaf.sha256) for leaf in decided] == [
        (actor, "approved", sha256) for actor in (ANN, ACTOR, CAT, BOB)
    ]
    assert_whole(asked)


def test_whoever_set_anothers_password_is_no_second_person_beside_it(asked):
    sha256 = one_batch(asked)
    approve(asked, sha256, ANN)
    assert approve(asked, sha256, BOB)
    people.set_password(asked, "bob", PASSWORD + "!", ANN, NOW)
    assert not may_go(asked, sha256)
    people.set_password(asked, "bob", PASSWORD + "?", BOB, NOW)
    assert not may_go(asked, sha256), "that bob changed it afterwards does not make it two people again"


def test_whose_approval_would_count_is_told_beside_all_who_approved(asked):
    people.add(asked, "dan", PASSWORD, ["security"], ANN, NOW)
    sha256 = one_batch(asked)
    assert queueing.counts_with(asked, sha256, ANN)
    assert not queueing.counts_with(asked, sha256, ACTOR)
    assert not approve(asked, sha256, ANN)
    assert not approve(asked, sha256, CAT)
    assert not queueing.counts_with(asked, sha256, CAT)
    assert queueing.counts_with(asked, sha256, "person:4"), "ann made both, but cat and dan are two"
    assert approve(asked, sha256, "person:4")


@pytest.mark.parametrize("role", ["admin", "operator", "viewer"])
def test_only_the_role_security_decides(asked, role):
    sha256 = one_batch(asked)
    with pytest.raises(PeopleError):
        approving.approve(asked, [sha256], ANN, role, NOW)
    with pytest.raises(PeopleError):
        approving.refuse(asked, sha256, ANN, role, "other", NOW)
    assert leaves(asked, "batch-decision") == []


def test_several_are_approved_together_or_none_of_them(asked):
    sha256 = one_batch(asked)
    with pytest.raises(ApprovalError) as no:
        approving.approve(asked, [sha256, "0" * 64], ANN, "security", NOW)
    assert no.value.code == "not-waiting"
    assert leaves(asked, "batch-decision") == []


def test_a_case_that_asks_for_nothing_has_nothing_to_approve(home):
    with pytest.raises(ApprovalError) as no:
        approve(home, one_batch(home), ANN)
    assert no.value.code == "not-asked"


def test_refusing_voids_at_once_seals_nothing_again_and_shows_the_voids_bytes(asked):
    sha256 = one_batch(asked)
    approve(asked, sha256, ANN)
    done = approving.refuse(asked, sha256, BOB, "security", "personal", NOW, note="Dr. Grün: too much")
    assert done.void is not None
    assert (orders_in(done.void), done.void_sha256) == ([], batch(asked).sha256)
    assert b"personal" not in done.void
    assert b"bob" not in done.void
    assert batch(asked).state == "voiding"
    assert not may_go(asked, sha256)
    assert sealing.seal_waiting(asked, NOW) == []
    leaf = leaves(asked, "batch-decision")[-1]
    assert (leaf.decision, leaf.reason, leaf.note, leaf.actor) == ("refused", "personal", "Dr. Grün: too much", BOB)
    shown = queueing.one(asked, sha256, NOW)
    assert (shown.void, [entry.decision for entry in shown.decisions]) == (done.void, ["approved", "refused"])
    with pytest.raises(ApprovalError):
        approve(asked, sha256, CAT)
    assert_whole(asked)


@pytest.mark.parametrize(("reason", "note", "error"), [("because", "", ValueError), ("other", "a\nb", ApprovalError)])
def test_a_reason_is_of_the_list_and_a_note_is_one_line(asked, reason, note, error):
    sha256 = one_batch(asked)
    with pytest.raises(error):
        approving.refuse(asked, sha256, ANN, "security", reason, NOW, note=note)
    assert batch(asked).state == "queued"


def test_a_refused_batch_that_cannot_be_voided_yet_is_never_approved_and_is_voided_later(asked):
    sha256 = one_batch(asked)
    wrapping = [field.name for field in asked.catalogue.wrapping()]
    consenting.withdraw(asked, wrapping, ACTOR, "security", NOW)
    assert approving.refuse(asked, sha256, ANN, "security", "other", NOW).void is None
    with pytest.raises(ApprovalError):
        approve(asked, sha256, BOB)
    assert approving.attend(asked, NOW) == 0
    consenting.approve(asked, wrapping, ACTOR, "security", "the board", NOW)
    assert not may_go(asked, sha256)
    assert approving.attend(asked, NOW) == 1
    assert batch(asked).state == "voiding"
    assert [leaf.decision for leaf in leaves(asked, "batch-decision")] == ["refused"]


def test_what_nobody_approves_in_time_is_told_beforehand_voided_and_told_after(asked):
    sha256 = one_batch(asked)
    approving.attend(asked, NOW)
    assert codes(asked) == {"batches-wait"}
    approve(asked, sha256, ANN)
    approving.attend(asked, NOW + 55 * HOUR)
    assert codes(asked) == {"batches-wait", "batches-expire-soon"}
    assert approving.attend(asked, NOW + 72 * HOUR - timedelta(seconds=1)) == 0
    assert approving.attend(asked, NOW + 72 * HOUR) == 1
    assert codes(asked) == {"batches-expired"}
    assert batch(asked).state == "voiding"
    leaf = leaves(asked, "batch-decision")[-1]
    assert (leaf.decision, leaf.actor, leaf.role, leaf.sha256) == ("expired", "home", None, sha256)
    with pytest.raises(ApprovalError):
        approve(asked, sha256, BOB, NOW + 72 * HOUR)
    assert approving.attend(asked, NOW + 73 * HOUR) == 0
    assert_whole(asked, NOW + 73 * HOUR)


def codes(home):
    return {notice.code for notice in reading.notices(home) if notice.code.startswith("batches")}


def test_what_is_approved_does_not_expire_and_what_waits_is_in_check(asked):
    sha256 = one_batch(asked)
    approving.attend(asked, NOW)
    found = health.findings(health.gather(asked, NOW))
    assert [(one.level, one.code) for one in found if one.code == "batches-wait"] == [("notice", "batches-wait")]
    approve(asked, sha256, ANN)
    approve(asked, sha256, BOB)
    assert codes(asked) == set()
    assert approving.attend(asked, NOW + 1000 * HOUR) == 0
    assert may_go(asked, sha256)


def test_time_counts_from_when_the_case_began_to_ask(home):
    one_batch(home)
    asking.set_level(home, "event", "one", ACTOR, "security", NOW + 100 * HOUR)
    assert approving.attend(home, NOW + 171 * HOUR) == 0
    assert approving.attend(home, NOW + 172 * HOUR) == 1


def test_another_time_limit_is_recorded_and_holds(asked):
    edit(asked, 'event = "two"', 'event = "two"\nexpires_h = 5')
    switching.apply(asked, NOW)
    assert [(leaf.from_, leaf.to, leaf.expires_h) for leaf in leaves(asked, "approval-rule")][-1] == ("two", "two", 5)
    one_batch(asked)
    assert approving.attend(asked, NOW + 5 * HOUR) == 1


def test_sealed_again_it_has_other_bytes_which_nobody_approved(asked):
    sha256 = one_batch(asked)
    approve(asked, sha256, ANN)
    approve(asked, sha256, BOB)
    assert consenting.withdraw(asked, ["shop.paid"], ACTOR, "security", NOW).voided == 1
    assert batch(asked).state == "voiding"
    again = batch(asked, 2)
    with asked.store.read() as session:
        assert orders_in(bodies.get(session, again.sha256)) == [1, 2]
    assert (again.state, may_go(asked, again.sha256), may_go(asked, sha256)) == ("queued", False, False)


def test_while_one_waits_the_next_is_sealed_only_when_it_is_full(tmp_path):
    home = build(tmp_path, more='[sending]\nbatch_messages = 3\n[approval]\nevent = "one"\n')
    first = one_batch(home)
    assert collect_and_seal(home, [3, 4]) == []
    assert [made.messages for made in collect_and_seal(home, [5])] == [3]
    assert collect_and_seal(home, [6]) == []
    for sha256 in (first, batch(home, 2).sha256):
        approve(home, sha256, ANN)
    assert [made.messages for made in sealing.seal_waiting(home, NOW)] == [1]
    home.close()


def test_an_unreadable_file_voids_nothing_and_forgets_nothing(asked):
    one_batch(asked)
    asked.settings.path.write_text("[")
    assert approving.attend(asked, NOW + 1000 * HOUR) == 0
    assert asks(asked) == "two"
    assert batch(asked).state == "queued"


def test_a_wrong_level_stops_the_start_with_its_key(tmp_path):
    with pytest.raises(SettingsFaults) as no:
        build(tmp_path, more='[approval]\nevent = "three"\nexpires_h = 0\nsupprt = "one"\n')
    assert [fault.key for fault in no.value.faults] == ["approval.event", "approval.expires_h", "approval.supprt"]


@pytest.mark.parametrize("planted", ["row", "level"])
def test_verify_finds_what_somebody_wrote_into_the_tables(asked, planted):
    sha256 = one_batch(asked)
    approve(asked, sha256, ANN)
    assert_whole(asked)
    with asked.store.write() as session:
        if planted == "row":
            row = session.scalars(select(BatchDecision)).one()
            more = {"actor": BOB, "decision": "approved", "role": "security", "at": NOW, "leaf": row.leaf}
            session.add(BatchDecision(sha256=sha256, case="event", sequence=1, **more))
        else:
            session.execute(text("UPDATE value SET data = replace(data, '\"two\"', '\"one\"') WHERE name = 'approval'"))
    found = verifying.verify(asked, NOW)
    assert not found.holds
    assert any("the ledger" in finding.message for finding in found.findings)


def test_consent_that_is_given_voids_at_once_what_may_not_go_any_more(home):
    """While the header is withheld not even a void may leave; once it may, Pending shows the void before it goes."""
    one_batch(home)
    wrapping = [field.name for field in home.catalogue.wrapping()]
    consenting.withdraw(home, wrapping, ACTOR, "security", NOW)
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert batch(home).state == "queued"
    assert consenting.approve(home, wrapping, ACTOR, "security", "the board", NOW).voided == 1
    assert batch(home).state == "voiding"


def test_a_policy_that_stops_no_more_voids_at_once_what_may_not_go_any_more(home):
    one_batch(home)
    home.settings.path.write_text(home.settings.path.read_text() + '[policy]\non_material_change = "stop"\n')
    switching.apply(home, NOW)
    with home.store.write() as session:
        session.execute(text("DELETE FROM value WHERE name = 'catalogue'"))  # as if another release were looked at last
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert batch(home).state == "queued"
    edit(home, '"stop"', '"withhold"')
    assert switching.apply(home, NOW).voided == 1
    assert batch(home).state == "voiding"
