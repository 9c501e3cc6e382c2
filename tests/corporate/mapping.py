"""Writes source maps (ECMA-426) for the tests, with none of the code that reads them."""

import json
from collections.abc import Iterable
from typing import Any

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
Segment = tuple[int, int, int, int, int]
"""Line and column of the bundle; source, line, column of the original; all from 0."""


def vlq(number: int) -> str:
    """One number as base64 VLQ."""
    rest = (-number << 1) | 1 if number < 0 else number << 1
    text = ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text


def mappings(segments: Iterable[Segment]) -> str:
    """Segments, in order, as the text of a map."""
    lines: list[list[str]] = [[]]
    last = [0, 0, 0, 0]
    for line, column, *original in segments:
        while len(lines) <= line:
            lines.append([])
            last[0] = 0
        values = [column, *original]
        lines[-1].append("".join(vlq(value - before) for value, before in zip(values, last, strict=True)))
        last = values
    return ";".join(",".join(line) for line in lines)


def source_map(segments: Iterable[Segment], sources: list[str], contents: list[Any], **more: Any) -> bytes:
    """A whole map."""
    document = {"version": 3, "sources": sources, "sourcesContent": contents, "names": []}
    return json.dumps({**document, "mappings": mappings(segments), **more}).encode()
