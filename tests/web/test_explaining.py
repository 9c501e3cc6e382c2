"""How a value was made, beside its bytes and on the Fields page; and deciding about a kind of message at once."""

import json
import re

import pytest

from audit import catalogue
from diffgram_home import explaining
from tests.web.world import World


def test_every_value_of_an_attempt_says_where_it_was_made(world: World) -> None:
    text = world.ask("/sent/1", token=world.token("viewer")).text
    beside = text[text.index("What the values mean") : text.index('id="receipt"')]
    assert beside.count("<dt>made by</dt>") == len(re.findall(r'id="f-[^"]+"', beside)) > 10
    for place in ("audit._batch:header_line", "event._collect:Collector._tick", "annotator.work:create_project"):
        assert place in beside
    assert "the catalogue does not say" not in beside


def test_a_number_that_stands_for_something_else_is_drawn_with_its_words(world: World) -> None:
    text = world.ask("/sent/1", token=world.token("viewer")).text
    assert 'data-means="timed out: there is no number" title="timed out: there is no number">-1</a>' in text
    drawn = re.findall(r'data-means="[^"]*" title="[^"]*">([^<]*)</a>', text)
    assert sorted(value[:2] for value in drawn) == ["-1", "{&"], "the number, and an error that is read out"


CORE = catalogue.load(catalogue.core())


@pytest.mark.parametrize(
    ("field", "read"),
    [
        (
            "home.error_log",
            "annotator.work.QuotaError: project <word> of <words(2)> is full: "
            "<integer(2)> of <integer(2)> inputs, at annotator.work:upload:61",
        ),
        ("home.browser_error.error_log", "TypeError, at annotator.js:1:377"),
    ],
)
def test_an_error_is_drawn_with_its_words_as_a_person_reads_them(field: str, read: str) -> None:
    one = CORE.fields[field]
    assert explaining.means(one, json.dumps(one.example)) == read
    assert explaining.means(one, '{"chain":[7]}') == explaining.means(one, "7") == ""


def test_the_fields_page_shows_the_query_of_a_count_and_who_runs_it(world: World) -> None:
    text = world.ask("/fields?q=annotator.members", token=world.token("viewer")).text
    assert "<code>SELECT count(*) FROM member</code>" in text
    assert "annotator.totals:_count" in text
    assert "not measured" in text


def test_a_kind_of_message_is_decided_about_at_once(world: World) -> None:
    token = world.token("security")
    assert world.ask("/fields/approve?kind=home/error", token=token).status == 303, "all of it is approved already"
    text = world.ask("/fields/withdraw?kind=home/error", token=token).text
    names = set(re.findall(r'name="definition" value="([^@]+)@', text))
    fields = ("at", "error_log", "member_id", "project_id", "input_id", "release")
    assert names == {f"home.{key}" for key in fields}


def test_the_words_of_sensitivities_are_explained_where_they_stand(world: World) -> None:
    text = world.ask("/fields", token=world.token("viewer")).text
    assert "interaction: what somebody did in the product" in text
