"""The annotator's reporters, in tables that the annotator's own models make, on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from audit import catalogue as catalogues
from diffgram_home.reports import running
from diffgram_home.reports.running import COUNTED
from diffgram_home.settings import Source
from support_routes import reporting

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "annotator"
FILL = """
import sys
from datetime import datetime
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from annotator.models import Annotation, Base, Input, Member, Project, Task
engine = create_engine(sys.argv[1])
Base.metadata.create_all(engine)
media = ["image/png"] * 12 + ["text/plain"] * 7 + ["audio/rose"] * 2 + ["x-rose/okafor"] * 8
with Session(engine) as session, session.begin():
    rose = Member(name="Rose Okafor")
    ward = Project(name="Rose's ward", quota=99, owner=rose)
    for number, one in enumerate(media):
        task = Task(completed_at=datetime(2026, 11, 22) if number < 9 else None, started_at=datetime(2026, 11, 21))
        task.annotations = [Annotation(text="Rose", member=rose)] * (number < 9)
        ward.inputs.append(Input(name="rose.png", media_type=one, blob=b"x" * 10, size_bytes=10, task=task))
    session.add(ward)
"""


def test_the_annotator_is_counted_and_nothing_of_rose_is_seen(url: str) -> None:
    path = {"PYTHONPATH": f"{ROOT}:{EXAMPLE}"}
    subprocess.run([sys.executable, "-c", FILL, url], env=path, cwd=ROOT, check=True)
    catalogue = catalogues.read(EXAMPLE / "annotator" / "outbound_fields.toml")
    document = (EXAMPLE / "annotator" / "reporters.json").read_bytes()
    found = {one.name: running.run(one, catalogue, Source(url)) for one in reporting.read(document, catalogue)}
    assert {one.outcome for one in found.values()} == {COUNTED}, found
    assert found["annotations"].found.counts == {"": {"annotations": 9}}
    assert found["inputs-by-media"].found.counts == {
        "picture": {"inputs": 12, "stored_bytes": 120},
        "text": {"inputs": 7, "stored_bytes": 70},
        "video": {"inputs": 0, "stored_bytes": 0},
    }
    assert found["inputs-by-media"].found.withheld == ("other", "sound")
    assert {name: n["tasks"] for name, n in found["tasks-by-state"].found.counts.items()} == {
        "completed": 9,
        "started": 20,
        "waiting": 0,
    }
    assert "rose" not in json.dumps([dict(one.found.counts) for one in found.values()]).lower()
