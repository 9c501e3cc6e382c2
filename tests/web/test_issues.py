"""The pages about issues: what they say, and that nothing of a value is among it."""

from tests.web.world import World


def test_the_list_leads_to_one_issue_with_its_type_its_places_and_what_of_it_left(world: World) -> None:
    token = world.token("viewer")
    listed = world.ask("/issues", token=token)
    assert listed.status == 200
    assert "PermissionError" in listed.text
    assert 'href="/issues/1"' in listed.text
    page = world.ask("/issues/1", token=token).text
    for said in ("PermissionError", "text(&lt;32)", "integer(4)", "What of it left", "Last 24 hours", "/sent/"):
        assert said in page
    assert "rose@hospital.example" not in page + listed.text
    assert "4711" not in page + listed.text


def test_searching_finds_by_type_and_says_so_when_there_is_none(world: World) -> None:
    token = world.token("viewer")
    assert "PermissionError" in world.ask("/issues?search=permission", token=token).text
    none = world.ask("/issues?search=%3Cscript%3E&skip=-1", token=token)
    assert none.status == 200
    assert "0 issues have “&lt;script&gt;” in title or place" in none.text


def test_an_issue_that_is_not_here_says_where_to_look(world: World) -> None:
    for number in ("999", "0", "9" * 30):
        assert world.ask(f"/issues/{number}", token=world.token("viewer")).status == 404
