"""`python -m audit`: read, hash and compare catalogues with the standard library alone.

    python -m audit fields [--json] [FILE…]      every field that may ever leave, core and the product files named
    python -m audit hash [FILE…]                 the catalogue's hash, then each field's
    python -m audit diff OLD NEW                 what changed between two catalogue files (or folders of files)
    python -m audit methods [--write] [FILE…]    whether each method that a catalogue states is that of the source
    python -m audit index FILE [--words [MODULE…]]   what stands in an index of shipped code; every word that may leave
    python -m audit promises                     what was promised, how it is kept, and the tests that prove it
    python -m audit document [--check|--write]   docs/outbound_fields.md and docs/promises.md

Exit codes: 0 as asked, nothing material changed; 1 a stale page or method; 2 usage; 3 a material change; 4 a faulty
file.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from audit import catalogue, difference, document, generated, index, methods, promises, showing
from audit.errors import CatalogueFaults, IndexFault

OK, STALE, USAGE, MATERIAL_CHANGE, FAULTY = range(5)
PAGES: dict[Path, Callable[[], str]] = {
    Path("docs/outbound_fields.md"): lambda: document.markdown(catalogue.read()),
    Path("docs/promises.md"): lambda: promises.markdown(promises.read()),
}


def main(arguments: Sequence[str]) -> int:
    """Do what `arguments` say and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.do(options))
    except CatalogueFaults as faults:
        print(faults, file=sys.stderr)
    except IndexFault as fault:
        print(f"{fault}; {fault.hint}", file=sys.stderr)
    except OSError as fault:
        print(f"cannot read {fault.filename!r}: {fault.strerror}; name a readable file", file=sys.stderr)
    return FAULTY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m audit", description="read, hash and compare what may leave")
    verbs = parser.add_subparsers(required=True, metavar="fields|hash|diff|methods|index|promises|document")
    for name, do, words in (
        ("fields", _fields, "every field that may ever leave"),
        ("hash", _hash, "the catalogue's hash, then each field's"),
    ):
        verb = verbs.add_parser(name, help=words, description=words)
        verb.add_argument(
            "files", nargs="*", type=Path, metavar="FILE", help="product catalogues to read beside the core"
        )
        verb.add_argument("--json", action="store_true", help="one JSON document, for programs")
        verb.set_defaults(do=do)
    words = "what changed; exit code 3 when a change is material"
    verb = verbs.add_parser("diff", help=words, description=words)
    verb.add_argument("old", type=Path)
    verb.add_argument("new", type=Path)
    verb.add_argument("--json", action="store_true", help="one JSON document, for programs")
    verb.set_defaults(do=_diff)
    words = "whether each method that a catalogue states is that of the source"
    verb = verbs.add_parser("methods", help=words, description=words)
    verb.add_argument("files", nargs="*", type=Path, metavar="FILE", help="product catalogues to read beside the core")
    words = "where the source of products is; that of this release is always looked at"
    verb.add_argument("--source", action="append", default=[], type=Path, metavar="FOLDER", help=words)
    verb.add_argument("--write", action="store_true", help="write the versions of the source into the files")
    verb.set_defaults(do=_methods)
    words = "what stands in an index of shipped code"
    verb = verbs.add_parser("index", help=words, description=words)
    verb.add_argument("file", type=Path, metavar="FILE", help="the index file of a release")
    words = "every word of source that it lets leave, with its place; of these modules only, if some are named"
    verb.add_argument("--words", nargs="*", metavar="MODULE", help=words)
    verb.set_defaults(do=_index)
    words = "what was promised, how it is kept, and the tests that prove it"
    verb = verbs.add_parser("promises", help=words, description=words)
    verb.set_defaults(do=_promises)
    words = f"{' and '.join(map(str, PAGES))}, made from the data of this package"
    verb = verbs.add_parser("document", help=words, description=words)
    mode = verb.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="exit with 1 when a page is stale")
    mode.add_argument("--write", action="store_true", help="write the pages")
    verb.set_defaults(do=_document)
    return parser


def _fields(options: argparse.Namespace) -> int:
    fields = catalogue.read(*options.files).fields.values()
    if options.json:
        print(json.dumps([document.as_json(field) for field in fields], ensure_ascii=False, indent=1))
    else:
        print(document.table(fields), end="")
    return OK


def _hash(options: argparse.Namespace) -> int:
    found = catalogue.read(*options.files)
    if options.json:
        print(
            json.dumps({"catalogue": found.hash, "fields": {f.name: f.hash for f in found.fields.values()}}, indent=1)
        )
        return OK
    print(f"{found.hash}  catalogue")
    for field in found.fields.values():
        print(f"{field.hash}  {field.name}")
    return OK


def _diff(options: argparse.Namespace) -> int:
    changes = difference.difference(_load(options.old), _load(options.new))
    material = difference.is_material(changes)
    if options.json:
        rows = [{name: getattr(change, name) for name in change.__slots__} for change in changes]
        print(json.dumps({"material": material, "changes": rows}, ensure_ascii=False, indent=1))
    for change in () if options.json else changes:
        print(f"{'MATERIAL ' if change.material else 'editorial'}  {change.what:8}  {change.name}: {change.detail}")
    return MATERIAL_CHANGE if material else OK


def _load(path: Path) -> catalogue.Catalogue:
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    sources = [catalogue.Source(str(file), file.read_text(encoding="utf-8")) for file in files]
    return catalogue.load(*sources)


def _methods(options: argparse.Namespace) -> int:
    files = [Path(catalogue.core().name), *options.files] if options.write else options.files
    roots = (Path(__file__).parents[1], *options.source)
    judged = methods.judge(catalogue.read(*options.files), roots)
    if options.write:
        for file in files:
            file.write_text(methods.restated(file.read_text(encoding="utf-8"), judged), encoding="utf-8")
        judged = methods.judge(catalogue.read(*options.files), roots)
    for one in judged:
        print(f"{one.version or '-':16}  {one.method.place}")
        for sentence in one.wrong:
            print(f"{'wrong':>16}  {one.method.place}: {sentence}", file=sys.stderr)
    return STALE if any(one.wrong for one in judged) else OK


def _index(options: argparse.Namespace) -> int:
    found = index.check(options.file.read_bytes())
    wanted = showing.summary(found) if options.words is None else showing.words(found, options.words)
    for line in wanted:
        print(line)
    return OK


def _promises(options: argparse.Namespace) -> int:  # noqa: ARG001  every verb is handed its options
    print("\n".join(promises.lines(promises.read())), end="")
    return OK


def _document(options: argparse.Namespace) -> int:
    made = {path: make() for path, make in PAGES.items()}
    if not (options.write or options.check):
        print("\n".join(made.values()), end="")
        return OK
    return generated.settle(made, "python -m audit document --write", write=options.write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
