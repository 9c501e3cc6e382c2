"""Modes: the file is the customer's, changes are recorded, unreadable means off, products learn at once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from audit import modes
from diffgram_home import consenting, reading, rules, sealing, settings, switching
from diffgram_home.errors import PeopleError, SettingsFaults, StoreError
from tests.store.building import ACTOR, KIND, NOW, OTHER_KIND, build, collect_and_seal, word
from tests.store.test_path import queued_orders


def switch(home, kind=KIND):
    return modes.from_word(word(home, kind))


def edit(home, old, new):
    text = home.settings.path.read_text()
    assert old in text
    home.settings.path.write_text(text.replace(old, new))


def test_a_change_by_the_pages_keeps_every_comment_and_the_mode_of_the_file(home):
    path = home.settings.path
    path.chmod(0o640)
    switching.set_mode(home, "event", None, "local", "account:a.okafor", NOW)
    switching.set_mode(home, "event", KIND, "off", "account:a.okafor", NOW)
    text = path.read_text()
    assert "# the installation of the tests" in text
    assert 'event = "local"  # what the tests switch' in text
    assert f'"{KIND}" = "off"' in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_change_is_told_to_products_and_recorded_with_its_actor(home):
    before = switch(home)
    done = switching.set_mode(home, "event", None, "local", "account:a.okafor", NOW)
    assert [(c.before, c.after) for c in done.changes] == [("on", "local")]
    assert switch(home) == modes.Switch("local", before.generation + 1)
    change = reading.history(home, limit=1)[0]
    assert (change.actor, change.subject, change.before, change.after) == ("account:a.okafor", "event", "on", "local")


def test_a_change_in_the_file_by_hand_is_recorded_as_its_owners(home):
    edit(home, 'event = "on"', 'event = "off"')
    switching.apply(home, NOW)
    change = reading.history(home, limit=1)[0]
    assert (change.actor, change.after) == (f"os:{os.stat(home.settings.path).st_uid}", "off")


def test_a_kind_moves_without_the_others(home):
    before = switch(home, OTHER_KIND)
    switching.set_mode(home, "event", KIND, "local", ACTOR, NOW)
    assert switch(home).mode == "local"
    assert switch(home, OTHER_KIND) == before


def test_applying_again_changes_nothing(home):
    size = reading.overview(home, NOW).proof.size
    assert switching.apply(home, NOW) == switching.Applied((), True, 0)
    assert reading.overview(home, NOW).proof.size == size


@pytest.mark.parametrize(
    ("case", "kind", "mode"),
    [
        ("evnt", None, "on"),
        ("event", "shop/none", "on"),
        ("event", None, "offline"),
        ("event", KIND, "offline"),
        ("licensing", None, "off"),
        ("support", None, "local"),
        ("browser", KIND, "on"),
    ],
)
def test_a_mode_that_is_none_is_refused_and_the_file_stays(home, case, kind, mode):
    before = home.settings.path.read_bytes()
    with pytest.raises(ValueError):
        switching.set_mode(home, case, kind, mode, ACTOR, NOW)
    assert home.settings.path.read_bytes() == before


def test_two_people_who_switch_at_once_both_get_what_they_asked_for(home):
    def switch_again_and_again(case):
        for mode in ("local", "off") * 10:
            switching.set_mode(home, case, None, mode, f"account:{case}", NOW)
            yield settings.read(home.settings.path, {}).cases[case] == mode

    with ThreadPoolExecutor(2) as both:
        assert all(map(all, both.map(lambda case: list(switch_again_and_again(case)), ("event", "browser"))))


def test_a_file_of_another_shape_is_refused_with_what_to_do(home):
    home.settings.path.write_text("cases = 5\n" + home.settings.path.read_text().replace("[cases]", "[cases-of-old]"))
    with pytest.raises(SettingsFaults) as refused:
        switching.set_mode(home, "event", None, "off", ACTOR, NOW)
    assert refused.value.faults[0].hint == "correct the file by hand"


def test_a_data_folder_that_is_gone_is_told_with_what_to_do(home):
    home.settings.folder.rename(home.settings.folder.with_name("elsewhere"))
    with pytest.raises(StoreError) as refused:
        switching.apply(home, NOW)
    assert refused.value.code == "folder-unusable"


def test_an_unreadable_file_means_off_loudly_and_gives_nothing_up(home):
    (made,) = collect_and_seal(home, [1])
    before = switch(home)
    good = home.settings.path.read_text()
    home.settings.path.write_text(good + "[brkoen\n")
    assert switching.apply(home, NOW).readable is False
    assert switch(home).mode == "off"
    assert rules.current(home).modes == modes.ALL_OFF
    assert [notice.code for notice in reading.notices(home)] == ["settings-unreadable"]
    assert (collect_and_seal(home, []), sealing.void_refused(home, NOW)) == ([], 0)
    size = reading.overview(home, NOW).proof.size
    switching.apply(home, NOW)
    assert reading.overview(home, NOW).proof.size == size  # said once, not at every look
    home.settings.path.write_text(good)
    assert switching.apply(home, NOW).readable is True
    assert switch(home) == before
    assert reading.notices(home) == ()
    assert [row.sha256 for row in reading.pending(home).batches] == [made.sha256]


def test_a_file_that_is_gone_means_off_too(home):
    home.settings.path.unlink()
    assert rules.current(home).modes == modes.ALL_OFF
    assert switching.apply(home, NOW).readable is False
    with pytest.raises(SettingsFaults):
        switching.set_mode(home, "event", None, "on", ACTOR, NOW)


def test_the_file_narrows_at_once_and_widens_only_when_it_was_recorded(home):
    edit(home, 'event = "on"', 'event = "local"')
    assert rules.current(home).modes.of(KIND).mode == "local"
    switching.apply(home, NOW)
    edit(home, 'event = "local"', 'event = "on"')
    assert rules.current(home).modes.of(KIND).mode == "local"
    switching.apply(home, NOW)
    assert rules.current(home).modes.of(KIND).mode == "on"


def test_rules_stay_the_same_object_while_nothing_changes(home):
    first = rules.current(home)
    assert rules.current(home) is first
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert rules.current(home) is not first


def test_a_mapped_mode_file_is_overwritten_in_place(home):
    path = home.settings.spool.folder / "modes"
    inode = path.stat().st_ino
    with path.open("rb") as mapped:
        switching.set_mode(home, "event", None, "off", ACTOR, NOW)
        offset = modes.slots(path.read_bytes())[KIND]
        mapped.seek(offset)
        assert modes.from_word(int.from_bytes(mapped.read(4), "little")).mode == "off"
    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_other_kinds_come_in_a_new_file_and_the_old_one_says_off(home):
    path = home.settings.spool.folder / "modes"
    other = modes.pack(modes.Modes({}, {"shop/removed": modes.Switch("on", 7)}))
    path.write_bytes(other)
    with path.open("rb") as mapped:
        switching.apply(home, NOW)
        data = mapped.read()
    assert data[modes.STALE_OFFSET] == 1
    assert int.from_bytes(data[-4:], "little") == 0
    assert switch(home).mode == "on"


def test_a_spool_where_the_mode_file_cannot_be_written_is_told(home):
    path = home.settings.spool.folder / "modes"
    path.unlink()
    path.mkdir()
    switching.apply(home, NOW)
    assert [notice.code for notice in reading.notices(home)] == ["mode-file"]
    path.rmdir()
    switching.apply(home, NOW)
    assert reading.notices(home) == ()


def test_only_the_role_security_decides_about_fields(home):
    for decide in (consenting.approve, consenting.withdraw):
        with pytest.raises(PeopleError) as error:
            decide(home, None, ACTOR, "admin", now=NOW, **({"authority": "me"} if decide is consenting.approve else {}))
        assert error.value.code == "role-missing"


def test_an_approval_is_pinned_to_the_definition(tmp_path):
    home = build(tmp_path, approved=False)
    done = consenting.approve(home, ["shop.paid"], ACTOR, "security", "the board", NOW)
    assert done.names == ("shop.paid",)
    states = {field.name: field.state for field in reading.fields(home)}
    assert (states["shop.paid"], states["shop.at"]) == ("approved", "new")
    assert consenting.approve(home, ["shop.paid"], ACTOR, "security", "the board", NOW).names == ()
    with pytest.raises(ValueError, match=r"no field 'shop\.none'"):
        consenting.approve(home, ["shop.none"], ACTOR, "security", "the board", NOW)
    consenting.withdraw(home, ["shop.paid"], ACTOR, "security", NOW)
    assert {field.name: field.state for field in reading.fields(home)}["shop.paid"] == "withdrawn"
    home.close()


def test_a_changed_definition_is_withheld_and_the_others_go_on(home):
    with home.store.write() as session:
        session.connection().exec_driver_sql("UPDATE approval SET hash = ? WHERE field = 'shop.paid'", ("0" * 64,))
    assert {field.name: field.state for field in reading.fields(home)}["shop.paid"] == "changed"
    collect_and_seal(home, [1])
    assert queued_orders(home) == [1]
    assert b"paid" not in reading.pending(home).batches[0].body
