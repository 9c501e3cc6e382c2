"""Timing of small calls: several rounds, the medians, everything in turn so that a slow spell hits all alike."""

import gc
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from os import cpu_count
from pathlib import Path
from time import perf_counter_ns


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. `value` is the median; the goal is held against `ratio` or `value`, as the table says."""

    name: str
    value: float
    low: float
    high: float


def per_call_us(calls: Mapping[str, Callable[[], object]], rounds: int = 7, count: int = 5_000) -> dict[str, Row]:
    """Return the microseconds of one call: the median over rounds of each round's median over `count` calls."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(statistics.median(_durations(call, count)) / 1_000)
    return {name: Row(name, statistics.median(v), min(v), max(v)) for name, v in found.items()}


def rate(work: Callable[[], int], rounds: int = 5) -> Row:
    """Return things a second: `work` does a piece and says how many things it was."""
    rates = []
    for _ in range(rounds):
        gc.collect()
        begin = perf_counter_ns()
        done = work()
        rates.append(done / (perf_counter_ns() - begin) * 1e9)
    return Row("", statistics.median(rates), min(rates), max(rates))


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table under a title."""
    lines = [f"### {title}", "", f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def verdict(value: float, goal: float, *, at_most: bool) -> str:
    """Return `met`, or by how much the goal is missed."""
    met = value <= goal if at_most else value >= goal
    if met:
        return "met"
    return f"missed by {(value / goal if at_most else goal / value) - 1:.0%}"


def machine(*packages: str) -> str:
    """Return one line about this machine and the versions that matter."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{cpu_count()} × {model}, {platform.release()}, CPython {platform.python_version()}; {versions}"


def _durations(call: Callable[[], object], count: int) -> list[int]:
    for _ in range(min(200, count)):
        call()
    gc.collect()
    durations = []
    for _ in range(count):
        begin = perf_counter_ns()
        call()
        durations.append(perf_counter_ns() - begin)
    return durations
