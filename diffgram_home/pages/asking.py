"""Reads numbers that came with an address: a link of ours wrote them, anybody may have changed them since."""

from typing import Final

from flask import request

LARGEST: Final = 2**63 - 1
"""No database numbers its rows beyond it, nor can be asked to."""
_DIGITS: Final = len(str(LARGEST))


def row(name: str) -> int | None:
    """The number of a row that the query names, at most LARGEST; None where it is no number, or not there."""
    return row_number(request.args.get(name, ""))


def row_number(text: str) -> int | None:
    """The number that `text` is, at most LARGEST; None where it is none."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text.lstrip("0")[: _DIGITS + 1] or "0"), LARGEST)
