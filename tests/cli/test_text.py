"""The plain text that commands print."""

import io
from datetime import UTC, datetime

from diffgram_home.cli import text


def test_it_shows_control_characters_as_escapes_so_that_a_name_cannot_drive_the_terminal():
    assert text.printable("a\x1b[2Jb\nc") == "a\\x1b[2Jb\\nc"
    assert text.printable("Grüße — ok") == "Grüße — ok"


def test_a_table_aligns_its_columns():
    shown = text.table(("a", "bb"), (("111", 2), ("3", "four")), width=80)
    assert shown.splitlines() == ["a    bb", "111  2", "3    four"]


def test_a_table_wraps_the_widest_column_to_the_width_and_loses_no_word():
    words = [f"word{n}" for n in range(40)]
    shown = text.table(("name", "text"), (("x", " ".join(words)),), width=60)
    assert max(map(len, shown.splitlines())) <= 60
    assert shown.split()[3:] == words


def test_a_table_without_rows_shows_its_headings():
    assert text.table(("a", "b"), (), width=80) == "a  b"


def test_a_table_shows_a_column_in_which_nothing_stands():
    assert text.table(("a", "", "c"), (("1", "", "3"),), width=80).splitlines() == ["a     c", "1     3"]


def test_sizes_are_in_powers_of_a_thousand():
    sizes = (0, 999, 1000, 12_345, 1_000_000, 3_400_000_000)
    assert [text.size(n) for n in sizes] == ["0 B", "999 B", "1.0 kB", "12.3 kB", "1.0 MB", "3.4 GB"]


def test_an_instant_is_shown_in_utc_to_the_second():
    assert text.instant(datetime(2026, 11, 21, 14, 1, 5, 999, tzinfo=UTC)) == "2026-11-21T14:01:05Z"
    assert text.instant(None) == "-"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _drawn(stream: io.StringIO, at_s: float) -> str:
    clock = iter((0.0, at_s)).__next__
    with text.Progress("checking", stream, clock) as progress:
        progress(5, 10)
    return stream.getvalue()


def test_progress_shows_nothing_in_the_first_two_seconds():
    assert _drawn(_Terminal(), 1.99) == ""


def test_progress_shows_a_bar_after_two_seconds_and_clears_it_at_the_end():
    shown = _drawn(_Terminal(), 2.0)
    assert "5 of 10" in shown
    assert shown.endswith("\r\x1b[K")


def test_progress_shows_nothing_where_there_is_no_terminal():
    assert _drawn(io.StringIO(), 10.0) == ""
