"""The complete list in the docstring of `event/event.py`, kept equal to the catalogue.

`python -m event.document --write` writes it, `--check` exits with 1 when it is stale. The list is made from the case
`event` of `audit/outbound_fields.toml` and from nothing else.
"""

import argparse
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit import generated
from audit.catalogue import Catalogue, Field, core, load

BEGIN, END = "<!-- begin -->", "<!-- end -->"
TARGET = Path(__file__).with_name("event.py")
_WIDTH = 118


def table(catalogue: Catalogue) -> str:
    """Return the list: for each kind of the case `event`, every field with type, sensitivity, retention and meaning."""
    return "\n\n".join("\n".join(_kind(catalogue, kind.name)) for kind in catalogue.live_kinds("event"))


def _kind(catalogue: Catalogue, name: str) -> Iterator[str]:
    yield from textwrap.wrap(f"{name}: {catalogue.kinds[name].brief}", _WIDTH)
    for key, field in catalogue.of_kind(name).items():
        yield f"    {key} ({field.type}{_bounds(field)}), {field.sensitivity}, kept {field.retention_days} days"
        yield from textwrap.wrap(field.brief, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)


def _bounds(field: Field) -> str:
    shown = [f"{name} {_value(value)}" for name, value in field.params.items() if name != "transforms"]
    return "".join(f", {text}" for text in ([field.unit] if field.unit else []) + shown)


def _value(value: object) -> str:
    return " ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def renewed(text: str, catalogue: Catalogue) -> str:
    """Return the source `text` with the list between its marks made anew. Raises ValueError when a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN!r} and {END!r} in the docstring: put both lines back")
    return f"{before}{BEGIN}\n{table(catalogue)}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check; returns 0, or 1 when the list is stale."""
    parser = argparse.ArgumentParser(prog="python -m event.document", description=(__doc__ or "").partition("\n")[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--write", action="store_true", help="make the list anew")
    which.add_argument("--check", action="store_true", help="exit with 1 when the list is stale")
    given = parser.parse_args(arguments)
    text = TARGET.read_text(encoding="utf-8")
    fresh = renewed(text, load(core()))
    return generated.settle({TARGET: fresh}, "python -m event.document --write", write=given.write)


if __name__ == "__main__":
    sys.exit(main())
