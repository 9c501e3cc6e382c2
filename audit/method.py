"""How a value is made: the code place, what it reads, and its version, as a catalogue file states it (decision 0027).

    [method."annotator.work:complete"]
    kinds = ["annotator/task-completed"]
    version = "3f0c91d277ab5e08"
    [method."annotator.work:complete".inputs]
    annotations_made = ["task.annotations"]

A method belongs to the catalogue and its hash, so that every batch pins the methods of its values; it is no part of a
field's definition, so that mending code asks nobody for approval again. The query behind a count is: it stands in the
field (`explain`). Whether a statement is true is told by `audit.methods`, which reads the source.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Found = tuple[str, str, str, str]
Carried = Mapping[str, tuple[str, set[str]]]
"""The case of each kind, and the keys that its messages may carry."""
VERSION_CHARS = 16
NOT_OURS = "not made by our code: the network, and the libraries of TLS and HTTP, write it"
UNSTATED = "the catalogue does not say"
NOT_MEASURED = "not measured"
"""How long making a value took, where nobody measured it; counts of reporters will say."""
_PLACE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_INPUT = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_KEYS = {"kinds", "case", "version", "inputs"}


@dataclass(frozen=True, slots=True)
class Method:
    """One code place that makes values: `inputs` has, for each key that it makes, the names that it reads for it.

    It holds for messages of `kinds`, or of every kind of `case` that has the key. `version` is the beginning of the
    SHA-256 of its source (`audit.methods.version`): another source is another version.
    """

    place: str
    kinds: tuple[str, ...]
    case: str | None
    version: str
    inputs: Mapping[str, tuple[str, ...]]

    def makes(self, kind: str, case: str, key: str) -> bool:
        """Whether it makes `key` in messages of `kind`, which is one of `case`."""
        return key in self.inputs and (kind in self.kinds or case == self.case)

    def told(self, key: str) -> str:
        """Return in words where a key is made, from what, and by which version."""
        return f"{self.place} from {', '.join(self.inputs[key]) or 'nothing'} (version {self.version})"

    def stated(self) -> dict[str, Any]:
        """Return what it states, for hashing and for programs."""
        return {
            "place": self.place,
            "kinds": list(self.kinds),
            "case": self.case,
            "version": self.version,
            "inputs": {key: list(names) for key, names in sorted(self.inputs.items())},
        }


def read(
    tables: Mapping[str, Any], carried: Carried, add: Callable[[tuple[str, ...], str, str, str], None]
) -> list[Method]:
    """Return the methods of a file's [method.…] tables, and `add` every fault: where, code, message, hint."""
    made = []
    for place, table in tables.items():
        found = list(_faults(place, table, carried))
        for key, code, message, hint in found:
            add(("method", place, key), code, message, hint)
        if not found:
            inputs = {key: tuple(names) for key, names in table["inputs"].items()}
            made.append(
                Method(place, tuple(sorted(table.get("kinds", ()))), table.get("case"), table["version"], inputs)
            )
    return made


def _faults(place: str, table: Any, carried: Carried) -> Iterator[Found]:
    if not isinstance(table, dict):
        yield "", "not-a-table", f"method {place!r} is no table", 'write [method."module:function"]'
        return
    if not _PLACE.fullmatch(place):
        yield "", "method-place", f"method {place!r} names no code place", "name it module:function"
    for key in sorted(table.keys() - _KEYS):
        yield key, "unknown-key", f"method {place!r} has an unknown key {key!r}", f"use {', '.join(sorted(_KEYS))}"
    if not re.fullmatch(rf"[0-9a-f]{{{VERSION_CHARS}}}", str(table.get("version"))):
        yield "version", "method-version", f"method {place!r} has no version", "run python -m audit methods --write"
    kinds = _kinds(table, carried)
    if not kinds:
        hint = 'kinds = ["namespace/thing-done"], or case = "event" for every kind of it'
        yield "kinds", "method-kinds", f"method {place!r} names neither known kinds nor a case", hint
        return
    inputs = table.get("inputs")
    if not isinstance(inputs, dict) or not inputs or not all(map(_is_names, inputs.values())):
        hint = f'write [method."{place}".inputs] and key = ["name", "name.attribute"]'
        yield "inputs", "method-inputs", f"method {place!r} does not say what it reads for which key", hint
        return
    for key in sorted(inputs.keys() - {key for kind in kinds for key in carried[kind][1]}):
        hint = "declare the field, or correct the key"
        yield "inputs", "method-key", f"method {place!r} makes {key!r}, which none of its kinds has", hint


def _kinds(table: Mapping[str, Any], carried: Carried) -> list[str]:
    """The known kinds that a table is about; none when it names none, or one that is unknown."""
    stated, case = table.get("kinds", []), table.get("case")
    if not isinstance(stated, list) or not all(isinstance(kind, str) and kind in carried for kind in stated):
        return []
    return [*stated, *(kind for kind, (of, _) in carried.items() if of == case)]


def _is_names(names: Any) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) and _INPUT.fullmatch(name) for name in names)
