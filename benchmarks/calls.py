"""`event.new` and `event.error` beside sentry-sdk and opentelemetry-sdk, and beside the floor of a durable call.

Each SDK has its default settings and an address on this machine where nobody listens or, for Sentry, a transport that
keeps nothing: what is measured is the caller's thread. The floor is validation, encoding and one `os.write`.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from zlib import crc32

import msgspec
import sentry_sdk
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
from sentry_sdk.transport import Transport

import event
from audit import catalogue, index, modes
from benchmarks._timing import Row, machine, per_call_us, table, verdict

GOAL_NEW_US, GOAL_ERROR_US = 4.0, 50.0
VALUES = {"member_id": 318, "project_id": 42, "input_id": 90210, "release": "1.25.3"}


class _Nowhere(Transport):
    """Takes envelopes and keeps nothing, so that no queue of Sentry's fills up."""

    def capture_envelope(self, envelope: object) -> None:
        del envelope


class _Floor(msgspec.Struct):
    kind: str
    member_id: int
    project_id: int
    input_id: int
    release: str


def main() -> int:
    """Print both tables; exit with 1 when a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        _start(Path(folder))
        floor = os.open(Path(folder) / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        fault = _raised()
        new = per_call_us(
            {
                "floor: validate, encode, crc, os.write": lambda: _write(floor),
                "event.new": lambda: event.new("home/error", **VALUES),
                "OpenTelemetry log emit": _otel(),
                "Sentry capture_message": lambda: sentry_sdk.capture_message("task completed"),
            },
            count=2_000,
        )
        error = per_call_us(
            {
                "event.error": lambda: event.error(fault, **VALUES),
                "Sentry capture_exception": lambda: sentry_sdk.capture_exception(fault),
            },
            count=1_000,
        )
    if event.counts():
        raise SystemExit(f"dropped instead of recorded: {dict(event.counts())}")
    print(machine("msgspec", "sentry-sdk", "opentelemetry-sdk"), end="\n\n")
    missed = _print("event.new", new, "event.new", GOAL_NEW_US)
    missed |= _print("event.error", error, "event.error", GOAL_ERROR_US)
    return int(missed)


def _start(folder: Path) -> None:
    known = catalogue.read()
    wanted = modes.effective(known, {"event": "on"}, {})
    switched, _ = modes.advance(modes.ALL_OFF, {"event": "on"}, wanted, 0)
    (folder / "modes").write_bytes(modes.pack(switched))
    shipped = index.new("benchmark 1.0.0", {__name__: {"_raised": ((1, 999),)}}, frozenset({"ValueError"}))
    event.start(folder, known, shipped, strict=False, limits=event.Limits(max_bytes=2**40))
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=_Nowhere())


def _write(descriptor: int) -> None:
    row = msgspec.convert({"kind": "home/error", **VALUES}, _Floor)
    payload = msgspec.json.encode(row)
    os.write(descriptor, b"\x1e%08x %b\n" % (crc32(payload), payload))


def _otel() -> Callable[[], None]:
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(InMemoryLogRecordExporter()))
    logger = provider.get_logger("benchmark")
    return lambda: logger.emit(body="task completed", attributes=VALUES)


def _raised() -> ValueError:
    try:
        raise ValueError("project %d of %s is full", 42, "somebody@example.org")
    except ValueError as fault:
        return fault


def _print(title: str, rows: Mapping[str, Row], ours: str, goal_us: float) -> bool:
    value = rows[ours].value
    lines = [
        (row.name, f"{row.value:.2f}", f"{row.low:.2f}–{row.high:.2f}", f"{row.value / value:.1f}")
        for row in rows.values()
    ]
    print(table(title, ("call", "median µs", "low–high of rounds", f"times {ours}"), lines))
    print(f"Goal: at most {goal_us} µs at the median: {verdict(value, goal_us, at_most=True)}.\n")
    return value > goal_us


if __name__ == "__main__":
    sys.exit(main())
