"""A click group that lists its commands under headings, in the order a person meets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

Section = tuple[str, Sequence[click.Command]]


class Sections(click.Group):
    """`sections` are (heading, commands); help and the manual keep that order."""

    def __init__(self, *args: Any, sections: Sequence[Section] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = tuple(sections)
        for _, commands in self.sections:
            for command in commands:
                self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click hands it in
        """The names in the order of the sections."""
        return [command.name or "" for _, commands in self.sections for command in commands]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section with its commands and the first sentence of their help."""
        widest = max(len(name) for name in self.list_commands(ctx))
        for heading, commands in self.sections:
            with formatter.section(heading):
                limit = formatter.width - 6 - widest
                formatter.write_dl([((c.name or "").ljust(widest), c.get_short_help_str(limit)) for c in commands])
