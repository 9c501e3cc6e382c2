"""Timing and tables for the programs beside it: medians of several rounds, everything in turn, so that a slow spell of
the machine hits all alike; ratios to something known, measured in the same run.
"""

import argparse
import gc
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time

WARM_CALLS = 200
ROUND_S = 0.1
"""A round of one call ends after so long, however many calls were wanted: some peers need milliseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: the median with the lowest and highest round, every round, and how many calls in all."""

    name: str
    value: float
    low: float
    high: float
    calls: int = 0
    rounds: tuple[float, ...] = ()

    @classmethod
    def of(cls, name: str, values: Iterable[float], calls: int = 0) -> "Row":
        """The row of these rounds."""
        found = tuple(values)
        return cls(name, statistics.median(found), min(found), max(found), calls, found)

    def times(self, other: "Row") -> float:
        """How many times `other`: the median over rounds of each round's ratio, since a machine changes its speed."""
        return statistics.median(mine / its for mine, its in zip(self.rounds, other.rounds, strict=True))


@dataclass(slots=True)
class Goals:
    """What a program is held to. `code` is its exit status; with `quick` nothing is held against anything."""

    quick: bool
    missed: int = 0
    lines: list[str] = field(default_factory=list)

    def hold(self, what: str, value: float, goal: float, unit: str = "", *, at_most: bool) -> None:
        """Note whether `value` keeps the goal, and by how much it is missed otherwise."""
        word = "at most" if at_most else "at least"
        kept = value <= goal if at_most else value >= goal
        said = "met"
        if not kept:
            self.missed += 1
            low, high = sorted((value, goal))
            said = f"**missed by {high / low - 1:.0%}**" if low else "**missed**"
        self.lines.append(f"- {what}: {number(value)}{unit}; goal {word} {number(goal)}{unit}: {said}.")

    def pages(self, kind: str, title: str, times: Mapping[str, Sequence[float]], most_s: float) -> None:
        """Print what each page took, median and slowest of its rounds in ms; hold each median to `most_s` seconds."""
        rows = [
            (page, f"{statistics.median(took) * 1000:.0f}", f"{max(took) * 1000:.0f}") for page, took in times.items()
        ]
        print(table(title, ("page", "median", "slowest"), rows))
        for page, took in times.items():
            self.hold(f"{kind}: {page}, s", statistics.median(took), most_s, at_most=True)

    def end(self) -> int:
        """Print what was held, and return the exit status."""
        note = "Quick run: far too short for figures, nothing is held against a goal.\n\n" if self.quick else ""
        print(note + "\n".join(self.lines) + "\n")
        return 0 if self.quick else int(self.missed > 0)


def arguments(description: str) -> bool:
    """Read the command line; True for `--quick`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run that only shows that the program works")
    return bool(parser.parse_args().quick)


def per_call_us(
    calls: Mapping[str, Callable[[], object]], rounds: int = 7, count: int = 5_000, at_once: int = 1
) -> dict[str, Row]:
    """Return the microseconds of one call: the median over rounds of each round's median.

    With `at_once` 1 each call is timed by itself, the clock's own cost included; with more, so many calls together.
    """
    found: dict[str, list[float]] = {name: [] for name in calls}
    made = dict.fromkeys(calls, 0)
    for _ in range(rounds):
        for name, call in calls.items():
            durations, warm = _durations(call, count, at_once)
            found[name].append(statistics.median(durations) / 1_000 / at_once)
            made[name] += warm + len(durations) * at_once
    return {name: Row.of(name, values, made[name]) for name, values in found.items()}


def cpu_us(work: Callable[[], object], things: int, rounds: int = 5) -> Row:
    """Return the microseconds of processor time for one of the `things` that `work` handles."""
    values = []
    for _ in range(rounds):
        gc.collect()
        begin = process_time()
        work()
        values.append((process_time() - begin) / things * 1e6)
    return Row.of("", values)


def tree(pid: int) -> list[int]:
    """Return the process `pid` and all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def cpu_s(pids: Iterable[int]) -> float:
    """Return the processor seconds that these processes have used, user and system, with their ended children."""
    ticks = 0
    for pid in pids:
        values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, values[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table under a title."""
    lines = [f"### {title}", "", f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def number(value: float) -> str:
    """Return `value` with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def machine(*packages: str) -> str:
    """Return one line about this machine and the versions that matter."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    kernel = platform.release().partition("-")[0]
    return f"{os.cpu_count()} × {model}, Linux {kernel}, CPython {platform.python_version()}; {versions}; load {load}\n"


def _durations(call: Callable[[], object], count: int, at_once: int) -> tuple[list[int], int]:
    """Return nanoseconds of each stretch of `at_once` calls, and how many calls were made before them."""
    ends, warm = perf_counter() + ROUND_S / 2, 0
    while warm < min(WARM_CALLS, count) and perf_counter() < ends:
        call()
        warm += 1
    gc.collect()
    durations: list[int] = []
    ends, inner = perf_counter() + ROUND_S, range(at_once)
    while not durations or (len(durations) < count // at_once and perf_counter() < ends):
        if at_once == 1:
            begin = perf_counter_ns()
            call()
            durations.append(perf_counter_ns() - begin)
            continue
        begin = perf_counter_ns()
        for _ in inner:
            call()
        durations.append(perf_counter_ns() - begin)
    return durations, warm
