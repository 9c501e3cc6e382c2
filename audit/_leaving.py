"""Which of the messages that were spooled may leave, and what of each: by columns where all are alike, else one by one.

Both ways make the same lines and the same counts (decision 0009); a property test holds them equal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from audit._batch import MAX_LINE_BYTES, UNDECLARED, Codec
from audit._columns import ODD, Shape, all_pass, all_within, columns
from audit._plan import Plan
from audit.modes import Modes


class Collected(NamedTuple):
    """A message as it was spooled, with the generation of its kind's switch at that moment."""

    generation: int
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sieve:
    """What the messages of one batch are held to while it is sealed; `withheld` counts what stays here, by reason."""

    case: str
    plans: Mapping[str, Plan]
    modes: Modes
    window: tuple[str, str]
    codec: Codec
    withheld: Counter[tuple[str, str]] = field(default_factory=Counter)


def together(sieve: Sieve, shape: Shape, alike: Sequence[Collected]) -> Sequence[bytes | None] | None:
    """Return the lines of messages of one shape if all of them pass, else None; the same as `alone` of each."""
    if shape == ODD or shape[2] != "kind":
        return None
    generation, kind, *keys = shape
    plan, switch = sieve.plans.get(kind), sieve.modes.of(kind)
    if plan is None or plan.case != sieve.case or switch.mode != "on" or switch.generation != generation:
        return None
    names = [key for key in keys if key in plan.allowed]
    values = columns([collected.message for collected in alike])
    leaving = {key: values[key] for key in ("kind", *names)}
    if "at" not in names or not all_pass(values, plan, plan.allowed, names):
        return None
    if not all_within(leaving, plan, sieve.window):
        return None
    lines = _encoded(sieve.codec, alike, leaving, whole=len(leaving) == len(keys))
    if max(map(len, lines)) > MAX_LINE_BYTES:
        return None
    for key in keys:
        if key not in leaving:
            sieve.withheld[_why(plan, kind, key)] += len(alike)
    return lines


def alone(sieve: Sieve, collected: Collected) -> bytes | None:
    """Return the line of one message, or None if it does not leave."""
    message, withheld = collected.message, sieve.withheld
    kind = message.get("kind")
    plan = sieve.plans.get(kind) if isinstance(kind, str) else None
    if plan is None or plan.case != sieve.case:
        withheld["undeclared-kind" if plan is None else "other-case", UNDECLARED if plan is None else str(kind)] += 1
        return None
    kind = str(kind)
    switch = sieve.modes.of(kind)
    if switch.mode != "on" or switch.generation != collected.generation:
        withheld["not-on" if switch.mode != "on" else "collected-earlier", kind] += 1
        return None
    out = _allowed(sieve, plan, kind, message)
    if not _in_window(sieve, plan, kind, out):
        return None
    line = sieve.codec.encode(out)
    if len(line) > MAX_LINE_BYTES:
        withheld["too-large", kind] += 1
        return None
    return line


def _encoded(
    codec: Codec, alike: Sequence[Collected], leaving: Mapping[str, Sequence[Any]], *, whole: bool
) -> list[bytes]:
    if whole:
        going: list[Mapping[str, Any]] = [collected.message for collected in alike]
    else:
        going = [dict(zip(leaving, row, strict=True)) for row in zip(*leaving.values(), strict=True)]
    return codec.encoded(going).split(b"\n")[:-1]


def _allowed(sieve: Sieve, plan: Plan, kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": kind}
    for key, value in message.items():
        made = plan.allowed.get(key)
        if made is not None and made(value):
            out[key] = value
        elif key != "kind":
            sieve.withheld[_why(plan, kind, key)] += 1
    return out


def _why(plan: Plan, kind: str, key: str) -> tuple[str, str]:
    if key in plan.withheld:
        return plan.withheld[key]
    return ("wrong-value", f"{kind}.{key}") if key in plan.declared else ("undeclared-field", f"{kind}.{UNDECLARED}")


def _in_window(sieve: Sieve, plan: Plan, kind: str, out: dict[str, Any]) -> bool:
    """Drop instants outside the window; a message without its own `at` does not leave."""
    first, last = sieve.window
    for key in plan.instants:
        if key in out and not first <= out[key][:10] <= last:
            del out[key]
            sieve.withheld["instant-out-of-window", f"{kind}.{key}"] += 1
    if "at" not in out:
        sieve.withheld["no-at", kind] += 1
    return "at" in out
