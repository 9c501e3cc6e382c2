"""The words of an exception: literals of the `raise` that ran, with shapes for what the run put in (design 5).

The code object and the instruction of the last step of the traceback name the raise; what it handed over and what the
exception's class makes of that are templates of shipped source; `args`, read by the interpreter's own descriptor, must
match exactly one of them as a whole, or no words leave. Only exact `str` is matched. Nothing of the exception, of its
class or of a value in it is ever called. Code that differs from the release has another fingerprint, and no words.

What no known `raise` explains (compiled code, drivers, servers) has the words of the catalogues of the index
(`event.known`), and so has a library that only hands on a message. A product's own raise never has: what it hands on is
data of the run.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import CodeType, FrameType, FunctionType, TracebackType
from typing import Any

from audit import code_text
from audit.index import Index
from audit.sites import NOTHING, Arguments, Marks, Site, Sites
from audit.template import HOLE, Template, has_words, match
from audit.types import MAX_SHAPES
from event._fingerprint import fingerprint, module_of
from event._reduce import class_name
from event._shape import shape
from event.known import Said as Known

_MAX_WALK = 10_000
_MAX_KEPT = 10_000
Sayable = tuple[tuple[tuple[Template, bool], ...], ...]
"""For each argument its templates, and whether each has words: none where none has, nothing where no argument has."""
Said = list[str | list[str]]
"""One argument: a literal is a text, a hole a list with its shape."""

_args = BaseException.__dict__["args"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_mro = type.__dict__["__mro__"].__get__
_namespace = type.__dict__["__dict__"].__get__
_code = FunctionType.__dict__["__code__"].__get__
Kept = dict[int, tuple[CodeType, str, Marks]]


class Marked:
    """Finds the site at which a code object stands, in one slot of sites of the index. Any thread may use it."""

    def __init__(self, sites: Mapping[str, Sites]) -> None:
        self._sites = sites
        self._marks: Kept = {}

    def at(self, frame: FrameType, offset: int) -> tuple[str, Site] | None:
        """Return name and site of the instruction at `offset` of a frame's code; None where nothing is known of it."""
        module = module_of(frame)
        number = self._of(module, frame.f_code).get(offset)
        return (f"{module}:{number}", self._sites[module].sites[number]) if number is not None else None

    def _of(self, module: str, code: CodeType) -> Marks:
        """Return instruction → site of a code object; its fingerprint is made once."""
        known = self._marks.get(id(code))
        if known is not None and known[0] is code and known[1] == module:
            return known[2]
        codes = self._sites.get(module, NOTHING).codes
        marks = codes.get(fingerprint(code), {}) if codes else {}
        if len(self._marks) < _MAX_KEPT:
            self._marks[id(code)] = code, module, marks
        return marks


