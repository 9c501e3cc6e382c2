"""Corporate asks for less, by command and by page; a real installation hears it on its next answer, and obeys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from diffgram_home import reading, rules, switching
from tests.corporate import running as corporates
from tests.corporate.visiting import Visitor
from tests.door.places import ANNOTATOR, Place, found

FIELD = "annotator.member_id"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[corporates.Server]:
    config, root = corporates.found(tmp_path_factory.mktemp("corporate"), "")
    with corporates.running(config, root) as one:
        files = ["--catalogue", str(ANNOTATOR / "outbound_fields.toml"), "--index", str(ANNOTATOR / "index.json")]
        one.command("release", "add", *files)
        yield one


def placed(server: corporates.Server, folder: Path, customer: str = "St Mary") -> Place:
    made = found(folder, server.wire, server.root, timeout_s=20)
    made.enrol(server.token(customer))
    return made


def said(server: corporates.Server, *words: str, code: int = 0) -> str:
    done = corporates.command(server.config, *words, code=code)
    return done.stdout + done.stderr


def sent(place: Place) -> bytes:
    place.work()
    assert [one.outcome for one in place.send()][:1] == ["accepted"]
    return reading.body(place.home, "event", place.rows()[-1].sequence) or b""


def event_mode(place: Place) -> str:
    return rules.current(place.home).modes.cases["event"]


def test_a_case_is_stopped_by_command_and_its_end_gives_it_back(server: corporates.Server, tmp_path: Path) -> None:
    place = placed(server, tmp_path / "home")
    chosen = ("--to", "local", "--why", "maintenance", "--days", "2", "--installation", place.home.installation)
    said(server, "ask", "case", "event", *chosen)
    sent(place)
    assert event_mode(place) == "local"
    assert place.send() == []
    (row,) = server.command("asks", "--installation", place.home.installation)
    assert (row["to"], row["holds"], row["made_by"][:3]) == ("local", True, "os:")
    place.later(days=2, seconds=5)
    switching.apply(place.home, place.now())
    assert event_mode(place) == "on"
    asked = [c.actor for c in reading.history(place.home) if c.what == "instruction"]
    assert asked == ["home", "corporate"]
    place.home.close()


def test_a_field_of_a_whole_customer_is_asked_and_lifted_on_the_page(server: corporates.Server, tmp_path: Path) -> None:
    place = placed(server, tmp_path / "home", "St Luke")
    visitor, path = Visitor(server), f"/installations/{place.home.installation}"
    visitor.sign_in()
    visitor.ask("GET", path)
    wish = {"what": "field", "name": FIELD, "to": "withheld", "days": "7", "why": "incident", "everywhere": "yes"}
    assert visitor.ask("POST", f"{path}/ask", {**wish, "to": "on"}).status == 400
    assert visitor.ask("POST", f"{path}/ask", wish).status == 303
    assert b"member_id" in sent(place), "it is told with the answer to the next batch"
    assert b"member_id" not in sent(place)
    later = placed(server, tmp_path / "later", "St Luke")
    sent(later)
    assert b"member_id" not in sent(later), "an installation that enrolled afterwards is asked as well"
    page = visitor.ask("GET", path).data.decode()
    number = re.findall(r"/asks/(\d+)/lift", page)[0]
    assert visitor.ask("POST", f"{path}/asks/{number}/lift").status == 303
    assert visitor.ask("POST", f"{path}/asks/{number}/lift").status == 400
    sent(place)
    assert b"member_id" in sent(place)
    place.home.close()
    later.home.close()


@pytest.mark.parametrize(
    "words",
    [
        ("case", "event", "--to", "withheld"),
        ("kind", "annotator/nothing", "--to", "off"),
        ("field", "home.header.sequence", "--to", "withheld"),
        ("case", "support", "--to", "local"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(server: corporates.Server, words: tuple[str, ...]) -> None:
    server.token("St John")
    assert "to do:" in said(server, "ask", *words, "--why", "other", "--customer", "St John", code=1)
    assert server.command("asks") == [row for row in server.command("asks") if row["customer"] != "St John"]
