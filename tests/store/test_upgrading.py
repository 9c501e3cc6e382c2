"""Upgrades of an installation with data: what a release changes is withheld, the rest goes on, and it is asked once."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from audit import gate
from audit.errors import Refused
from diffgram_home import comparing, consenting, facts, migrations, reading, rules, sealing, switching, upgrading
from diffgram_home import releases as opening
from diffgram_home.models import Approval, Value
from diffgram_home.settings import read
from diffgram_home.store import open_store
from tests.store import releases
from tests.store.building import ACTOR, NOW, build, collect_and_seal, message, spool

from tests.store.building import frame, spool_bytes, word, write_files  # isort: skip
from tests.store.test_consent import bodies, leaves, state

LATER = NOW + timedelta(days=1)
REWORDED = {"paid": ("something counted", "something else counted")}
WIDER = {"order_id": ("maximum = 9007199254740991", "maximum = 900719925474099")}
KEPT_LONGER = {"paid": ("retention_days = 30", "retention_days = 90")}
REMOVED = {"paid": ('since = "1.0.0"', 'since = "1.0.0"\nremoved = "2.0.0"')}


class Place:
    """An installation with data from before: batches that went nowhere yet, and everything approved."""

    def __init__(self, folder):
        self.home = build(folder)
        upgrading.look(self.home, NOW)
        collect_and_seal(self.home, [1])

    def upgrade(self, text, now=LATER):
        self.home = releases.upgraded(self.home, text)
        switching.apply(self.home, now)
        upgrading.attend(self.home, now)
        sealing.void_refused(self.home, now)

    def sent_of(self, order, **values):
        """The message of an order that was collected now, as it would leave; None if it would not."""
        home = self.home
        spool_bytes(home, frame({**message(order), **values}, word(home)))
        collect_and_seal(home, [])
        lines = [json.loads(line) for body in bodies(home) for line in body.splitlines()[1:]]
        return next((line for line in lines if line.get("order_id", order) == order), None)

    def notices(self):
        return [(notice.code, notice.count) for notice in reading.notices(self.home)]


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.home.close()


def test_the_same_release_again_asks_nothing_and_records_nothing(place):
    size = reading.overview(place.home, NOW).proof.size
    place.upgrade(releases.catalogue())
    assert place.notices() == []
    assert reading.overview(place.home, NOW).proof.size == size


def test_an_added_field_is_withheld_until_it_is_approved_and_the_others_go_on(place):
    place.upgrade(releases.catalogue(weight=releases.WEIGHT))
    assert place.sent_of(2, weight=700) == message(2)
    assert place.notices() == [("catalogue-changed", 1)]
    consenting.approve(place.home, ["shop.weight"], ACTOR, "security", "ticket 8", LATER)
    assert place.sent_of(3, weight=700) == {**message(3), "weight": 700}
    assert place.notices() == []


def test_a_widened_field_is_withheld_alone(place):
    place.upgrade(releases.catalogue({"order_id": ('key_column = "order.id"', 'key_column = "order.number"')}))
    sent = place.sent_of(2)
    assert (sent["paid"], "order_id" in sent) == (True, False)
    assert state(place.home, "shop.order_id").state == "changed"


def test_a_renamed_field_is_one_that_goes_and_one_that_waits(place):
    renamed = {"paid": ("[field.paid]", "[field.settled]")}
    place.upgrade(releases.catalogue(renamed))
    assert place.sent_of(2, settled=True) == {key: value for key, value in message(2).items() if key != "paid"}
    (asked,) = leaves(place.home, "release")[0].asks
    assert asked == "shop.settled"


def test_a_removed_field_leaves_no_more_and_asks_nothing(place):
    place.upgrade(releases.catalogue(REMOVED))
    assert "paid" not in place.sent_of(2)
    assert place.notices() == []
    assert state(place.home).state == "removed"


def test_an_edited_explanation_is_withheld_too_and_the_notice_says_that_only_words_changed(place):
    place.upgrade(releases.catalogue(REWORDED))
    assert "paid" not in place.sent_of(2)
    (notice,) = reading.notices(place.home)
    assert "1 only in other words" in notice.text


def test_a_downgrade_brings_back_what_was_approved_and_the_notice_goes(place):
    place.upgrade(releases.catalogue(KEPT_LONGER, weight=releases.WEIGHT))
    assert place.notices() == [("catalogue-changed", 1)]
    place.upgrade(releases.catalogue())
    assert place.notices() == []
    assert place.sent_of(2) == message(2)
    assert [len(leaf.asks) for leaf in leaves(place.home, "release")] == [2, 0]


def test_two_releases_at_once_are_compared_with_what_was_approved(place):
    both = {"paid": (KEPT_LONGER["paid"][0], KEPT_LONGER["paid"][1])}
    text = releases.catalogue(both, weight=releases.WEIGHT).replace("something counted", "something else counted")
    place.upgrade(text)
    assert place.notices() == [("catalogue-changed", 1)]
    with place.home.store.read() as session:
        asked = facts.get(session, "undecided")
    assert asked["shop.paid"][1] is True
    assert asked["shop.weight"][1] is True
    assert asked["shop.at"][1] is False


def test_a_second_release_that_only_edits_words_does_not_hide_that_the_first_was_material(place):
    place.upgrade(releases.catalogue(KEPT_LONGER))
    second = releases.catalogue(KEPT_LONGER).replace("something counted", "something else counted")
    place.upgrade(second, LATER + timedelta(days=1))
    with place.home.store.read() as session:
        assert facts.get(session, "undecided")["shop.paid"][1] is True
    assert place.notices() == [("catalogue-changed", 1)]


def test_who_declined_is_not_asked_again_until_the_definition_changes(place):
    added = releases.catalogue(weight=releases.WEIGHT)
    place.upgrade(added)
    consenting.decline(place.home, ["shop.weight"], ACTOR, "security", "no need", LATER)
    assert place.notices() == []
    place.upgrade(releases.catalogue())
    place.upgrade(added)
    assert place.notices() == []
    assert state(place.home, "shop.weight").state == "declined"
    place.upgrade(releases.catalogue(weight=releases.WEIGHT.replace("1000", "2000")))
    assert place.notices() == [("catalogue-changed", 1)]
    assert state(place.home, "shop.weight").undecided


def test_what_was_withdrawn_is_not_asked_again_by_another_release(place):
    consenting.withdraw(place.home, ["shop.paid"], ACTOR, "security", NOW)
    place.upgrade(releases.catalogue(weight=releases.WEIGHT))
    assert list(leaves(place.home, "release")[0].asks) == ["shop.weight"]


def test_looking_often_tells_and_records_once(place):
    place.upgrade(releases.catalogue(weight=releases.WEIGHT))
    size = reading.overview(place.home, NOW).proof.size
    for minute in range(5):
        upgrading.attend(place.home, LATER + timedelta(minutes=minute))
    assert place.notices() == [("catalogue-changed", 1)]
    assert reading.overview(place.home, NOW).proof.size == size


def test_what_was_sealed_by_the_old_release_is_sealed_again_by_the_new_one(place):
    place.upgrade(releases.catalogue(KEPT_LONGER))
    (body,) = bodies(place.home)
    assert json.loads(body.splitlines()[1]) == {"kind": "shop/order-placed", "at": message(1)["at"], "order_id": 1}
    assert gate.declared(body, place.home.catalogue, place.home.index, rules.CODEC).messages


def test_an_installation_from_before_these_records_asks_once_for_what_nobody_decided(tmp_path):
    home = build(tmp_path, approved=False)
    names = [field.name for field in reading.fields(home) if field.undecided and field.name != "shop.paid"]
    consenting.approve(home, names, ACTOR, "security", "the board", NOW)
    with home.store.write() as session:
        for fact in ("catalogue", "definitions", "undecided", "fields", "policy"):
            session.delete(session.get(Value, fact)) if session.get(Value, fact) else None
    upgrading.attend(home, NOW)
    upgrading.attend(home, LATER)
    assert [(notice.code, notice.count) for notice in reading.notices(home)] == [("catalogue-changed", 1)]
    home.close()


STOP = '\n[policy]\non_material_change = "stop"\n'


@pytest.fixture
def strict(place):
    path = place.home.settings.path
    path.write_text(path.read_text() + STOP)
    switching.apply(place.home, NOW)
    return place


def test_with_the_policy_stop_nothing_leaves_after_a_material_change_until_somebody_decided(strict):
    strict.upgrade(releases.catalogue(weight=releases.WEIGHT))
    assert strict.notices() == [("sending-stopped", 1)]
    spool(strict.home, [2])
    assert collect_and_seal(strict.home, []) == []
    assert reading.pending(strict.home).not_sealed == {"event": 1}, "it is collected, and nothing is given up"
    assert reading.pending(strict.home).stopped
    held = rules.current(strict.home, LATER)
    with pytest.raises(Refused) as refused:
        gate.seal((), gate.Header(strict.home.installation, "event", 9, LATER, 0, "0" * 64, "mode"), held, rules.CODEC)
    assert refused.value.code == "stopped"
    consenting.decline(strict.home, ["shop.weight"], ACTOR, "security", "no need", LATER)
    assert strict.notices() == []
    assert strict.sent_of(3) == message(3)


def test_the_gate_holds_a_batch_that_was_sealed_before_the_release_came(strict):
    (body,) = bodies(strict.home)
    with strict.home.store.write() as session:
        facts.put(session, "undecided", {"shop.paid": ["0" * 64, True]})
    with pytest.raises(Refused) as refused:
        gate.check(body, rules.current(strict.home, NOW), 10, rules.CODEC, now=NOW)
    assert refused.value.code == "stopped"


def test_with_the_policy_stop_words_alone_stop_nothing(strict):
    strict.upgrade(releases.catalogue(REWORDED))
    assert strict.notices() == [("catalogue-changed", 1)]
    assert strict.sent_of(2)["order_id"] == 2


def test_between_the_start_of_a_release_and_the_first_look_nothing_leaves(strict):
    strict.home = releases.upgraded(strict.home, releases.catalogue(weight=releases.WEIGHT))
    assert rules.current(strict.home, LATER).consent.stopped
    upgrading.look(strict.home, LATER)
    assert rules.current(strict.home, LATER).consent.stopped


def test_a_policy_that_is_taken_back_lets_the_rest_go_on_and_is_recorded_as_the_files_owner(strict):
    strict.upgrade(releases.catalogue(weight=releases.WEIGHT))
    path = strict.home.settings.path
    path.write_text(path.read_text().replace('"stop"', '"withhold"'))
    assert rules.current(strict.home, LATER).consent.stopped, "the file widens only when it was recorded"
    switching.apply(strict.home, LATER)
    assert not rules.current(strict.home, LATER).consent.stopped
    assert strict.notices() == [("catalogue-changed", 1)]
    change = reading.history(strict.home, limit=1)[0]
    assert (change.what, change.before, change.after) == ("policy", "stop", "withhold")


def test_a_policy_of_stop_in_the_file_holds_before_it_is_recorded(place):
    place.upgrade(releases.catalogue(weight=releases.WEIGHT))
    path = place.home.settings.path
    path.write_text(path.read_text() + STOP)
    assert rules.current(place.home, LATER).consent.stopped


def allowing(place, text):
    """Name the definition of shop.weight in the next catalogue under [policy] allow; returns its hash."""
    new = releases.written(place.home.settings.path.parent, text)
    digest = _next(place, new).fields["shop.weight"].hash
    path = place.home.settings.path
    path.write_text(path.read_text() + f'\n[policy]\nallow = ["{digest}"]\n')
    switching.apply(place.home, NOW)
    return digest


def _next(place, path):
    return opening.read(place.home.settings, [path])


def test_a_definition_that_only_the_file_allows_is_not_approved(place):
    text = releases.catalogue(weight=releases.WEIGHT)
    allowing(place, text)
    place.upgrade(text)
    assert place.sent_of(2, weight=700) == message(2)
    assert place.notices() == [("catalogue-changed", 1)]


def test_a_definition_that_the_file_names_and_the_role_security_recorded_is_approved_when_it_appears(place):
    text = releases.catalogue(weight=releases.WEIGHT)
    digest = allowing(place, text)
    done = consenting.allow(place.home, "account:ann", "security", "standing order 3", NOW)
    assert done == consenting.Allowed((digest,), ())
    place.upgrade(text)
    assert place.notices() == []
    assert place.sent_of(2, weight=700) == {**message(2), "weight": 700}
    (decision,) = [leaf for leaf in leaves(place.home, "decision") if leaf.source == "policy"]
    assert decision.authority == "allowed beforehand by account:ann on 2026-11-21: standing order 3"
    (allowance,) = leaves(place.home, "allowance")
    assert (allowance.actor, allowance.definitions) == ("account:ann", [digest])


def test_a_definition_that_the_file_names_no_more_is_not_approved_when_it_appears(place):
    text = releases.catalogue(weight=releases.WEIGHT)
    digest = allowing(place, text)
    consenting.allow(place.home, "account:ann", "security", "standing order 3", NOW)
    path = place.home.settings.path
    path.write_text(path.read_text().replace(f'allow = ["{digest}"]', "allow = []"))
    switching.apply(place.home, NOW)
    path.write_text(path.read_text().replace("allow = []", f'allow = ["{digest}"]'))
    switching.apply(place.home, NOW)
    place.upgrade(text)
    assert place.notices() == [("catalogue-changed", 1)], "named again, it has to be recorded again"
    done = consenting.allow(place.home, "account:ann", "security", "standing order 4", LATER)
    assert done.names == ("shop.weight",)
    assert place.notices() == []


def test_a_policy_undoes_no_withdrawal_and_no_decline(place):
    path = place.home.settings.path
    paid = place.home.catalogue.fields["shop.paid"].hash
    path.write_text(path.read_text() + f'\n[policy]\nallow = ["{paid}"]\n')
    switching.apply(place.home, NOW)
    consenting.withdraw(place.home, ["shop.paid"], ACTOR, "security", NOW)
    assert consenting.allow(place.home, ACTOR, "security", "standing order", NOW).names == ()
    place.upgrade(releases.catalogue(KEPT_LONGER))
    place.upgrade(releases.catalogue())
    assert "paid" not in place.sent_of(2)


def compared(place, text):
    new = releases.written(place.home.settings.path.parent, text)
    with place.home.store.read() as session:
        decided = comparing.basis(session, NOW)
    return {asked.name: asked for asked in comparing.release(_next(place, new), place.home.catalogue, decided)}


@pytest.mark.parametrize(
    ("text", "name", "how", "stops"),
    [
        (releases.catalogue(weight=releases.WEIGHT), "shop.weight", ("added",), True),
        (releases.catalogue({"order_id": ("order.id", "order.number")}), "shop.order_id", ("other meaning",), True),
        (releases.catalogue(WIDER), "shop.order_id", ("narrowed",), True),
        (releases.catalogue(KEPT_LONGER), "shop.paid", ("longer kept",), True),
        (releases.catalogue({"paid": ('["improve"]', '["billing"]')}), "shop.paid", ("other purpose",), True),
        (releases.catalogue(REMOVED), "shop.paid", ("removed",), False),
        (releases.catalogue(REWORDED), "shop.paid", ("editorial",), False),
    ],
)
def test_a_release_is_compared_before_it_is_installed(place, text, name, how, stops):
    (asked,) = compared(place, text).values()
    assert (asked.name, asked.aspects, asked.stops) == (name, how, stops)


def test_a_renamed_field_is_shown_as_one(place):
    found = compared(place, releases.catalogue({"paid": ("[field.paid]", "[field.settled]")}))
    assert (found["shop.paid"].what, found["shop.settled"].renamed) == ("removed", "shop.paid")


def test_what_was_declined_stops_no_pipeline(place):
    added = releases.catalogue(weight=releases.WEIGHT)
    place.upgrade(added)
    consenting.decline(place.home, ["shop.weight"], ACTOR, "security", "no need", LATER)
    place.upgrade(releases.catalogue())
    found = compared(place, added)["shop.weight"]
    assert (found.decision, found.stops) == ("declined", False)


def test_what_was_never_approved_here_is_compared_with_nothing(place):
    consenting.withdraw(place.home, ["shop.paid"], ACTOR, "security", NOW)
    found = compared(place, releases.catalogue(REWORDED))["shop.paid"]
    assert (found.what, found.stops) == ("added", True)


def test_a_filled_database_of_the_first_release_is_brought_up_and_what_was_approved_stays(tmp_path):
    path = write_files(tmp_path)
    store = open_store(read(path, {}).database_url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with store.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        values = ("shop.paid", "ab" * 32, ACTOR, "security", "the board", "2026-11-01 10:00:00.000000")
        session.connection().exec_driver_sql(
            "INSERT INTO approval (field, hash, actor, role, authority, at) VALUES (?, ?, ?, ?, ?, ?)", values
        )
    store.close()
    home = build(tmp_path, approved=False)
    with home.store.read() as session:
        assert rules.consent_now(session, NOW).approved == {"shop.paid": frozenset({"ab" * 32})}
    upgrading.attend(home, NOW)
    assert state(home).state == "changed"
    with home.store.read() as session:
        assert facts.get(session, "undecided")["shop.paid"][1] is True, "what was approved is not known in words"
    home.close()


def test_a_release_that_asks_about_what_wraps_every_batch_is_told_once_with_what_to_do(place):
    home = place.home
    wrapped = next(field.name for field in home.catalogue.wrapping())
    with home.store.write() as session:
        facts.put(session, "catalogue", "0" * 64)
        known = facts.get(session, "definitions")
        facts.put(session, "definitions", known | {wrapped: "0" * 64})
        row = session.query(Approval).filter_by(field=wrapped).one()
        row.hash = "0" * 64
    upgrading.look(home, LATER)
    collect_and_seal(home, [2])
    (notice,) = reading.notices(home)
    assert notice.code == "catalogue-changed"
    assert "some go around every batch, so nothing leaves until you decide" in notice.text
    assert "approve or decline each" in notice.hint
