"""Everything that corporate holds about one installation: no table is forgotten, no row of another is in it."""

import json
from pathlib import Path

from corporate import holdings
from corporate.models import Base
from tests.corporate.pretend import Pretend, message
from tests.corporate.running import command


def test_every_table_about_an_installation_says_what_stands_in_it() -> None:
    about = {name for name, table in Base.metadata.tables.items() if "installation_id" in table.c}
    about |= {"installation", "message", "enrolment_token"}
    assert about <= holdings.ABOUT.keys(), "add the new table to holdings.ABOUT, and see that deleting reaches it"


def test_all_is_counted_and_exported_and_nothing_of_others(one: Pretend, stranger: Pretend, tmp_path: Path) -> None:
    assert stranger.enrol(stranger.server.token("Lakeside Imaging")).status == 201
    assert stranger.send(stranger.seal(1, [message(project_id=42)])).status == 200
    assert one.send_all(one.seal(1, [message(project_id=7)] * 2), one.seal(2)) == [200, 200]
    file = tmp_path / "all.ndjson"
    found = one.server.command("holdings", one.id, "--export", str(file))
    rows = {table["table"]: table["rows"] for table in found["tables"]}
    assert (rows["batch"], rows["message"], rows["installation"], rows["certificate"]) == (2, 3, 1, 1)
    head, *lines = map(json.loads, file.read_text().splitlines())
    assert (head["installation"], head["format"]) == (one.id, holdings.FORMAT)
    assert {name: [line["table"] for line in lines].count(name) for name in rows} == rows
    assert [line["row"]["kind"] for line in lines if line["table"] == "message"] == ["home/error"] * 3
    assert stranger.id not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    command(one.server.config, "holdings", "0" * 32, code=1)
