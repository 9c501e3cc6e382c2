"""An index for people: what stands in it, and every word of source that may leave by it."""

from collections.abc import Iterator, Sequence
from operator import attrgetter

from audit._slots import FORMS
from audit.index import Index
from audit.sites import Arguments, Sites
from audit.template import Template, has_words


def summary(index: Index) -> Iterator[str]:
    """Yield hash, release, interpreter, libraries, and how much stands in each slot."""
    yield f"{index.hash}  {index.release}, {index.interpreter or 'no interpreter'}"
    for slot, form in FORMS.items():
        found = attrgetter(form.attribute)(index)
        more = f": {', '.join(f'{n} {v}' for n, v in sorted(found.items()))}" if slot == "libraries" and found else ""
        yield f"{len(found):8}  {slot}{more}"


def words(index: Index, modules: Sequence[str]) -> Iterator[str]:
    """Yield every place that says words, with its templates (`<>` is a hole), under `modules` if some are named."""
    for name in sorted(index.raises.keys() | index.logs.keys()):
        if not modules or any(name == m or name.startswith(f"{m}.") for m in modules):
            yield from _sites(name, index.raises.get(name), "raise")
            yield from _sites(name, index.logs.get(name), "log")
    for name in sorted(index.classes):
        if not modules or any(name.startswith(f"{m}.") for m in modules):
            yield from (f"{name}  makes  {text}" for text in _texts(index.classes[name].arguments))


def _sites(module: str, sites: Sites | None, what: str) -> Iterator[str]:
    for number, site in enumerate(sites.sites if sites is not None else ()):
        for text in _texts(site.arguments):
            yield f"{module}:{number}  {what} in line {site.position[0]}  {text}"


def _texts(arguments: Arguments) -> Iterator[str]:
    every = (*arguments.positional, *(templates for _, templates in arguments.keywords))
    yield from sorted(repr(text)[1:-1] for templates in every for t in templates if has_words(t) and (text := _text(t)))


def _text(template: Template) -> str:
    return "".join(part if isinstance(part, str) else "<>" for part in template)
