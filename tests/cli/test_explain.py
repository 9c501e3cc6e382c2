"""`diffgram-home explain`: how values are made, of a field and of what was sealed."""

import json

from tests.cli.conftest import Shell


def test_a_field_says_where_it_is_made_from_what_and_by_which_version(shell: Shell) -> None:
    told = shell.ok("explain", "home.header.sequence")
    assert "audit._batch:header_line, version" in told
    assert "header.sequence" in told
    assert "value -1:" in told
    assert "not measured" in told


def test_a_key_may_be_of_several_fields(shell: Shell) -> None:
    found = shell.json("explain", "ledger_size")["fields"]
    assert [field["name"] for field in found] == ["home.header.ledger_size", "home.request.ledger_size"]
    assert found[0]["made"][0]["place"] == "diffgram_home._batching:header_for"


def test_an_unknown_name_is_told_with_the_near_ones(shell: Shell) -> None:
    done = shell("explain", "home.membr_id")
    assert done.returncode == 2
    assert 'there is no field "home.membr_id"' in done.stderr


def test_without_a_field_or_a_number_it_says_what_to_name(shell: Shell) -> None:
    assert shell("explain").returncode == 2
    assert shell("explain", "home.at", "--line", "2").returncode == 2


def test_a_number_that_is_not_here_is_told(shell: Shell) -> None:
    done = shell("explain", "--sequence", "7")
    assert done.returncode != 0
    assert "no bytes are stored under the number 7" in done.stderr


def test_a_line_of_a_batch_is_explained_value_by_value(ready: Shell) -> None:
    ready.ok("new", "home/error", "project_id=7")
    ready.ok("pending")
    told = ready("explain", "--sequence", "1", "--line", "2")
    assert told.returncode == 0
    assert "event._collect:Collector._reduced, version" in told.stdout
    assert "line 2 of number 1, home/error" in told.stderr
    (found,) = json.loads(ready.ok("explain", "project_id", "--sequence", "1", "--line", "2", "--json"))["values"]
    assert (found["path"], found["text"], found["means"]) == ("project_id", "7", "")
    beyond = ready("explain", "--sequence", "1", "--line", "9")
    assert "number 1 has 2 lines" in beyond.stderr
    strange = ready("explain", "nothing", "--sequence", "1")
    assert "has no 'nothing'" in strange.stderr
