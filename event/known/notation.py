"""How a catalogue file writes a message: `relation {table} does not exist`, holes in braces, braces doubled.

`{}` takes any value, `{table}` a name of that list, `{~http}` a message of the catalogue `http`, `{~http+system}` one
of either.
"""

import re
from collections.abc import Iterable

from audit.known import LINE, Message, Part

WORDS, LETTERS = 2, 8
"""The fewest words of two letters, and the fewest letters, that a message keeps: a single word never leaves."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([^{}]+)")


def parts(text: str) -> Message:
    """Return the parts of a message; raises ValueError for a stray brace, an empty message, or a line feed."""
    found: list[Part] = []
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise ValueError(f"a stray brace in {text!r}: double it")
        at = piece.end()
        if piece[0] in ("{{", "}}") or piece[2] is not None:
            literal = piece[2] or piece[0][0]
            last = found[-1] if found else None
            found[-1:] = [last + literal] if isinstance(last, str) else [*found[-1:], literal]
        else:
            found.append((piece[1],))
    if not found or LINE in text:
        raise ValueError(f"no message of one line: {text!r}")
    return tuple(found)


def text_of(message: Message) -> str:
    """Return a message as a catalogue file writes it."""
    return "".join(
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else f"{{{part[0]}}}" for part in message
    )


def has_words(texts: Iterable[str]) -> bool:
    """Say whether literals together are words enough to leave."""
    whole = " ".join(texts)
    return len(_WORD.findall(whole)) >= WORDS and sum(map(str.isalpha, whole)) >= LETTERS
