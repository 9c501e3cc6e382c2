"""The index: what the vendor shipped, as names and words of code that may therefore leave (design 5).

Built from source at build time by `python -m event.index`, shipped with the release, pinned by hash in the settings,
and held by corporate too. The customer's server is never scanned. One list a slot; what is not in its own slot's list
leaves as `<place>`, `<type>`, `<route>`, `<logger>`, or as a shape.

The file is lines of canonical JSON, to be read by people too (`python -m audit index FILE`). The first names format,
release and interpreter; each other is `["slot","name",entry]`, in the order of slots and names, so that nothing stands
in it twice. Its hash is the SHA-256 of its bytes (docs/formats/index.md).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from audit._slots import FORMS, LINE, NAMES, Lines, Slot, Source, malformed, written
from audit.canonical import canonical, read_canonical, sha256_hex
from audit.errors import IndexFault
from audit.known import NONE, Known
from audit.scripts import Bundle
from audit.sites import Construct, Sites

__all__ = ["EMPTY", "FORMAT", "Index", "Lines", "Source", "check", "encode", "new", "parse", "sealed"]

FORMAT = "diffgram-home-index/2"
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Index:
    """Names and words of one release; two are equal when their bytes are, which is what `hash` says.

    `modules` maps module → qualified function name → line ranges, first and last included; `sources` says to which
    library a module belongs. `raises`, `classes` and `logs` are what `audit.sites` describes; `bundles` maps the file
    name of a JavaScript bundle to what is known of it; `known` has messages that no source here makes.
    """

    release: str
    modules: Mapping[str, Mapping[str, Lines]] = field(compare=False)
    types: frozenset[str] = field(compare=False)
    routes: frozenset[str] = field(default=_NONE, compare=False)
    versions: frozenset[str] = field(default=_NONE, compare=False)
    hash: str = ""
    interpreter: str = field(default="", compare=False)
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)
    libraries: Mapping[str, str] = field(default_factory=dict, compare=False)
    raises: Mapping[str, Sites] = field(default_factory=dict, compare=False)
    classes: Mapping[str, Construct] = field(default_factory=dict, compare=False)
    logs: Mapping[str, Sites] = field(default_factory=dict, compare=False)
    loggers: frozenset[str] = field(default=_NONE, compare=False)
    bundles: Mapping[str, Bundle] = field(default_factory=dict, compare=False)
    known: Known = field(default=NONE, compare=False)

    def has_place(self, place: str) -> bool:
        """Say whether `module:function:line` is a line of that function in the shipped source."""
        module, _, rest = place.partition(":")
        function, _, line = rest.rpartition(":")
        if not line.isascii() or not line.isdigit() or len(line) > 6 or str(int(line)) != line:
            return False
        ranges = self.modules.get(module, {}).get(function, ())
        return any(first <= int(line) <= last for first, last in ranges)

    def has_type(self, name: str) -> bool:
        """Say whether `name` is an exception type of the release, of its libraries, or of the interpreter."""
        return name in self.types

    def has_route(self, rule: str) -> bool:
        """Say whether `rule` is a registered URL rule such as `/project/<int:id>`."""
        return rule in self.routes

    def has_logger(self, name: str) -> bool:
        """Say whether `name` is the name of a logger that shipped code asks for."""
        return name in self.loggers

    def is_product(self, module: str) -> bool:
        """Say whether a module is the product's own: shipped, and of no library."""
        if module not in self.modules:
            return False
        source = self.sources.get(module)
        return source is None or not source.library


def new(
    release: str,
    modules: Mapping[str, Mapping[str, Lines]],
    types: frozenset[str],
    routes: frozenset[str] = _NONE,
    versions: frozenset[str] = _NONE,
) -> Index:
    """Return an index of names alone, with its hash."""
    return sealed(Index(release, modules, types, routes, versions))


def sealed(index: Index) -> Index:
    """Return the index with its hash: SHA-256 over the bytes that `encode` writes."""
    return replace(index, hash=sha256_hex(encode(index)))


def encode(index: Index) -> bytes:
    """Return the index as its file, the bytes that its hash is over."""
    head = canonical({"format": FORMAT, "interpreter": index.interpreter, "release": index.release})
    return b"\n".join((head, *_lines(index), b""))


def _lines(index: Index) -> Iterator[bytes]:
    for slot, form in FORMS.items():
        found = attrgetter(form.attribute)(index)
        entries: Mapping[str, Any] = {"": found} if slot in NAMES else found
        for name in sorted(entries, key=lambda one: one.encode("utf-8", "surrogatepass")):
            line = b'["%s",%s,%s]' % (slot.encode(), canonical(name), written(form, entries, name))
            if LINE.fullmatch(line) is None:
                raise IndexFault("index-name", f"the {slot} cannot hold the name {name!r}", "rename it")
            yield line


def parse(data: bytes) -> Index:
    """Return the index that `data` holds; entries are decoded later, when they are asked for.

    Raises IndexFault when it is no index of this format. An entry that is none raises it when it is asked for: `check`
    asks for all of them.
    """
    head, *lines = data.split(b"\n")
    if not lines or lines.pop() != b"":
        raise malformed()
    try:
        stated = read_canonical(head)
    except ValueError as fault:
        raise malformed() from fault
    if stated.keys() != {"format", "interpreter", "release"} or stated["format"] != FORMAT:
        raise malformed()
    raw = _by_slot(lines)
    if any(raw[slot].keys() != {b""} for slot in NAMES):
        raise malformed()
    slots: dict[str, Slot[Any]] = {
        form.attribute: Slot({name.decode(): entry for name, entry in raw[slot].items()}, form)
        for slot, form in FORMS.items()
    }
    names = {slot: slots.pop(slot)[""] for slot in NAMES}
    messages = Known(slots.pop("known.catalogues"), slots.pop("known.lists"))
    whole: Any = {**slots, **names, "known": messages}
    return Index(str(stated["release"]), hash=sha256_hex(data), interpreter=str(stated["interpreter"]), **whole)


def _by_slot(lines: Iterable[bytes]) -> dict[str, dict[bytes, bytes]]:
    """Return slot → name → entry; raises IndexFault for a line that is none, or not in its place."""
    raw: dict[str, dict[bytes, bytes]] = {slot: {} for slot in FORMS}
    last = (b"", b"")
    for line in lines:
        found = LINE.fullmatch(line)
        if found is None or found[1].decode() not in FORMS or not _is_text(found[2]):
            raise malformed()
        at = found[1], found[2]
        if at <= last:
            raise IndexFault("index-not-canonical", "the index is not in order", "build it again, do not edit it")
        raw[found[1].decode()][found[2]] = found[3]
        last = at
    return raw


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def check(data: bytes) -> Index:
    """Return the index that `data` holds, every entry of it read and in its one form. Raises IndexFault."""
    index = parse(data)
    for form in FORMS.values():
        entries = attrgetter(form.attribute)(index)
        if isinstance(entries, Slot):
            for name in entries:
                if canonical(form.write(entries[name])) != entries.raw(name):
                    raise _not_canonical()
    if encode(index) != data:
        raise _not_canonical()
    return index


def _not_canonical() -> IndexFault:
    return IndexFault("index-not-canonical", "the index is not in canonical form", "build it again, do not edit it")


EMPTY = new("none", {}, frozenset())
