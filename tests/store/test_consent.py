"""Decisions about single fields: approved until a date, declined, withdrawn, switched off; each in the ledger."""

import json
import stat
from datetime import timedelta

import pytest

from audit import gate, modes
from audit.errors import Refused
from audit.record import Consent, Decision, Switch, parse
from diffgram_home import consenting, ledger, reading, rules, sealing, switching, upgrading
from diffgram_home.errors import PeopleError, SettingsFaults
from diffgram_home.home import open_home
from diffgram_home.models import Leaf
from diffgram_home.settings import read
from tests.store.building import ACTOR, KIND, NOW, build, collect_and_seal, word

PAID = "shop.paid"
DAY = timedelta(days=1)


def state(home, name=PAID, now=NOW):
    return next(field for field in reading.fields(home, now) if field.name == name)


def leaves(home, kind):
    with home.store.read() as session:
        rows = session.query(Leaf).filter(Leaf.type == kind).order_by(Leaf.position)
        return [parse(row.data) for row in rows]


def bodies(home):
    return [row.body for row in reading.pending(home).batches if row.state == "queued"]


def approve(home, names, now=NOW, **more):
    return consenting.approve(home, names, ACTOR, "security", "the board, minute 7", now, **more)


def test_an_approval_ends_at_its_date_and_not_before(home):
    approve(home, [PAID], expires_at=NOW + DAY, renew=True)
    assert state(home).state == "approved"
    assert state(home, now=NOW + DAY - timedelta(seconds=1)).state == "approved"
    assert state(home, now=NOW + DAY).state == "expired"
    assert PAID in rules.current(home, NOW).consent.approved
    assert PAID not in rules.current(home, NOW + DAY).consent.approved
    assert PAID in rules.current(home, NOW).consent.approved, "kept rules are not those of another moment"


def test_what_waits_with_a_field_whose_approval_ended_is_sealed_again_without_it(home):
    approve(home, [PAID], expires_at=NOW + DAY, renew=True)
    collect_and_seal(home, [1])
    assert b"paid" in bodies(home)[0]
    assert upgrading.look_at_dates(home, NOW + DAY) == (PAID,)
    assert [b"paid" in body for body in bodies(home)] == [False]
    (expired,) = [leaf for leaf in leaves(home, "decision") if leaf.decision == "expired"]
    assert (expired.actor, list(expired.fields)) == ("home", [PAID])


def test_a_clock_that_was_set_back_brings_no_ended_approval_back(home):
    approve(home, [PAID], expires_at=NOW + DAY, renew=True)
    upgrading.look_at_dates(home, NOW + DAY)
    assert state(home, now=NOW).state == "expired"
    assert PAID not in rules.current(home, NOW).consent.approved


def test_an_end_is_told_beforehand_once_and_afterwards_until_somebody_decides(home):
    approve(home, [PAID], expires_at=NOW + 30 * DAY, renew=True)
    upgrading.look_at_dates(home, NOW)
    assert reading.notices(home) == ()
    for hour in range(3):
        upgrading.look_at_dates(home, NOW + 20 * DAY + timedelta(hours=hour))
    (notice,) = reading.notices(home)
    assert (notice.code, notice.count) == ("approval-ends", 1)
    assert f"{PAID} after 2026-12-21" in notice.text
    for hour in range(3):
        upgrading.look_at_dates(home, NOW + 30 * DAY + timedelta(hours=hour))
    assert [(notice.code, notice.count) for notice in reading.notices(home)] == [("approval-ended", 1)]
    approve(home, [PAID], NOW + 31 * DAY)
    upgrading.look_at_dates(home, NOW + 31 * DAY)
    assert reading.notices(home) == ()


def test_a_renewal_gives_another_date_or_none_and_an_approval_without_renewal_leaves_it(home):
    approve(home, [PAID], expires_at=NOW + DAY, renew=True)
    assert approve(home, None).names == ()
    assert state(home).expires_at == NOW + DAY
    assert approve(home, [PAID], expires_at=NOW + 2 * DAY, renew=True).names == (PAID,)
    assert state(home).expires_at == NOW + 2 * DAY
    assert approve(home, [PAID], renew=True).names == (PAID,)
    assert state(home).expires_at is None
    with pytest.raises(PeopleError) as error:
        approve(home, [PAID], expires_at=NOW, renew=True)
    assert error.value.code == "date-passed"


def test_a_declined_field_is_not_approved_with_the_others_and_not_counted_as_waiting(tmp_path):
    home = build(tmp_path, approved=False)
    consenting.decline(home, [PAID], ACTOR, "security", "the works council", NOW)
    assert (state(home).state, state(home).declined_by, state(home).authority) == (
        "declined",
        ACTOR,
        "the works council",
    )
    before = reading.overview(home, NOW)
    assert before.undecided == before.unapproved - 1
    assert PAID not in approve(home, None).names
    after = reading.overview(home, NOW)
    assert (after.undecided, after.unapproved) == (0, 1)
    assert approve(home, [PAID]).names == (PAID,), "by its name it can be approved after all"
    assert state(home).state == "approved"
    home.close()


