"""Messages as a product in use makes them: many members at work at once, ids that rise, durations of every size.

`python -m benchmarks._messages FOLDER COUNT SEED` spools them from a process of its own, as a product does, and ends.
The numbers come from a seed, so that two runs compare the same bytes; the time is the present one.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import event

ANNOTATOR = Path(__file__).parents[1] / "examples" / "annotator" / "annotator"
KIND = "annotator/task-completed"


def completed(count: int, seed: int) -> Iterator[dict[str, int]]:
    """Yield the values of `count` completed tasks: 300 members, 60 projects, inputs taken roughly in order."""
    chance = random.Random(seed)
    rises = 90_000 + seed * 1_000_000
    for _ in range(count):
        rises += chance.choice((1, 1, 2, 3))
        yield {
            "member_id": chance.randint(1, 300),
            "project_id": chance.randint(1, 60),
            "input_id": rises,
            "task_id": rises + 2,
            "annotations_made": chance.choice((0, 2, 4, 9, 30)),
            "task_duration_ms": int(chance.lognormvariate(11, 1)),
        }


def reduced(count: int, seed: int, at: str) -> Iterator[dict[str, Any]]:
    """Yield the same messages as they lie in a spool, all of the minute `at`."""
    labels = {0: "<1", 2: "<5", 4: "<5", 9: "<20", 30: "<100"}
    for values in completed(count, seed):
        yield {"kind": KIND, "at": at, **values, "annotations_made": labels[values["annotations_made"]]}


def spool(folder: Path, count: int, seed: int) -> None:
    """Record the messages."""
    files = [ANNOTATOR / "outbound_fields.toml"]
    event.start(folder, files, ANNOTATOR / "index.json", strict=True, limits=event.Limits(max_bytes=2**40))
    for values in completed(count, seed):
        event.new(KIND, **values)
    if event.counts():
        raise SystemExit(f"dropped instead of recorded: {dict(event.counts())}")


if __name__ == "__main__":
    spool(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
