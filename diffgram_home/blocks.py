"""Blocks: how up to 1,000 collected messages lie in one row, and how they are read again.

A block is zstd of lines `[word,{message}]`, exactly as the product spooled them; `word` is the switch position that
they were collected under (audit.modes). A message is named by its block and its position in it, from 0.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec
import zstandard
from sqlalchemy.orm import Session

from audit.gate import Collected
from audit.modes import from_word
from diffgram_home.errors import StoreError
from diffgram_home.models import Block

MAX_MESSAGES = 1000
MAX_BYTES = 64 * 1024 * 1024
LEVEL = 1
_ON = 2
_decoder = msgspec.json.Decoder(tuple[int, dict[str, Any]])


@contextmanager
def without_collector() -> Iterator[None]:
    """Leave Python's cycle collector out while thousands of small dicts live for a moment; none of them is in a cycle.

    It would walk over all of them again and again: measured, half of the time of sealing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def new(case: str, lines: Sequence[bytes], now: datetime) -> Block:
    """A block row for `lines` (without line feeds), all of one case, none sealed yet."""
    data = b"\n".join(lines)
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(data)
    count = len(lines)
    return Block(case=case, taken_at=now, messages=count, sealed_to=0, size_bytes=len(data), zstd=packed, waiting=True)


def messages(session: Session, block_id: int) -> list[tuple[int, dict[str, Any]]]:
    """All (word, message) of a block, in order; empty for one that was pruned. Raises StoreError if it is damaged."""
    row = session.get(Block, block_id)
    return [] if row is None else unpack(row)


def unpack(block: Block) -> list[tuple[int, dict[str, Any]]]:
    """All (word, message) of a block, in order. Raises StoreError if it is damaged."""
    try:
        data = zstandard.ZstdDecompressor().decompress(block.zstd, max_output_size=MAX_BYTES)
        found = _decoder.decode_lines(data)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        hint = "the other blocks go on; restore the last backup beside this database and compare"
        raise StoreError("block-damaged", f"block {block.id} cannot be read: {error}", hint) from error
    return found


def collected(found: Iterable[tuple[int, dict[str, Any]]]) -> list[Collected]:
    """The messages for the gate; generation -1, which is none, unless the switch was `on` when it was collected.

    A product may have read the file in the moment between narrowing and recording; only `on` counts as on.
    """
    return [Collected(word >> 2 if word & 3 == _ON else -1, message) for word, message in found]


def position_mode(word: int) -> tuple[str, int]:
    """Mode and generation of the switch that a message was collected under."""
    switch = from_word(word)
    return switch.mode, switch.generation
