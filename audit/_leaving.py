"""Which of the messages that were spooled may leave, and what of each: by columns where all are alike, else one by one.

Both ways make the same lines and the same counts (decision 0009); a property test holds them equal. The customer's
transforms come last, on values that may leave as they are. Kinds of which one looks over the batch have a way of their
own (`in_company`), since what becomes of one message depends on the others.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from audit import transforms
from audit._batch import MAX_LINE_BYTES, UNDECLARED, Codec
from audit._columns import ODD, Shape, all_pass, all_within, chosen, columns, group
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


def lines(sieve: Sieve, messages: Sequence[Collected]) -> list[bytes | None]:
    """Return the line of each message, or None where it does not leave."""
    made: list[bytes | None] = [None] * len(messages)
    apart: dict[str, list[int]] = defaultdict(list)
    for shape, positions in group([m.message for m in messages], [m.generation for m in messages]).items():
        plan = None if shape == ODD else sieve.plans.get(shape[1])
        if plan is not None and plan.over:
            apart[shape[1]].extend(positions)
            continue
        alike = chosen(messages, positions)
        found = together(sieve, shape, alike)
        for position, line in zip(positions, found or [alone(sieve, one) for one in alike], strict=True):
            made[position] = line
    for kind, positions in apart.items():
        company = in_company(sieve, sieve.plans[kind], [messages[position] for position in positions])
        for position, line in zip(positions, company, strict=True):
            made[position] = line
    return made


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
    leaving: dict[str, Sequence[Any]] = {key: values[key] for key in ("kind", *names)}
    if "at" not in names or not all_pass(values, plan, plan.allowed, names):
        return None
    if not all_within(leaving, plan, sieve.window):
        return None
    changed = [key for key in plan.each if key in leaving]
    for key in changed:
        leaving[key] = _changed(plan.each[key], leaving[key])
    made = _encoded(sieve.codec, alike, leaving, whole=len(leaving) == len(keys) and not changed)
    if max(map(len, made)) > MAX_LINE_BYTES:
        return None
    for key in keys:
        if key not in leaving:
            sieve.withheld[_why(plan, kind, key)] += len(alike)
    return made


def in_company(sieve: Sieve, plan: Plan, company: Sequence[Collected]) -> list[bytes | None]:
    """Return the lines of all messages of one kind, of which a transform looks over the batch."""
    going = [_going(sieve, one) for one in company]
    fitting = [None if out is None or _line(sieve, out) is None else out for out in going]
    sieve.withheld.update(transforms.settle(plan.over, fitting))
    return [None if out is None else sieve.codec.encode(out) for out in fitting]


def alone(sieve: Sieve, collected: Collected) -> bytes | None:
    """Return the line of one message, or None if it does not leave."""
    out = _going(sieve, collected)
    return None if out is None else _line(sieve, out)


def _going(sieve: Sieve, collected: Collected) -> dict[str, Any] | None:
    """What may leave of one message, with what the customer's transforms make of each value."""
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
    for key, change in plan.each.items():
        if key in out:
            out[key] = change(out[key])
    return out


def _line(sieve: Sieve, out: Mapping[str, Any]) -> bytes | None:
    line = sieve.codec.encode(out)
    if len(line) <= MAX_LINE_BYTES:
        return line
    sieve.withheld["too-large", str(out["kind"])] += 1
    return None


def _changed(change: transforms.Change, values: Sequence[Any]) -> Sequence[Any]:
    """Each value changed; equal ones, which are of one type here, are looked at once."""
    known = {value: change(value) for value in set(values)}
    return [known[value] for value in values]


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
