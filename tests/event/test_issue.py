"""Grouping: what makes two errors one issue, and what never does."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from audit import index
from event.issue import MAX_TITLE, group_of, holes_of, words_of

TYPES = frozenset({"annotator.quota.QuotaError", "ValueError", "psycopg.errors.UniqueViolation"})
SHAPES = st.sampled_from(["email", "integer(2)", "integer(9)", "none", "text(<64)", "uuid", "empty"])
FUNCTIONS = ("save", "Quota.check", "outer.<locals>.inner")


def shipped(moved: int = 0) -> index.Index:
    """A release of three functions in each of two modules, all of it `moved` lines down."""
    lines = {name: ((10 + 40 * n + moved, 30 + 40 * n + moved),) for n, name in enumerate(FUNCTIONS)}
    return index.new(
        "annotator 1.0.0", {"annotator.export": lines, "annotator.quota": lines, "flask.app": lines}, TYPES
    )


def place(module: str, function: str, offset: int, moved: int = 0) -> str:
    return f"{module}:{function}:{10 + 40 * FUNCTIONS.index(function) + offset + moved}"


def log(frames: list[list[Any]], *links: dict[str, Any]) -> dict[str, Any]:
    return {"chain": list(links) or [{"type": "ValueError", "shapes": []}], "frames": frames}


def said(*parts: Any, at: str = "annotator.quota:3", kind: str = "annotator.quota.QuotaError") -> dict[str, Any]:
    """One exception with words; holes are lists."""
    return {"type": kind, "shapes": [], "code_text": {"at": at, "arguments": [list(parts)]}}


def key(error_log: dict[str, Any], known: index.Index | None = None) -> str:
    return group_of(error_log, known or shipped()).key


spots = st.lists(
    st.tuples(
        st.sampled_from(["annotator.export", "annotator.quota", "flask.app"]),
        st.sampled_from(FUNCTIONS),
        st.integers(0, 20),
    ),
    max_size=6,
)


def frames_of(found: list[tuple[str, str, int]], moved: int = 0) -> list[list[Any]]:
    return [[place(*one, moved=moved), int(one[0] != "flask.app")] for one in found]


@given(spots, st.integers(1, 5000))
def test_code_that_moves_as_a_whole_stays_the_same_issue(found: list[tuple[str, str, int]], moved: int) -> None:
    assert key(log(frames_of(found))) == key(log(frames_of(found, moved)), shipped(moved))


@given(spots, SHAPES, SHAPES)
def test_shapes_of_values_make_no_other_issue(found: list[tuple[str, str, int]], one: str, other: str) -> None:
    def holding(shape: str) -> dict[str, Any]:
        return log(frames_of(found), said("project ", [shape], " is full"), {"type": "ValueError", "shapes": [shape]})

    assert group_of(holding(one), shipped()) == group_of(holding(other), shipped())


@given(spots.filter(lambda found: any(module != "flask.app" for module, _, _ in found)), st.data())
def test_another_function_of_the_product_is_another_issue(found: list[tuple[str, str, int]], data: Any) -> None:
    n = data.draw(st.sampled_from([n for n, (module, _, _) in enumerate(found) if module != "flask.app"]))
    frames = frames_of(found)
    frames[n][0] = frames[n][0].replace(found[n][0], "annotator.elsewhere")
    assert key(log(frames_of(found))) != key(log(frames))


@given(spots)
def test_library_frames_around_the_products_do_not_count(found: list[tuple[str, str, int]]) -> None:
    ours = [one for one in found if one[0] != "flask.app"]
    if ours:
        assert key(log(frames_of(found))) == key(log(frames_of(ours)))


def test_lines_of_callers_do_not_count_but_the_line_of_the_fault_does() -> None:
    def calls(caller: int, fault: int) -> dict[str, Any]:
        frames = [[place("annotator.export", "save", caller), 1], [place("annotator.quota", "Quota.check", fault), 1]]
        return log(frames)

    assert key(calls(1, 4)) == key(calls(9, 4))
    assert key(calls(1, 4)) != key(calls(1, 5))


def test_words_of_the_products_own_raise_stand_for_its_line() -> None:
    def raised(line: int, *parts: Any) -> dict[str, Any]:
        return log([[place("annotator.quota", "Quota.check", line), 1]], said(*parts))

    full, closed = ("project ", ["integer(2)"], " is full"), ("project ", ["integer(2)"], " is closed")
    assert key(raised(4, *full)) == key(raised(6, *full)), "lines were added above it"
    assert key(raised(4, *full)) != key(raised(4, *closed)), "two raises of one function"


def test_words_of_a_library_tell_faults_of_one_call_apart_and_the_line_still_counts() -> None:
    def failed(line: int, words: str) -> dict[str, Any]:
        link = said(words, ["word"], at="known:postgresql:7", kind="psycopg.errors.UniqueViolation")
        return log([[place("annotator.export", "save", line), 1]], link)

    assert len({key(failed(3, "duplicate key ")), key(failed(3, "null in ")), key(failed(8, "duplicate key "))}) == 3


def test_a_cause_is_part_of_the_issue() -> None:
    frames = [[place("annotator.export", "save", 2), 1]]
    one, two = {"type": "ValueError", "shapes": []}, {"type": "psycopg.errors.UniqueViolation", "shapes": []}
    assert len({key(log(frames, one)), key(log(frames, one, two)), key(log(frames, two, one))}) == 3


def test_a_function_that_calls_itself_counts_once() -> None:
    def deep(times: int) -> dict[str, Any]:
        again = [[place("annotator.export", "save", n % 3), 1] for n in range(times)]
        return log(again + frames_of([("annotator.quota", "save", 1)]))

    assert key(deep(2)) == key(deep(30))


def test_a_setter_is_not_its_getter() -> None:
    known = index.new("x 1", {"m": {"P.size": ((5, 7), (20, 22))}}, TYPES)
    found = {key(log([[f"m:P.size:{line}", 1]]), known) for line in (6, 21)}
    assert len(found) == 2


def test_without_a_place_in_the_product_the_innermost_known_one_counts() -> None:
    outer, inner = place("flask.app", "save", 1), place("flask.app", "Quota.check", 2)
    found = group_of(log([[outer, 0], [inner, 0], ["<place>", 0]]), shipped())
    assert (found.culprit, found.in_product) == ("flask.app:Quota.check", False)
    assert found.key == key(log([["<place>", 1], [inner, 0]]))
    assert found.key != key(log([[outer, 0]]))


def test_without_any_place_types_and_words_are_left() -> None:
    bare = group_of(log([]), shipped())
    assert (bare.culprit, bare.in_product, bare.title) == ("", False, "ValueError")
    assert bare.key == key(log([["<place>", 0]]))
    assert len({bare.key, key(log([], said("a"))), key(log([], said("b")))}) == 3


def test_a_place_of_a_script_counts_by_its_file_and_the_position_of_the_fault() -> None:
    def thrown(*places: str) -> dict[str, Any]:
        return log([[one, 1] for one in places], {"type": "TypeError", "shapes": []})

    assert key(thrown("app.js:1:40", "app.js:1:90")) == key(thrown("app.js:1:7", "app.js:1:90"))
    assert key(thrown("app.js:1:90")) != key(thrown("app.js:1:91"))
    assert group_of(thrown("app.js:1:90"), shipped()).culprit == "app.js"


def test_a_place_that_the_index_does_not_have_counts_by_its_line() -> None:
    one, other = log([["gone.away:f:7", 1]]), log([["gone.away:f:8", 1]])
    assert key(one) != key(other)
    assert group_of(one, shipped()).culprit == "gone.away:f"


def test_title_words_and_holes_are_those_of_the_message() -> None:
    link = said("project ", ["integer(2)"], " of ", ["email"], " is full")
    cause = {"type": "ValueError", "shapes": ["none", "uuid"]}
    assert group_of(log([], link, cause), shipped()).title == "QuotaError: project <> of <> is full"
    assert words_of(cause) is None
    assert list(holes_of(log([], link, cause))) == [
        ("0.0.1", "integer(2)"),
        ("0.0.3", "email"),
        ("1.0", "none"),
        ("1.1", "uuid"),
    ]


def test_a_long_title_is_cut_and_two_long_messages_are_still_two_issues() -> None:
    one, other = said("x" * 900), said("x" * 899 + "y")
    found = group_of(log([], one), shipped())
    assert len(found.title) == MAX_TITLE
    assert found.key != key(log([], other))