class Words:
    """Finds the words of exceptions against one index. Any thread may use it."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._raises = Marked(index.raises)
        self._made: dict[tuple[int, str], tuple[type, Sayable]] = {}
        self._known = Known(index.known, code_text.slots(index))

    def of(self, exception: BaseException, name: str = "", shapes: Sequence[str] = ()) -> dict[str, Any] | None:
        """Return the `code_text` of an exception, or None when no words are known for it.

        `name` is the name of its type, `shapes` those of its first arguments, if that is known already.
        """
        name = name or class_name(type(exception))
        last = _last(_traceback(exception))
        found = self._raises.at(last.tb_frame, last.tb_lasti) if last is not None else None
        if found is not None:
            said = self._of_raise(exception, name, shapes, *found)
            if said is not None or self._index.is_product(found[0].rpartition(":")[0]):
                return said
        return self._known.of_named(name, _args(exception))

    def told(self, name: str, module: str, line: int, message: str) -> dict[str, Any] | None:
        """Return the `code_text` of an exception that somebody told: its type, where it was raised, its whole message.

        Of the raises whose statement holds that line, exactly one must yield exactly one template that is the message;
        only those that hand over one argument are asked, since of several the message says nothing.
        """
        sites = [
            (f"{module}:{number}", site)
            for number, site in enumerate(self._index.raises.get(module, NOTHING).sites)
            if site.position[0] <= line <= site.position[1]
        ]
        if not sites or not self._index.is_product(module):
            return self._told_of(name, sites, message) or self._known.of_named(name, (message,))
        return self._told_of(name, sites, message)

    def declared(self, name: str, message: str) -> dict[str, Any] | None:
        """Return the `code_text` of an exception of another language, whose whole message its names file may state."""
        return self._known.of_named(name, (message,))

    def _told_of(self, name: str, sites: Sequence[tuple[str, Site]], message: str) -> dict[str, Any] | None:
        made = [(at, code_text.handed(self._index, name, site.arguments)) for at, site in sites]
        alone = [(at, one.positional[0]) for at, one in made if len(one.positional) == 1 and not one.is_open]
        if len(alone) < len(made):
            return None  # another raise of the line could have said it
        its_shape = shape(message)
        said = {at: _said(message, _with_words(templates), its_shape) for at, templates in alone}
        fitting = [at for at, templates in alone if any(holes(t, message) is not None for t in templates)]
        if len(fitting) != 1 or not _is_worded([said[fitting[0]]]):
            return None
        return {"at": fitting[0], "arguments": [said[fitting[0]]]}

    def _of_raise(
        self, exception: BaseException, name: str, shapes: Sequence[str], at: str, site: Site
    ) -> dict[str, Any] | None:
        sayable = self._sayable(type(exception), name, at, site)
        if not sayable:
            return None
        values = _args(exception)[:MAX_SHAPES]
        shapes = shapes if len(shapes) == len(values) else [shape(value) for value in values]
        said = [_said(value, sayable[n] if n < len(sayable) else (), shapes[n]) for n, value in enumerate(values)]
        return {"at": at, "arguments": said} if _is_worded(said) else None

    def _sayable(self, kind: type, name: str, at: str, site: Site) -> Sayable:
        """Return what `args` can say after the class has made its own of what the raise passed; made once for both."""
        key = id(kind), at
        known = self._made.get(key)
        if known is None or known[0] is not kind:
            made = code_text.handed(self._index, name, site.arguments) if self._is_shipped(kind, name) else None
            known = kind, _sayable(made)
            if len(self._made) < _MAX_KEPT:
                self._made[key] = known
        return known[1]

    def _is_shipped(self, kind: type, name: str) -> bool:
        """Say whether all code of the class that has a say in `args` is that of the index."""
        inits: set[str] = set()
        for ancestor in _mro(kind):
            if ancestor is object or ancestor is BaseException:
                break
            own = dict(_exact(_namespace(ancestor)))
            if type(own.get("__new__")) in (FunctionType, staticmethod):
                return False
            found = own.get("__init__")
            if type(found) is FunctionType:
                inits.add(fingerprint(_code(found)))
            elif "__init__" in own and type(found) is not _SLOT:
                return False
        construct = self._index.classes.get(name)
        return inits <= construct.inits if construct is not None else not inits


def _last(trace: TracebackType | None) -> TracebackType | None:
    """Return the last step of a traceback, where the exception was raised."""
    last = None
    for _ in range(_MAX_WALK):
        if trace is None:
            return last
        last, trace = trace, trace.tb_next
    return None


_SLOT = type(BaseException.__init__)


def _exact(names: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a class whose names are exact texts: a lookup could run the code of others."""
    return ((name, value) for name, value in names.items() if type(name) is str)


def _said(value: Any, templates: Collection[tuple[Template, bool]], its_shape: str) -> Said:
    """Return the one template that is the whole of `value`, with shapes in its holes; else the shape of it all."""
    if templates and type(value) is str:
        matching = [(t, is_worded, found) for t, is_worded in templates if (found := holes(t, value)) is not None]
        if len(matching) == 1 and matching[0][1]:
            template, _, values = matching[0]
            shapes = iter(values)
            return [part if isinstance(part, str) else [shape(next(shapes))] for part in template]
    return [[its_shape]]


def _sayable(made: Arguments | None) -> Sayable:
    if made is None:
        return ()
    found = tuple(_with_words(templates) for templates in made.positional)
    return found if any(found) else ()


def _with_words(templates: Collection[Template]) -> tuple[tuple[Template, bool], ...]:
    found = tuple((template, has_words(template)) for template in templates)
    return found if any(is_worded for _, is_worded in found) else ()


def _is_worded(said: list[Said]) -> bool:
    """Say whether a template was found for one of them: of any other there is but a shape."""
    return any([len(argument) > 1 or type(argument[0]) is str for argument in said])  # noqa: C419  faster by a half


def holes(template: Template, value: str) -> list[str] | None:
    """Return what stands in the holes when `template` is the whole of an exact text, else None."""
    if len(template) == 1:
        if isinstance(template[0], str):
            return [] if value == template[0] else None
        return [value] if template == HOLE else None  # a value that is no text was not a text
    return match(template, value)
