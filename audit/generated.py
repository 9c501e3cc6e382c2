"""Pages made of the program's own data: written anew, or compared with what lies there, so that none is ever stale.

Making them is left to whoever knows the data. Standard library only.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def settle(pages: Mapping[Path, str], renewal: str, *, write: bool) -> int:
    """Write every page (file → text), or say on standard error which are stale; return 0, or 1 when one is.

    `renewal` is the command that renews them.
    """
    stale = [] if write else [file for file, text in pages.items() if not _is(file, text)]
    for file, text in pages.items() if write else ():
        file.write_text(text, encoding="utf-8")
    for file in stale:
        print(f'"{file}" is stale: run {renewal}', file=sys.stderr)
    return 1 if stale else 0


def main(file: Path, render: Callable[[], str], renewal: str, arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says with a module's one page: `--write` (the default) or `--check`, `--file FILE`."""
    parser = argparse.ArgumentParser(prog=renewal.removesuffix(" --write"))
    add_options(parser, file)
    given = parser.parse_args(arguments)
    return settle({given.file: render()}, renewal, write=not given.check)


def add_options(parser: argparse.ArgumentParser, file: Path) -> None:
    """The options `--check`, `--write` and `--file`."""
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="exit with 1 when the file is not what the program says")
    mode.add_argument("--write", action="store_true", help="write the file (the default)")
    parser.add_argument("--file", type=Path, default=file, help=f"the file, {file} without it")


def _is(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text
