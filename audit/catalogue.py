"""The catalogue: the list of every field that may ever leave, as data (design 4).

`audit/outbound_fields.toml` is the list for the four cases; a product adds a file of its own with its own namespace.
This module reads such files with the standard library alone, reports every fault at once with file and line, and gives
each field the hash that consent is pinned to. It decides nothing: `audit.gate` does.

Names: a kind is `namespace/thing-done`, lower case, `-` between words. A field is `namespace.key`, or
`namespace.group.key` where a namespace uses one key with two meanings. A pair of kind and key has one definition.
"""

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from audit import method as methods
from audit._lines import line_numbers
from audit._rules import field_faults, kind_faults
from audit.canonical import canonical, read_canonical, sha256_hex
from audit.errors import CatalogueFaults, Fault
from audit.method import Method

CASES = ("event", "browser", "support", "licensing")
EVERY = "every"
REQUEST = "request"
CORE_NAMESPACE = "home"
HEADER = "home/header"
ENVELOPE = "home/envelope"
OURS = ("audit", "event", "support_routes", "diffgram_home")
TELLING = "home.header.transforms"
"""The field of the header by which corporate is told which transforms were used; it goes only when one was."""
PARAMETERS = (
    *("maximum", "minimum", "bounds", "choices", "precision", "key_column", "directories", "keys", "hex_chars"),
    "transforms",
)


@dataclass(frozen=True, slots=True)
class Source:
    """One catalogue file: its name, for messages, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Review:
    """Who read the definition, when, where that is written down, and the hash of what was read."""

    by: str
    date: str
    link: str
    definition: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: what must happen for one to arise.

    `case` is one of CASES, EVERY for what wraps every batch, or REQUEST for what leaves by itself because a person here
    asked for it: it is in no case, and goes also when all of them are off.
    """

    name: str
    case: str
    brief: str
    since: str
    removed: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field that may leave. `retention_days` is at corporate; `if_off` says what stops working without it."""

    name: str
    key: str
    case: str
    kinds: tuple[str, ...]
    type: str
    unit: str | None
    purpose: tuple[str, ...]
    brief: str
    example: Any
    sensitivity: str
    identifies: str
    retention_days: int
    owner: str
    review: Review | None
    since: str
    expires: str
    if_off: str
    explain: str | None
    params: Mapping[str, Any]
    removed: str | None
    hash: str

    @property
    def reviewed(self) -> bool:
        """Whether the review is of this very definition; a later edit voids it."""
        return self.review is not None and self.review.definition == self.hash

    @property
    def transforms(self) -> tuple[str, ...]:
        """The transforms that a customer may choose for it, in the words of `audit.transforms`."""
        return tuple(self.params.get("transforms", ()))

    def expired(self, today: date) -> bool:
        """Whether the field's date has passed, after which it is not sent until asked for again."""
        return self.expires != "never" and date.fromisoformat(self.expires) < today


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every kind, field and method of the files loaded together; `hash` is over the canonical JSON of all of them.

    `sources` are the files as they were read, to be kept with what was sealed by them.
    """

    kinds: Mapping[str, Kind]
    fields: Mapping[str, Field]
    hash: str
    methods: tuple[Method, ...] = ()
    sources: tuple[Source, ...] = dataclasses.field(default=(), compare=False, repr=False)

    def of_kind(self, kind: str) -> dict[str, Field]:
        """Return key → field for the fields that a message of `kind` may carry today."""
        return {f.key: f for f in self.fields.values() if kind in f.kinds and not f.removed}

    def of_case(self, case: str) -> tuple[Field, ...]:
        """Return the fields of one case that are not removed, in the order of the files."""
        return tuple(f for f in self.fields.values() if f.case == case and not f.removed)

    def live_kinds(self, case: str | None = None) -> tuple[Kind, ...]:
        """Return the kinds that are not removed, of one case or of all four."""
        return tuple(k for k in self.kinds.values() if not k.removed and (k.case == case if case else k.case in CASES))

    def made(self, key: str, *kinds: str) -> tuple[Method, ...]:
        """Return the methods that make a key in messages of any of `kinds`: a product's own first, then ours."""
        cases = {kind: self.kinds[kind].case for kind in kinds if kind in self.kinds}
        return tuple(m for m in self.methods if any(m.makes(kind, case, key) for kind, case in cases.items()))

    def wrapping(self) -> tuple[Field, ...]:
        """Return the fields of the header line and of the envelope that go with every batch."""
        return tuple(f for f in self.of_case(EVERY) if f.name != TELLING)