def test_declining_what_was_approved_ends_that_and_voids_what_waits(home):
    collect_and_seal(home, [1])
    assert consenting.decline(home, [PAID], ACTOR, "security", "no", NOW).voided == 1
    assert [b"paid" in body for body in bodies(home)] == [False]
    assert state(home).state == "declined"
    assert consenting.decline(home, [PAID], ACTOR, "security", "no", NOW).names == ()


def test_only_the_role_security_declines_or_allows_beforehand(home):
    for decide in (
        lambda: consenting.decline(home, [PAID], ACTOR, "admin", "me", NOW),
        lambda: consenting.allow(home, ACTOR, "admin", "me", NOW),
    ):
        with pytest.raises(PeopleError) as error:
            decide()
        assert error.value.code == "role-missing"


def test_every_decision_is_a_record_with_actor_role_authority_date_and_definition(home):
    approve(home, [PAID], expires_at=NOW + DAY, renew=True)
    consenting.decline(home, [PAID], "account:ann", "security", "the works council", NOW)
    approved, declined = leaves(home, "decision")[-2:]
    assert isinstance(approved, Decision)
    assert (approved.actor, approved.role, approved.authority) == (ACTOR, "security", "the board, minute 7")
    assert (approved.expires, approved.fields) == ("2026-11-22T14:01:05Z", {PAID: state(home).hash})
    assert (declined.actor, declined.decision) == ("account:ann", "declined")
    told = [(change.what, change.actor, change.after) for change in reading.history(home, limit=2)]
    assert told == [("consent", "account:ann", "declined"), ("consent", ACTOR, "approved")]


def test_a_ledger_with_the_consent_records_of_earlier_releases_still_reads(home):
    entry = Consent(
        actor=ACTOR, at="2026-11-21T14:01:05Z", authority="", decision="approved", fields={PAID: "a" * 64},
        role="security",
    )  # fmt: skip
    with home.store.write() as session:
        ledger.append(session, entry)
    assert reading.history(home, limit=1)[0].what == "consent"


def test_a_field_that_is_off_is_dropped_and_the_others_go_on(home):
    done = switching.set_fields(home, [PAID], "off", "account:a.okafor", NOW)
    assert [(c.field, c.before, c.after) for c in done.fields] == [(PAID, "on", "off")]
    collect_and_seal(home, [1])
    (body,) = bodies(home)
    message = json.loads(body.splitlines()[1])
    assert message == {"kind": KIND, "at": "2026-11-21T14:00:59Z", "order_id": 1}
    assert [(row.reason, row.path) for row in reading.withheld(home, now=NOW)] == [("field-off", PAID)]
    assert (state(home).state, state(home).off) == ("approved", True)


def test_what_waits_with_the_field_is_voided_and_sealed_again_without_it(home):
    collect_and_seal(home, [1])
    assert switching.set_fields(home, [PAID], "off", ACTOR, NOW).voided == 1
    assert [b"paid" in body for body in bodies(home)] == [False]


def test_the_gate_refuses_bytes_with_a_field_that_was_switched_off_since(home):
    collect_and_seal(home, [1])
    body = bodies(home)[0]
    text = home.settings.path.read_text()
    home.settings.path.write_text(text + f'[fields]\n"{PAID}" = "off"\n')
    with pytest.raises(Refused) as refused:
        gate.check(body, rules.current(home, NOW), 10, rules.CODEC, now=NOW)
    assert refused.value.code == "field-off"


def test_the_file_narrows_a_field_at_once_and_widens_only_when_it_was_recorded(home):
    plain = home.settings.path.read_text()
    home.settings.path.write_text(plain + f'[fields]  # agreed with the council\n"{PAID}" = "off"\n')
    assert rules.current(home, NOW).consent.off == {PAID}
    switching.apply(home, NOW)
    home.settings.path.write_text(plain)
    assert rules.current(home, NOW).consent.off == {PAID}
    switching.apply(home, NOW)
    assert rules.current(home, NOW).consent.off == frozenset()
    moves = [(leaf.field, leaf.from_, leaf.to, leaf.source) for leaf in leaves(home, "switch")]
    assert moves == [(PAID, "on", "off", "file"), (PAID, "off", "on", "file")]


def test_on_in_the_file_approves_nothing(tmp_path):
    home = build(tmp_path, approved=False, more=f'[fields]\n"{PAID}" = "on"\n')
    assert state(home).state == "new"
    assert not rules.current(home, NOW).consent.allows(home.catalogue.fields[PAID])
    home.close()


