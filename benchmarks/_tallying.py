"""What `benchmarks.words` counts: raises, places, words said and kept, faults; how exceptions are caught and told."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks._judging import Verdict


@dataclass(slots=True)
class Tally:
    """What was seen of one form, or of one library."""

    raises: int = 0
    places: set[Any] = field(default_factory=set)
    said: int = 0
    kept: int = 0
    whole: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, place: Any, verdict: Verdict) -> None:
        """Count one exception."""
        self.raises += 1
        self.places.add(place)
        self.said += verdict.said
        self.kept += verdict.kept
        self.whole += verdict.kept == verdict.said
        self.faults += [f"leak {x!r}" for x in verdict.leaks] + [f"false {x!r}" for x in verdict.false]

    @property
    def percent(self) -> float:
        """Words kept, of a hundred that were said."""
        return 100 * self.kept / self.said if self.said else 100.0

    def row(self, name: str) -> list[str]:
        """Return the line of the table."""
        counts = (self.raises, len(self.places), self.said, self.kept)
        return [name, *(f"{count:,}" for count in counts), f"{self.percent:.1f}", str(len(self.faults))]


HEAD = ("form", "raises", "places", "words said", "words kept", "kept %", "faults")


def caught(function: Callable[[Any], object], value: Any) -> BaseException | None:
    """Return what a call raises, or None."""
    try:
        function(value)
    except BaseException as fault:
        return fault
    return None


def chain(exception: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its members, causes and contexts, each once."""
    waiting, seen = [exception], set()
    while waiting:
        fault = waiting.pop()
        if id(fault) in seen:
            continue
        seen.add(id(fault))
        yield fault
        waiting += [e for e in (fault.__cause__, fault.__context__) if e is not None]
        waiting += fault.exceptions if isinstance(fault, BaseExceptionGroup) else ()


def place(exception: BaseException) -> tuple[str, int, str]:
    """Return file, line and type of a raise, for counting different ones."""
    trace = exception.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        trace.tb_frame.f_code.co_filename if trace else "",
        trace.tb_lineno if trace else 0,
        type(exception).__name__,
    )


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    whole = Tally()
    for tally in tallies:
        whole.raises += tally.raises
        whole.places |= tally.places
        whole.said += tally.said
        whole.kept += tally.kept
        whole.faults += tally.faults
    return whole
