"""The words of an exception: literals of the `raise` that ran, with shapes for what the run put in (design 5).

The code object and the instruction of the last step of the traceback name the raise; what it handed over and what the
exception's class makes of that are templates of shipped source; `args`, read by the interpreter's own descriptor, must
match exactly one of them as a whole, or no words leave. Only exact `str` is matched. Nothing of the exception, of its
class or of a value in it is ever called. Code that differs from the release has another fingerprint, and no words.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FunctionType, TracebackType
from typing import Any

from event._error import module_of
from event._fingerprint import fingerprint
from event._reduce import class_name
from event._shape import shape
from event._template import ANYTHING, HOLE, Template, Templates, bounded, filled, has_words, match
from event.raise_sites import Arguments, Construct, RaiseSites, Site

MAX_ARGUMENTS = 8
_MAX_WALK = 10_000
_MAX_KEPT = 10_000
Said = list[str | list[str]]
"""One argument: a literal is a text, a hole a list with its shape."""

_args = BaseException.__dict__["args"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__
_mro = type.__dict__["__mro__"].__get__
_namespace = type.__dict__["__dict__"].__get__
_code = FunctionType.__dict__["__code__"].__get__
Kept = dict[int, tuple[Any, Any]]


class Words:
    """Finds the words of exceptions against the raise sites of one release. Any thread may use it."""

    def __init__(self, raise_sites: RaiseSites) -> None:
        self._raise_sites = raise_sites
        self._marks: Kept = {}
        self._made: dict[tuple[int, int], tuple[type, Arguments | None]] = {}

    def of(self, exception: BaseException) -> list[Said] | None:
        """Return literals and shapes of each argument, or None when no raise of the release is known to have run."""
        site = self._site(_traceback(exception))
        if site is None:
            return None
        handed = self._handed(type(exception), site.arguments)
        if handed is None:
            return None
        said = [_said(value, _at(handed, n)) for n, value in enumerate(_args(exception)[:MAX_ARGUMENTS])]
        return said if any(isinstance(part, str) for argument in said for part in argument) else None

    def _site(self, trace: TracebackType | None) -> Site | None:
        last = None
        for _ in range(_MAX_WALK):
            if trace is None:
                break
            last, trace = trace, trace.tb_next
        if last is None or trace is not None:
            return None
        module = module_of(last.tb_frame)
        marks = self._marks_of(module, last.tb_frame.f_code)
        number = marks.get(last.tb_lasti)
        return self._raise_sites.sites[module][number] if number is not None else None

    def _marks_of(self, module: str, code: CodeType) -> Mapping[int, int]:
        """Return instruction → site of a code object; its fingerprint is made once."""
        known = self._marks.get(id(code))
        if known is not None and known[0] is code:
            return known[1]  # type: ignore[no-any-return]
        codes = self._raise_sites.codes.get(module)
        marks = codes.get(fingerprint(code), {}) if codes else {}
        if len(self._marks) < _MAX_KEPT:
            self._marks[id(code)] = code, marks
        return marks

    def _handed(self, kind: type, passed: Arguments) -> Arguments | None:
        """Return what `args` can be after the class has made its own of what the raise passed; made once for both."""
        key = id(kind), id(passed)
        known = self._made.get(key)
        if known is None or known[0] is not kind:
            construct = self._construct(kind)
            made = constructed(construct, passed) if isinstance(construct, Construct) else None
            known = kind, passed if construct is None else made
            if len(self._made) < _MAX_KEPT:
                self._made[key] = known
        return known[1]

    def _construct(self, kind: type) -> Construct | bool | None:
        """Return what is known of the class: None if it keeps what is passed, False if its code is another's."""
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
        if not inits:
            return None
        for ancestor in _mro(kind):
            known = self._raise_sites.classes.get(class_name(ancestor))
            if known is not None:
                return known if inits <= known.inits else False
            if "__init__" in dict(_exact(_namespace(ancestor))):
                return False
        return False


_SLOT = type(BaseException.__init__)


def _exact(names: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a class whose names are exact texts: a lookup could run the code of others."""
    return ((name, value) for name, value in names.items() if type(name) is str)


def constructed(construct: Construct, passed: Arguments) -> Arguments:
    """Return what `args` can be when `construct` was handed `passed`."""
    named = dict(passed.keywords)
    defaults = dict(construct.defaults)
    values: dict[str, Templates] = {f"#{n}": templates for n, templates in enumerate(passed.positional)}
    for number, name in enumerate(construct.parameters):
        if number < len(passed.positional):
            values[name] = passed.positional[number]
        elif name in named:
            values[name] = named[name]
        elif not passed.is_open and "**" not in named:
            values[name] = defaults.get(name, ANYTHING)
    for name in defaults.keys() - set(construct.parameters):
        values[name] = named.get(name, ANYTHING if "**" in named else defaults[name])
    made = [_filled(templates, values) for templates in construct.arguments.positional]
    is_open = False
    if construct.arguments.rest >= 0:
        made += passed.positional[construct.arguments.rest :]
        is_open = passed.is_open
    if construct.as_passed:
        both = max(len(made), len(passed.positional))
        made = [_union(made, passed.positional, n) for n in range(both)]
        is_open = is_open or passed.is_open
    return Arguments(tuple(made), (), -1, is_open)


def _filled(templates: Templates, values: Mapping[str, Templates]) -> Templates:
    return bounded(frozenset(whole for template in templates for whole in filled(template, values)))


def _union(left: list[Templates], right: tuple[Templates, ...], number: int) -> Templates:
    none: Templates = frozenset()
    return (left[number] if number < len(left) else none) | (right[number] if number < len(right) else none)


def _at(handed: Arguments, number: int) -> Templates:
    return handed.positional[number] if number < len(handed.positional) else ANYTHING


def _said(value: Any, templates: Iterable[Template]) -> Said:
    """Return the one template that is the whole of `value`, with shapes in its holes; else the shape of it all."""
    if type(value) is str:
        matching = [(t, holes) for t in templates if (holes := _holes(t, value)) is not None]
        if len(matching) == 1 and has_words(matching[0][0]):
            template, holes = matching[0]
            shapes = iter(holes)
            return [part if isinstance(part, str) else [shape(next(shapes))] for part in template]
    return [[shape(value)]]


def _holes(template: Template, value: str) -> list[str] | None:
    if len(template) == 1 and not isinstance(template[0], str):
        return [value] if template == HOLE else None  # a value that is no text was not a text
    return match(template, value)