def test_a_switch_of_a_field_keeps_every_comment_and_is_recorded_with_its_actor(home):
    home.settings.path.write_text(home.settings.path.read_text() + f'\n[fields]\n"{PAID}" = "on"  # asked by ann\n')
    switching.apply(home, NOW)
    home.settings.path.chmod(0o640)
    switching.set_fields(home, [PAID], "off", "account:a.okafor", NOW)
    text = home.settings.path.read_text()
    assert f'"{PAID}" = "off"  # asked by ann' in text
    assert "# the installation of the tests" in text
    assert stat.S_IMODE(home.settings.path.stat().st_mode) == 0o640
    (leaf,) = leaves(home, "switch")
    assert isinstance(leaf, Switch)
    assert (leaf.actor, leaf.source, leaf.to) == ("account:a.okafor", "person", "off")
    change = reading.history(home, limit=1)[0]
    assert (change.what, change.subject, change.before, change.after) == ("field", PAID, "on", "off")


def test_switching_one_field_off_holds_up_no_message_that_was_collected_before(home):
    collect_and_seal(home, [1])
    switching.set_fields(home, [PAID], "off", ACTOR, NOW)
    switching.set_fields(home, [PAID], "on", ACTOR, NOW)
    assert [json.loads(body.splitlines()[1])["order_id"] for body in bodies(home)] == [1]


def test_a_message_without_its_time_does_not_leave(home):
    switching.set_fields(home, ["shop.at"], "off", ACTOR, NOW)
    assert collect_and_seal(home, [1]) == []


def test_a_header_field_that_is_off_lets_nothing_leave_at_all(home):
    switching.set_fields(home, ["home.header.sequence"], "off", ACTOR, NOW)
    assert collect_and_seal(home, [1]) == []
    assert reading.pending(home).approval_missing


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ('[fields]\n"shop.payed" = "off"\n', "field-unknown"),
        ('[fields]\n"shop.paid" = "local"\n', "setting-value"),
        ('[fields]\n"shop.paid" = false\n', "setting-type"),
        ('[policy]\non_material_change = "ignore"\n', "setting-value"),
        ('[policy]\nallow = ["abc"]\n', "setting-value"),
        ('[policy]\nallow = "abc"\n', "setting-type"),
        ("[policy]\nallows = []\n", "setting-unknown"),
    ],
)
def test_a_switch_or_a_policy_that_means_nothing_is_a_fault_and_all_is_off(home, more, code):
    home.settings.path.write_text(home.settings.path.read_text() + more)
    assert switching.apply(home, NOW).readable is False
    with pytest.raises(SettingsFaults) as faults:
        open_home(read(home.settings.path, {}))
    assert [fault.code for fault in faults.value.faults] == [code]


def test_a_field_that_is_none_cannot_be_switched_and_the_file_stays(home):
    before = home.settings.path.read_bytes()
    for names, mode in ((["shop.none"], "off"), ([PAID], "local")):
        with pytest.raises(ValueError, match=r"no field|cannot be"):
            switching.set_fields(home, names, mode, ACTOR, NOW)
    assert home.settings.path.read_bytes() == before


def test_sealing_again_after_a_decision_uses_no_number_twice(home):
    collect_and_seal(home, [1])
    switching.set_fields(home, [PAID], "off", ACTOR, NOW)
    consenting.withdraw(home, ["shop.order_id"], ACTOR, "security", NOW)
    sealing.seal_waiting(home, NOW)
    numbers = [row.sequence for row in reading.pending(home).batches]
    assert numbers == sorted(set(numbers))


def test_products_learn_of_a_field_before_the_change_is_recorded_and_after_it_was_taken_back(home):
    path = home.settings.spool.folder / "modes"
    switch = word(home)
    switching.set_fields(home, [PAID], "off", ACTOR, NOW)
    assert modes.fields_off(path.read_bytes()) == {PAID}
    assert word(home) == switch, "the position of the kind's own switch stays"
    inode = path.stat().st_ino
    switching.apply(home, NOW)
    assert path.stat().st_ino == inode, "applying again replaces nothing"
    switching.set_fields(home, [PAID], "on", ACTOR, NOW)
    assert modes.fields_off(path.read_bytes()) == frozenset()


@pytest.mark.parametrize("authority", ["the board\x07", "a\x00b", "x" * 501, "\udcff", "line\nline"])
def test_an_authority_that_no_record_could_hold_is_told_before_anything_changes(home, authority):
    before = len(leaves(home, "decision"))
    for act in (consenting.approve, consenting.decline):
        with pytest.raises(PeopleError, match="cannot be recorded as it is"):
            act(
                home,
                [PAID],
                ACTOR,
                "security",
                authority,
                NOW,
                **({"renew": True} if act is consenting.approve else {}),
            )
    assert len(leaves(home, "decision")) == before