def core() -> Source:
    """Return the catalogue file of this package."""
    path = Path(__file__).with_name("outbound_fields.toml")
    return Source("audit/outbound_fields.toml", path.read_text(encoding="utf-8"))


def read(*paths: Path) -> Catalogue:
    """Return the core catalogue together with the product files at `paths`. Raises CatalogueFaults, OSError."""
    return load(core(), *(Source(str(path), path.read_text(encoding="utf-8")) for path in paths))


def load(*sources: Source) -> Catalogue:
    """Return the catalogue that the files describe together.

    Raises CatalogueFaults with every fault of every file, each with its line.
    """
    faults: list[Fault] = []
    kinds: dict[str, Kind] = {}
    fields: dict[str, Field] = {}
    carried: dict[tuple[str, str], str] = {}
    made: list[Method] = []
    namespaces: set[str] = set()
    for source in sources:
        document, lines = _document(source, faults)
        if document is None:
            continue
        fault = _Faults(source.name, lines, faults)
        namespace = _namespace(document, fault, namespaces)
        for kind in _kinds(document, namespace, fault):
            kinds[kind.name] = kind
        for field in _fields(document, namespace, kinds, fault):
            fields[field.name] = field
            _one_meaning(field, carried, fault)
        made += methods.read(document.get("method", {}), _carried(kinds, fields), fault.add)
    if faults:
        raise CatalogueFaults(tuple(sorted(faults)))
    made.sort(key=lambda method: method.place.partition(".")[0] in OURS)
    return Catalogue(kinds, fields, _hash(kinds.values(), fields.values(), made), tuple(made), sources)


class _Faults:
    """Collects the faults of one file, finding each one's line."""

    def __init__(self, file: str, lines: Mapping[tuple[str, ...], int], into: list[Fault]) -> None:
        self._file, self._lines, self._into = file, lines, into

    def add(self, where: tuple[str, ...], code: str, message: str, hint: str) -> None:
        line = next((self._lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in self._lines), 1)
        self._into.append(Fault(self._file, line, code, message, hint))


def _document(source: Source, faults: list[Fault]) -> tuple[dict[str, Any] | None, Mapping[tuple[str, ...], int]]:
    try:
        return tomllib.loads(source.text), line_numbers(source.text)
    except tomllib.TOMLDecodeError as fault:
        found = re.search(r"at line (\d+)", str(fault))
        line = int(found.group(1)) if found else source.text.count("\n") + 1
        faults.append(Fault(source.name, line, "not-toml", f"this is no TOML: {fault}", "mend the syntax"))
        return None, {}


