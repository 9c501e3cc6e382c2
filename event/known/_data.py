"""The catalogue files beside this module: read when an index is built; in the product only what others languages say.

A file `NAME.toml` is the catalogue NAME: `[[group]]` with `types` and `messages` (event/known/notation.py), and
`[lists]` with names for its holes. `translations.json` has what messages of a catalogue are in other languages.
"""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from audit.known import INNER, Group, Known, Message, carries
from audit.template import Template
from event.known._system import RESOLVER, SYSTEM
from event.known._table import template
from event.known.notation import has_words, parts, text_of

Translations = Mapping[Message, tuple[tuple[Template, tuple[int, ...]], ...]]
_SOURCE = resources.files(__package__)


def shipped(names: Mapping[str, frozenset[str]] | None = None) -> Known:
    """Return every catalogue with its lists, and the lists of `names`, which are the product's own.

    Raises ValueError for a message that could never leave, a hole without a list, or a list that is there twice.
    """
    catalogues: dict[str, tuple[Group, ...]] = {}
    lists: dict[str, frozenset[str]] = {"system": frozenset(SYSTEM.values()) | frozenset(RESOLVER)}
    lists |= dict.fromkeys(("table", "column", "constraint", "field"), frozenset())
    lists |= names or {}
    for name, content in _files():
        catalogues[name] = tuple(_group(group) for group in content.get("group", ()))
        for kind, members in content.get("lists", {}).items():
            if kind in lists:
                raise ValueError(f"the list {kind!r} of catalogue {name!r} is there already: name it otherwise")
            lists[kind] = frozenset(members)
    return Known(catalogues, lists)


def _files() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(_SOURCE.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield file.name.removesuffix(".toml"), tomllib.loads(file.read_text(encoding="utf-8"))


def _group(group: Mapping[str, Any]) -> Group:
    messages = tuple(parts(text) for text in group["messages"])
    silent = [text_of(message) for message in messages if not _can_leave(message)]
    if silent:
        raise ValueError(f"messages of too few words, which could never leave: {silent}")
    return tuple(group["types"]), messages


def _can_leave(message: Message) -> bool:
    """Say whether there are words enough, in the message itself or in what its holes may name."""
    return has_words(p for p in message if isinstance(p, str)) or any(p[0] for p in message if not isinstance(p, str))


def for_types(known: Known, types: Collection[str]) -> Known:
    """Return the groups that an exception of one of `types` can carry, and the catalogues that their holes name."""
    groups = {
        name: tuple(group for group in rows if any(carries(group[0], kind) for kind in types))
        for name, rows in known.catalogues.items()
    }
    inner = {
        name
        for rows in groups.values()
        for _, messages in rows
        for message in messages
        for part in message
        if not isinstance(part, str) and part[0].startswith(INNER)
        for name in part[0][1:].split("+")
    }
    kept = {name: known.catalogues[name] if name in inner else rows for name, rows in groups.items()}
    return Known({name: rows for name, rows in kept.items() if rows}, known.lists)


@cache
def translated(catalogue: str) -> Translations:
    """Return the texts of messages in other languages, each with which of its holes the English ones are."""
    file = _SOURCE / "translations.json"
    rows: dict[str, list[list[Any]]] = json.loads(file.read_text(encoding="utf-8")).get(catalogue, {})
    return {
        parts(text): tuple((template(parts(other)), tuple(holes)) for other, holes in others)
        for text, others in rows.items()
    }


def names_of_models(metadata: Any) -> dict[str, frozenset[str]]:
    """Return tables, columns (also as `table.column`) and constraints that a SQLAlchemy MetaData maps.

    Constraints without a name get the one that PostgreSQL gives them.
    """
    tables, columns, constraints = set[str](), set[str](), set[str]()
    for table in metadata.tables.values():
        tables.add(str(table.name))
        columns |= {name for column in table.columns for name in (str(column.name), f"{table.name}.{column.name}")}
        constraints |= {str(index.name) for index in table.indexes if index.name}
        for constraint in table.constraints:
            constraints |= {str(constraint.name)} if constraint.name else set(_given(table, constraint))
    return {"table": frozenset(tables), "column": frozenset(columns), "constraint": frozenset(constraints)}


def _given(table: Any, constraint: Any) -> Iterator[str]:
    """Yield the name that PostgreSQL gives to a constraint without one, as far as it tells no more than columns."""
    named = "_".join(str(column.name) for column in constraint.columns)
    how = {"UniqueConstraint": "key", "ForeignKeyConstraint": "fkey"}.get(type(constraint).__name__)
    if type(constraint).__name__ == "PrimaryKeyConstraint":
        yield f"{table.name}_pkey"
    elif how is not None and named:
        yield f"{table.name}_{named}_{how}"
