"""What the product tells Diffgram Home, and with it the vendor: this is all of it.

`event.new("annotator/task-completed", task_id=7)` records that something happened; `event.error(exception)` records an
error. Both reduce what they are given to metadata at once and append it to a local spool; neither connects to anything.
What may leave then, and whether it does, is decided by the installation (`audit`, `diffgram_home`).

Nothing is collected before `start`, or while the mode of a kind is `off`. In production nothing here raises, logs or
waits: what cannot be recorded is dropped and counted (`counts`), and the customer sees the counts. With
`strict=True`, in development and tests, an undeclared kind or field and a wrong value raise EventError at the call.

The complete list of every field collected through this file follows, generated from `audit/outbound_fields.toml` by
`python -m event.document --write`. A product's own fields stand in the product's catalogue, which the same pages show.

<!-- begin -->
home/error: an exception that the product reported by event.error(), as types, places and shapes
    at (instant, precision second), technical, kept 90 days
        when the error was reported, truncated to the second
    error_log (error_log), technical, kept 90 days
        exception types, places in the vendor's code and the libraries it ships with, the literal words of that source
        where the error was raised, or those that the index lists for interpreter, system, databases and libraries,
        with names that the vendor declared, and shapes of the values in them: never a value, never a word of your
        data
    member_id (id, maximum 2147483647, key_column member.id), interaction, kept 90 days
        the database id of the member whose request failed: a pseudonym of a person to whoever holds the database
    project_id (id, maximum 2147483647, key_column project.id), interaction, kept 90 days
        the database id of the project that was worked on
    input_id (id, maximum 2147483647, key_column input.id), interaction, kept 90 days
        the database id of the input, the document or picture, that was worked on; never anything of its content
    release (version), technical, kept 90 days
        the release of the product that reported the error

home/log: a call of logging in the product or its libraries, as level, logger, place and words of its source
    at (instant, precision second), technical, kept 90 days
        when the product logged it, truncated to the second
    level (choice, choices debug info warning error critical), technical, kept 90 days
        how serious the product says it is
    logger (logger), technical, kept 90 days
        the name of the logger, if shipped code asks for one of that name
    place (place), technical, kept 90 days
        the line of shipped code that logged it
    words (code_text), technical, kept 90 days
        the literal words of the vendor's own source at the call that logged it, and shapes of the values in them:
        never a value, never a word of your data
    release (version), technical, kept 90 days
        the release of the product that logged it
<!-- end -->
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.catalogue import Catalogue, read
from audit.index import EMPTY, Index, parse
from event._collect import Collector
from event._spool import Limits
from event.errors import EventError

_collector: Collector | None = None


def start(
    spool: Path,
    catalogue: Catalogue | Sequence[Path] = (),
    index: Index | Path | None = None,
    *,
    product: Sequence[str] = (),
    strict: bool = False,
    limits: Limits | None = None,
) -> None:
    """Collect from now on into the folder `spool`, as the installation's modes allow. Call it once, before forking.

    `catalogue` are the product's catalogue files (the core one is always read), `index` the file made by `python -m
    event.index`; `product` are the module prefixes that count as the product's own (every module of the index if
    empty). A file that cannot be used raises EventError when `strict`; else it is logged, and nothing is collected.
    """
    global _collector
    try:
        known = catalogue if isinstance(catalogue, Catalogue) else read(*catalogue)
        names = index if isinstance(index, Index) else parse(index.read_bytes()) if index else EMPTY
        _collector = Collector(Path(spool), known, names, product, strict, limits or Limits())
    except Exception as fault:
        _collector = None
        if strict:
            raise EventError("start", f"event.start cannot begin: {fault}", "correct the file named") from fault
        logging.getLogger("event").error("nothing is collected, since event.start failed: %s", fault)


def new(kind: str, /, **fields: Any) -> None:
    """Record that `kind` happened now, with the fields that the catalogue declares for it."""
    if _collector is not None:
        _collector.new(kind, fields)


def error(exception: BaseException, /, *, kind: str = "home/error", **fields: Any) -> None:
    """Record an exception as types, places and shapes; never its words, never its values."""
    if _collector is not None:
        _collector.error(exception, kind, fields)


def collects(kind: str, key: str | None = None, /) -> bool:
    """Return whether `kind`, or its field `key`, is collected just now; ask before a query that is made only for it.

    A value that is handed in anyway is passed by, unseen. Never raises and opens nothing.
    """
    return _collector is not None and _collector.collects(kind, key)


def counts() -> Mapping[str, int]:
    """Return what this process dropped since it started: `reason|kind|key` → count."""
    return _collector.counts.totals() if _collector is not None else {}


def collector() -> Collector | None:
    """Return what `start` made, for the other ways in of this package; a product has no use for it."""
    return _collector