def _namespace(document: Mapping[str, Any], fault: _Faults, taken: set[str]) -> str:
    head = document.get("catalogue")
    namespace = head.get("namespace") if isinstance(head, dict) else None
    if not isinstance(namespace, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", namespace):
        fault.add(
            ("catalogue",), "no-namespace", "the file has no namespace", 'begin it with [catalogue] namespace = "…"'
        )
        return "unnamed"
    if namespace in taken:
        hint = "each file needs a namespace of its own"
        fault.add(("catalogue", "namespace"), "namespace-taken", f"namespace {namespace!r} is taken", hint)
    taken.add(namespace)
    for table in document.keys() - {"catalogue", "kind", "field", "method"}:
        hint = "a catalogue has [catalogue], [kind.…], [field.…] and [method.…]"
        fault.add((table,), "unknown-table", f"unknown table {table!r}", hint)
    return namespace


def _kinds(document: Mapping[str, Any], namespace: str, fault: _Faults) -> Iterator[Kind]:
    for name, table in document.get("kind", {}).items():
        cases = (*CASES, EVERY, REQUEST) if namespace == CORE_NAMESPACE else CASES
        found = list(kind_faults(name, table, namespace, cases))
        for key, code, message, hint in found:
            fault.add(("kind", name, key), code, message, hint)
        if not found:
            yield Kind(name, table["case"], table["brief"], table["since"], table.get("removed"))


def _fields(document: Mapping[str, Any], namespace: str, kinds: Mapping[str, Kind], fault: _Faults) -> Iterator[Field]:
    cases = {kind.name: kind.case for kind in kinds.values()}
    for name, table in document.get("field", {}).items():
        found = list(field_faults(name, table, cases))
        for key, code, message, hint in found:
            fault.add(("field", name, key), code, message, hint)
        if not found:
            yield _field(name, table, namespace, cases)


def _field(name: str, table: Mapping[str, Any], namespace: str, cases: Mapping[str, str]) -> Field:
    values: dict[str, Any] = {
        "name": f"{namespace}.{name}",
        "key": table.get("key", name.rpartition(".")[2]),
        "case": cases[table["kinds"][0]],
        "kinds": tuple(sorted(table["kinds"])),
        "purpose": tuple(sorted(table["purpose"])),
        "params": {key: table[key] for key in PARAMETERS if key in table},
        "expires": str(table["expires"]),
        **{key: table.get(key) for key in ("unit", "explain", "removed")},
        **{
            key: table[key]
            for key in (
                "type",
                "brief",
                "example",
                "sensitivity",
                "identifies",
                "retention_days",
                "owner",
                "since",
                "if_off",
            )
        },
    }
    stated = table.get("review")
    review = Review(**{key: str(value) for key, value in stated.items()}) if stated else None
    return Field(**values, review=review, hash=sha256_hex(canonical(values)))


def definition(field: Field) -> bytes:
    """Return what `field.hash` is the SHA-256 of: the canonical JSON of all it states but its review."""
    return canonical({name: getattr(field, name) for name in Field.__slots__ if name not in ("review", "hash")})


def from_definition(data: bytes) -> Field:
    """Return the field that `definition` wrote down, without its review. Raises ValueError for anything else."""
    values = read_canonical(data)
    if values.keys() != set(Field.__slots__) - {"review", "hash"}:
        raise ValueError("this is no definition of a field")
    for name in ("kinds", "purpose"):
        values[name] = tuple(values[name])
    return Field(**values, review=None, hash=sha256_hex(data))


def _one_meaning(field: Field, carried: dict[tuple[str, str], str], fault: _Faults) -> None:
    if field.removed:
        return
    for kind in field.kinds:
        other = carried.setdefault((kind, field.key), field.name)
        if other != field.name:
            message = f"key {field.key!r} of kind {kind!r} is already defined by {other!r}"
            where = ("field", field.name.partition(".")[2], "kinds")
            fault.add(where, "two-meanings", message, "one key of a kind has one meaning: name one of them otherwise")


def _carried(kinds: Mapping[str, Kind], fields: Mapping[str, Field]) -> dict[str, tuple[str, set[str]]]:
    """Each kind's case, and the keys that its messages may carry."""
    return {k.name: (k.case, {f.key for f in fields.values() if k.name in f.kinds}) for k in kinds.values()}


def _hash(kinds: Iterable[Kind], fields: Iterable[Field], made: Iterable[Method]) -> str:
    listed = [
        {"name": k.name, "case": k.case, "brief": k.brief, "since": k.since, "removed": k.removed}
        for k in sorted(kinds, key=lambda kind: kind.name)
    ]
    stated: dict[str, Any] = {"kinds": listed, "fields": {f.name: f.hash for f in fields}}
    if steps := sorted((method.stated() for method in made), key=canonical):
        stated["methods"] = steps
    return sha256_hex(canonical(stated))
