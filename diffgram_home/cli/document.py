"""Pages of the manual made from programs' own help: `python -m diffgram_home.cli.document --check|--write`.

It turns a click program into Markdown, and compares or writes the file. It adds no words about commands of its own:
help text is the manual. `--program module:attribute --file FILE` does the same for another click program.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from audit import generated

DEFAULT_PROGRAM = "diffgram_home.cli:main"
DEFAULT_FILE = Path("docs/commands.md")
EVERYWHERE = {"--config", "--help"}
"""Options that every command has; they are written down once, with the program."""
_NOTICE = "<!-- generated from the program's help; do not edit. Renew with: {command} -->"


def render(program: click.Command, name: str, command: str) -> str:
    """The manual of `program` as Markdown. `command` is what renews the file."""
    context = click.Context(program, info_name=name)
    parts = [f"# {name}", _NOTICE.format(command=command), *_body(program, context), *_commands(program, context, 2)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _commands(group: click.Command, context: click.Context, level: int) -> Iterator[str]:
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        yield f"{'#' * level} {inner.command_path}"
        yield from _body(command, inner)
        yield from _commands(command, inner, level + 1)


def _body(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield _prose(command.help or "")
    inner = context.parent is not None
    shown = (p for p in command.get_params(context) if not (inner and EVERYWHERE & {*p.opts}))
    records = [record for p in shown if (record := p.get_help_record(context)) is not None]
    if records:
        yield "\n".join(["| option | |", "| --- | --- |", *(f"| `{_cell(a)}` | {_cell(b)} |" for a, b in records)])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _prose(text: str) -> str:
    """Help as Markdown: a paragraph that click must not wrap (it starts with \\b) becomes a code block."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(f"```\n{p[2:]}\n```" if p.startswith("\b\n") else p for p in paragraphs)


def main() -> int:
    """Write or check the page of the manual that documents a program's commands."""
    parser = argparse.ArgumentParser(prog="python -m diffgram_home.cli.document")
    parser.add_argument("--program", default=DEFAULT_PROGRAM, metavar="MODULE:NAME")
    parser.add_argument("--name", default="diffgram-home", help="what the program is called")
    generated.add_options(parser, DEFAULT_FILE)
    given = parser.parse_args()
    renewal = _renewal(given.program, given.name, given.file)
    module, _, attribute = given.program.partition(":")
    text = render(getattr(importlib.import_module(module), attribute), given.name, renewal)
    return generated.settle({given.file: text}, renewal, write=not given.check)


def _renewal(program: str, name: str, file: Path) -> str:
    command = "python -m diffgram_home.cli.document --write"
    if program == DEFAULT_PROGRAM:
        return command
    return f"{command} --program {program} --name {name} --file {file.as_posix()}"


if __name__ == "__main__":
    sys.exit(main())
