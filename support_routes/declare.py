"""`python -m support_routes.declare MODULE … --catalogue FILE --file FILE`: the document of a product's reporters.

It is run where the release is made, and imports the product's modules by their names; the document goes with the
release, and no process of the installation loads this. `--check` writes nothing and exits with 1 when it is stale.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit import catalogue as catalogues
from audit.catalogue import Catalogue
from audit.errors import CatalogueFaults
from support_routes import reporting
from support_routes.errors import RouteFault, RouteFaults
from support_routes.reporting import Reporter


def declared(modules: Sequence[str], catalogue: Catalogue) -> bytes:
    """Return the document of the reporters in these modules. Raises RouteFaults, and what a function raises."""
    found = [pair for name in modules for pair in _of_module(name)]
    document = reporting.encode([one for one, _ in found])
    reporting.read(document, catalogue)
    faults = [_other_query(one, said, one.query(catalogue)) for one, said in found if said is not None]
    if wrong := [fault for fault in faults if fault]:
        raise RouteFaults(wrong)
    return document


def _of_module(name: str) -> Iterator[tuple[Reporter, str | None]]:
    """Each reporter with the query that its function returns, if it returns one."""
    for value in vars(importlib.import_module(name)).values():
        made = getattr(value, "reporter", None)
        if isinstance(made, Reporter) and made.place.partition(":")[0] == name:
            yield made, _text(value())


def _text(said: object) -> str | None:
    """A query as text; SQLAlchemy's constructs are put into words with their values in them."""
    if said is None or isinstance(said, str):
        return said
    compiled = said.compile(compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    return str(compiled)


def _other_query(one: Reporter, said: str, listed: str) -> RouteFault | None:
    if said.split() == listed.split():
        return None
    hint = f"if it is what shall be counted, write explain = {' '.join(said.split())!r}, and have it reviewed"
    message = f"reporter {one.name!r} asks another query than the catalogue explains"
    return RouteFault("reporter-other-query", one.name, message, hint)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the document; 1 with every fault on standard error."""
    parser = argparse.ArgumentParser(prog="python -m support_routes.declare", description=__doc__)
    parser.add_argument("modules", nargs="+", metavar="MODULE", help="a module of the product with reporters")
    parser.add_argument("--catalogue", required=True, type=Path, help="the product's catalogue")
    parser.add_argument("--file", required=True, type=Path, help="the document, reporters.json")
    parser.add_argument("--check", action="store_true", help="exit with 1 when the document is stale")
    options = parser.parse_args(arguments)
    try:
        document = declared(options.modules, catalogues.read(options.catalogue))
    except (RouteFaults, CatalogueFaults) as error:
        print("\n".join(f"{fault.message}; {fault.hint}" for fault in error.faults), file=sys.stderr)
        return 1
    if options.check:
        return 0 if options.file.is_file() and options.file.read_bytes() == document else 1
    options.file.write_bytes(document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
