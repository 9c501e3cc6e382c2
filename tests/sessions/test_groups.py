"""Counts by class tell nobody apart: no group under the smallest one, and no sum that would tell (decision 0031)."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from diffgram_home.browser.classes import BROWSERS, DEVICES, OTHER, SYSTEMS, VIEWPORTS
from diffgram_home.browser.groups import ALL, BROWSER, CLASSES, PROGRAM, Row, rows
from diffgram_home.browser.seen import Day, Group


def day(*groups: Group, programs: tuple[tuple[str, int, int], ...] = ()) -> Day:
    return Day("run", groups, programs)


def chrome(major: int, sessions: int, errored: int = 0) -> Group:
    return Group("", "chrome", major, "linux", "desktop", "under-1440", sessions, errored)


def by(found: tuple[Row, ...], name: str) -> dict[tuple[str, int], int]:
    return {(row.value, row.major): row.sessions for row in found if row.by == name}


def test_classes_are_counted_apart_from_each_other() -> None:
    firefox = Group("1.25.3", "firefox", 132, "windows", "desktop", "under-992", 6, 1)
    found = rows(day(Group("1.25.3", "chrome", 131, "linux", "phone", "under-576", 9, 2), firefox))
    assert found[0] == Row("1.25.3", ALL, "", 0, 15, 3)
    assert by(found, BROWSER) == {("chrome", 131): 9, ("firefox", 132): 6}
    assert by(found, "system") == {("linux", 0): 9, ("windows", 0): 6}


def test_a_version_of_few_goes_into_its_browser_with_the_least_of_the_others() -> None:
    assert by(rows(day(chrome(131, 40), chrome(130, 7), chrome(129, 2))), BROWSER) == {
        ("chrome", 131): 40,
        ("chrome", 0): 9,
    }
    assert by(rows(day(chrome(131, 40), chrome(130, 3), chrome(129, 2))), BROWSER) == {
        ("chrome", 131): 40,
        ("chrome", 0): 5,
    }


def test_a_browser_of_few_goes_into_other_and_takes_the_least_along() -> None:
    one = Group("", "firefox", 132, "linux", "desktop", "under-1440", 1, 1)
    assert by(rows(day(chrome(131, 40), one)), BROWSER) == {}
    safari = Group("", "safari", 18, "macos", "desktop", "under-1440", 8, 0)
    assert by(rows(day(chrome(131, 40), safari, one)), BROWSER) == {("chrome", 131): 40, (OTHER, 0): 9}


def test_the_boundary_is_the_smallest_itself() -> None:
    assert by(rows(day(chrome(131, 5), chrome(130, 5)), 5), BROWSER) == {("chrome", 131): 5, ("chrome", 130): 5}
    assert by(rows(day(chrome(131, 5), chrome(130, 4)), 5), BROWSER) == {("chrome", 0): 9}
    assert by(rows(day(chrome(131, 4)), 5), BROWSER) == {}


def test_a_day_of_few_tells_only_how_many() -> None:
    assert rows(day(chrome(131, 2, 1))) == (Row("", ALL, "", 0, 2, 1),)


def test_releases_are_counted_apart_and_programs_of_servers_too() -> None:
    other = Group("2.0.0", "chrome", 131, "linux", "desktop", "under-1440", 7, 0)
    found = rows(day(chrome(131, 6), other, programs=(("2.0.0", 900, 3), ("1.0.0", 0, 0))))
    assert [(r.release, r.sessions) for r in found if r.by == ALL] == [("", 6), ("2.0.0", 7)]
    assert [r for r in found if r.by == PROGRAM] == [Row("2.0.0", PROGRAM, "", 0, 900, 3)]


GROUPS = st.builds(
    Group,
    st.sampled_from(["", "1.25.3"]),
    st.sampled_from([*BROWSERS[:4], OTHER]),
    st.integers(0, 3),
    st.sampled_from([*SYSTEMS[:3], OTHER]),
    st.sampled_from([*DEVICES[:2], OTHER]),
    st.sampled_from([*VIEWPORTS[:2], OTHER]),
    st.integers(1, 9),
    st.just(1),
)


@given(st.lists(GROUPS, max_size=30), st.integers(2, 12))
def test_no_class_has_a_small_group_and_every_class_sums_up_to_all(groups: list[Group], smallest: int) -> None:
    found = rows(day(*groups), smallest)
    assert all(row.sessions >= smallest for row in found if row.by in CLASSES)
    sums: Counter[tuple[str, str]] = Counter()
    for row in found:
        sums[row.release, row.by] += row.sessions
    totals = Counter[str]()
    for group in groups:
        totals[group.release] += group.sessions
    for (release, name), count in sums.items():
        assert count == totals[release], name
