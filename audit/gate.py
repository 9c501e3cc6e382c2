"""The gate: pure functions that seal messages into the exact bytes that may leave, and check such bytes (design 3).

    seal      messages → bytes, once: declared ∧ approved ∧ switched on; what is withheld is counted with its reason
    check     bytes → accepted or refused, never rewritten; run again by the door at the moment of sending
    declared  bytes → accepted or refused by catalogue and index alone; corporate runs it on arrival

A batch is newline-delimited JSON: a header line, then one message a line (docs/formats/batch.md). Each line must be
exactly what the codec writes for the values it holds, so that nothing fits between the lines: no repeated key, no
spare white space, no second spelling of a character.

The header's and the envelope's fields need approval like all others: without it nothing at all is sealed. Approving
the field `at` of a kind is approving that its messages exist.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from audit._columns import ODD, Shape, all_pass, all_within, columns, group
from audit._plan import Plan, compile_plans, compiled
from audit.canonical import sha256_hex
from audit.catalogue import CASES, HEADER, Catalogue
from audit.consent import Consent
from audit.errors import Refused, Undeclared
from audit.index import Index
from audit.modes import Modes
from audit.types import WINDOW, instant_text

FORMAT = "diffgram-home-batch/1"
VOIDS = ("mode", "refused", "withdrawn")
MAX_LINE_BYTES = 16_384
SHORTEST_LINE_BYTES = 24  # no kind and instant fit into less; a bomb of line feeds is refused before it is split
UNDECLARED = "<undeclared>"


@dataclass(frozen=True, slots=True)
class Codec:
    """The JSON encoder and decoder that are handed in, such as those of msgspec. `decode` raises ValueError."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. `ledger_size` and `ledger_root` are the ledger's checkpoint at sealing; `void` only in a void."""

    installation: str
    case: str
    sequence: int
    sealed_at: datetime
    ledger_size: int
    ledger_root: str
    void: str | None = None


class Collected(NamedTuple):
    """A message as it was spooled, with the generation of its kind's switch at that moment."""

    generation: int
    message: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sealed:
    """The exact bytes that may leave, their SHA-256, and what became of each message.

    `kept` has one entry for each input; `withheld` counts (reason, path), with paths of declared names only.
    """

    body: bytes
    sha256: str
    taken: int
    kept: tuple[bool, ...]
    withheld: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was read and found in order."""

    header: Header
    catalogue: str
    index: str
    messages: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the gate decides by, compiled once for each day; build it anew when any part changes."""

    catalogue: Catalogue
    index: Index
    consent: Consent
    modes: Modes
    _plans: dict[date, dict[str, Plan]] = field(default_factory=dict, compare=False, repr=False)

    def plans(self, today: date) -> Mapping[str, Plan]:
        """Return kind → plan for one day, since fields expire by day."""
        if today not in self._plans:
            self._plans.clear()
            self._plans[today] = compile_plans(self.catalogue, self.index, self.consent, today)
        return self._plans[today]


def seal(messages: Sequence[Collected], header: Header, rules: Rules, codec: Codec) -> Sealed:
    """Return the bytes for `messages`, once.

    Fields that are undeclared, malformed, expired or not approved are left out; messages of another case, of a kind
    that is not `on`, or collected under another position of the switch are left out whole. Each is counted.

    Raises Refused when the header or the envelope is not approved: then nothing may leave.
    """
    _wrapping_approved(rules)
    plans = rules.plans(header.sealed_at.date())
    window = _window(header.sealed_at)
    withheld: Counter[tuple[str, str]] = Counter()
    made: list[bytes | None] = [None] * len(messages)
    for shape, positions in group(messages).items():
        alike = [messages[position] for position in positions]
        lines = _sealed_together(shape, alike, header.case, plans, rules.modes, window, withheld, codec)
        if lines is None:
            lines = [_reduced(one, header.case, plans, rules.modes, window, withheld, codec) for one in alike]
        for position, line in zip(positions, lines, strict=True):
            made[position] = line
    kept = [line for line in made if line is not None]
    head = _header_line(header, rules.catalogue.hash, rules.index.hash, len(kept), codec)
    body = b"\n".join((head, *kept, b""))
    return Sealed(body, sha256_hex(body), len(kept), tuple(line is not None for line in made), dict(withheld))


def void(header: Header, rules: Rules, codec: Codec) -> Sealed:
    """Return the bytes that void `header.sequence`: the header alone, with the reason `header.void`.

    Raises ValueError without a reason, Refused when the header or the envelope is not approved.
    """
    if header.void not in VOIDS:
        raise ValueError(f"a void needs a reason of {', '.join(VOIDS)}")
    return seal((), header, rules, codec)


def check(body: bytes, rules: Rules, generation: int, codec: Codec, *, now: datetime) -> Batch:
    """Return the batch if these very bytes may leave `now`.

    `generation` is the store's when the bytes were sealed: a switch that moved since then refuses them. A field that
    expired while the batch waited refuses them too; a clock that was set back brings none back.
    Raises Refused (with Undeclared for content outside the catalogue).
    """
    batch, shapes = _declared(body, rules.catalogue, rules.index, codec)
    _wrapping_approved(rules)
    plans = rules.plans(max(batch.header.sealed_at.date(), now.date()))
    for _, kind, *keys in shapes:
        plan, switch = plans[kind], rules.modes.of(kind)
        if switch.mode != "on" or switch.generation > generation:
            raise Refused("switched", kind, f"kind {kind!r} was switched since sealing", "seal again")
        for key in keys:
            if key != "kind" and key not in plan.allowed:
                reason, name = plan.withheld[key]
                raise Refused(reason, name, f"field {name!r} may not leave: {reason}", "approve it, or seal again")
    return batch


def declared(body: bytes, catalogue: Catalogue, index: Index, codec: Codec) -> Batch:
    """Return the batch if every byte of it is declared by `catalogue` and `index`.

    Consent and modes play no part: they never leave the installation. A void may name the catalogue of an earlier
    release: it has no content to judge by it, and a number must not stay open because of an upgrade. Raises Undeclared
    with every finding counted, and Refused when the bytes are no batch, or name another catalogue or index.
    """
    return _declared(body, catalogue, index, codec)[0]


def header_of(body: bytes, codec: Codec) -> tuple[Header, str, str]:
    """Return header, catalogue hash and index hash of a batch, to find the rules to judge it by. Raises Refused.

    Nothing else of the batch is looked at; `declared` decides.
    """
    head = _decoded(body.partition(b"\n")[0], codec)
    for key in ("catalogue", "index"):
        if not (isinstance(head.get(key), str) and len(head[key]) == 64):
            raise Refused("malformed", f"{HEADER}.{key}", f"the header has no {key} hash", "seal with this release")
    try:
        return _as_header(head), head["catalogue"], head["index"]
    except (KeyError, TypeError, ValueError) as fault:
        raise Refused("malformed", HEADER, "the header is not whole", "seal with this release") from fault


def _declared(body: bytes, catalogue: Catalogue, index: Index, codec: Codec) -> tuple[Batch, Sequence[Shape]]:
    """Return the batch, and the shapes of its messages in the order of their first one."""
    lines = _lines(body)
    head = _decoded(lines[0], codec)
    plans = compiled(catalogue, index)
    header = _header(head, len(lines) - 1, plans)
    if header.void is None and (head["catalogue"] != catalogue.hash or head["index"] != index.hash):
        raise Refused("other-catalogue", HEADER, "the batch names another catalogue or index", "look that one up")
    window = _window(header.sealed_at)
    findings: Counter[str] = Counter()
    messages = _all_decoded(lines[1:], codec)
    shapes = group((0, message) for message in messages)
    for shape, positions in shapes.items():
        alike = [messages[position] for position in positions]
        if not _declared_together(shape, alike, header.case, plans, window):
            for message in alike:
                _find(message, header.case, plans, window, findings)
    if findings:
        raise Undeclared(findings)
    return Batch(header, head["catalogue"], head["index"], messages), tuple(shapes)


def _wrapping_approved(rules: Rules) -> None:
    for stated in rules.catalogue.wrapping():
        if not rules.consent.allows(stated):
            hint = "approve the fields of header and envelope first: they go with every batch"
            raise Refused("wrapping-not-approved", stated.name, f"field {stated.name!r} is not approved", hint)


def _window(moment: datetime) -> tuple[str, str]:
    """Return first and last day that an instant may name: 400 days either way, so that no birth date passes.

    The future half exists so that a clock that was wrong for a while loses nothing. Raises Refused for a moment at the
    very end of the calendar.
    """
    try:
        return instant_text(moment - WINDOW, "day"), instant_text(moment + WINDOW, "day")
    except OverflowError as fault:
        path, hint = f"{HEADER}.sealed_at", "set the clock of the installation"
        raise Refused("malformed", path, "the time of sealing is no time of this calendar", hint) from fault


def _sealed_together(
    shape: Shape,
    alike: Sequence[Collected],
    case: str,
    plans: Mapping[str, Plan],
    modes: Modes,
    window: tuple[str, str],
    withheld: Counter[tuple[str, str]],
    codec: Codec,
) -> Sequence[bytes | None] | None:
    """Return the lines of messages of one shape if all of them pass, else None; the same as `_reduced` of each."""
    if shape == ODD or shape[2] != "kind":
        return None
    generation, kind, *keys = shape
    plan, switch = plans.get(kind), modes.of(kind)
    if plan is None or plan.case != case or switch.mode != "on" or switch.generation != generation:
        return None
    names = [key for key in keys if key in plan.allowed]
    values = columns([collected.message for collected in alike])
    leaving = {key: values[key] for key in ("kind", *names)}
    if "at" not in names or not all_pass(values, plan, plan.allowed, names) or not all_within(leaving, plan, window):
        return None
    if len(leaving) == len(keys):
        lines = [codec.encode(collected.message) for collected in alike]
    else:
        lines = [codec.encode(dict(zip(leaving, row, strict=True))) for row in zip(*leaving.values(), strict=True)]
    if max(map(len, lines)) > MAX_LINE_BYTES:
        return None
    for key in keys:
        if key not in leaving:
            withheld[_why(plan, kind, key)] += len(alike)
    return lines


def _reduced(
    collected: Collected,
    case: str,
    plans: Mapping[str, Plan],
    modes: Modes,
    window: tuple[str, str],
    withheld: Counter[tuple[str, str]],
    codec: Codec,
) -> bytes | None:
    message = collected.message
    kind = message.get("kind")
    plan = plans.get(kind) if isinstance(kind, str) else None
    if plan is None or plan.case != case:
        withheld["undeclared-kind" if plan is None else "other-case", UNDECLARED if plan is None else str(kind)] += 1
        return None
    switch = modes.of(str(kind))
    if switch.mode != "on" or switch.generation != collected.generation:
        withheld["not-on" if switch.mode != "on" else "collected-earlier", str(kind)] += 1
        return None
    allowed = plan.allowed
    out = {"kind": kind}
    for key, value in message.items():
        made = allowed.get(key)
        if made is not None and made(value):
            out[key] = value
        elif key != "kind":
            withheld[_why(plan, str(kind), key)] += 1
    if not _in_window(out, plan, window, withheld, str(kind)):
        return None
    line = codec.encode(out)
    if len(line) > MAX_LINE_BYTES:
        withheld["too-large", str(kind)] += 1
        return None
    return line


def _why(plan: Plan, kind: str, key: str) -> tuple[str, str]:
    if key in plan.withheld:
        return plan.withheld[key]
    return ("wrong-value", f"{kind}.{key}") if key in plan.declared else ("undeclared-field", f"{kind}.{UNDECLARED}")


def _in_window(
    out: dict[str, Any], plan: Plan, window: tuple[str, str], withheld: Counter[tuple[str, str]], kind: str
) -> bool:
    """Drop instants outside the window; a message without its own `at` does not leave."""
    for key in plan.instants:
        if key in out and not window[0] <= out[key][:10] <= window[1]:
            del out[key]
            withheld["instant-out-of-window", f"{kind}.{key}"] += 1
    if "at" not in out:
        withheld["no-at", kind] += 1
    return "at" in out


def _declared_together(
    shape: Shape, alike: Sequence[Mapping[str, Any]], case: str, plans: Mapping[str, Plan], window: tuple[str, str]
) -> bool:
    """Say whether messages of one shape hold nothing beyond their declaration; the same as `_find` of each."""
    if shape == ODD:
        return False
    _, kind, *keys = shape
    plan = plans.get(kind)
    if plan is None or plan.case != case or "at" not in keys:
        return False
    names = [key for key in keys if key != "kind"]
    if not all(name in plan.declared for name in names):
        return False
    values = columns(alike)
    return all_pass(values, plan, plan.declared, names) and all_within(values, plan, window)


def _find(
    message: Mapping[str, Any], case: str, plans: Mapping[str, Plan], window: tuple[str, str], findings: Counter[str]
) -> None:
    """Count what a message holds beyond its declaration, by key path cut at the last declared key."""
    kind = message.get("kind")
    plan = plans.get(kind) if isinstance(kind, str) else None
    if plan is None or plan.case != case:
        findings[UNDECLARED] += 1
        return
    for key, value in message.items():
        if key == "kind":
            continue
        made = plan.declared.get(key)
        if made is None:
            findings[f"{kind}.{UNDECLARED}"] += 1
        elif not made(value) or (key in plan.instants and not window[0] <= value[:10] <= window[1]):
            findings[f"{kind}.{key}.{UNDECLARED}"] += 1
    if "at" not in message:
        findings[f"{kind}.at"] += 1


def _lines(body: bytes) -> list[bytes]:
    if not body.endswith(b"\n"):
        raise Refused("malformed", "", "the batch does not end with a line feed", "it was cut: send it whole")
    if body.count(b"\n") * SHORTEST_LINE_BYTES > len(body):
        raise Refused("malformed", "", "the batch has lines that are too short for messages", "seal with this release")
    return body[:-1].split(b"\n")


def _all_decoded(lines: Sequence[bytes], codec: Codec) -> list[dict[str, Any]]:
    """Decode every line; what the codec writes has no line feed, so lines are equal when all of them together are."""
    if not lines or max(map(len, lines)) > MAX_LINE_BYTES:
        return [_decoded(line, codec) for line in lines]
    try:
        values = list(map(codec.decode, lines))
    except (ValueError, RecursionError):
        return [_decoded(line, codec) for line in lines]  # which says what is wrong with the first that is
    whole = set(map(type, values)) == {dict} and b"\n".join(map(codec.encode, values)) == b"\n".join(lines)
    return values if whole else [_decoded(line, codec) for line in lines]


def _decoded(line: bytes, codec: Codec) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise Refused("malformed", "", f"a line is over {MAX_LINE_BYTES} bytes", "send less in one message")
    try:
        value = codec.decode(line)
    except (ValueError, RecursionError) as fault:
        raise Refused("malformed", "", "a line is no JSON", "seal with this release") from fault
    if type(value) is not dict or codec.encode(value) != line:
        raise Refused("malformed", "", "a line is not in the one form of its values", "seal with this release")
    return value


def _header_line(header: Header, catalogue: str, index: str, messages: int, codec: Codec) -> bytes:
    head: dict[str, Any] = {
        "format": FORMAT,
        "installation": header.installation,
        "case": header.case,
        "sequence": header.sequence,
        "sealed_at": instant_text(header.sealed_at, "second"),
        "catalogue": catalogue,
        "index": index,
        "ledger_size": header.ledger_size,
        "ledger_root": header.ledger_root,
        "messages": messages,
    }
    if header.void is not None:
        head["void"] = header.void
    return codec.encode(head)


def _header(head: Mapping[str, Any], lines: int, plans: Mapping[str, Plan]) -> Header:
    checks = plans[HEADER].declared
    findings = Counter(
        f"{HEADER}.{key}.{UNDECLARED}" if key in checks else f"{HEADER}.{UNDECLARED}"
        for key, value in head.items()
        if key not in checks or not checks[key](value)
    )
    if findings:
        raise Undeclared(findings)
    if head.get("format") != FORMAT:
        raise Refused("malformed", f"{HEADER}.format", "the batch is of another format", f"this release reads {FORMAT}")
    missing = sorted(checks.keys() - head.keys() - {"void"})
    if missing:
        raise Refused(
            "malformed", f"{HEADER}.{missing[0]}", f"the header lacks {missing[0]!r}", "seal with this release"
        )
    # `other` is a value of every choice, and none of these two.
    if head["case"] not in CASES or head.get("void") not in (None, *VOIDS):
        raise Refused("malformed", f"{HEADER}.case", "the header has no such case or reason", "seal with this release")
    if head["messages"] != lines or bool(lines) == ("void" in head) or head["sequence"] < 1:
        raise Refused("malformed", f"{HEADER}.messages", "the header contradicts the lines", "send it whole")
    return _as_header(head)


def _as_header(head: Mapping[str, Any]) -> Header:
    sealed_at = datetime.fromisoformat(head["sealed_at"])
    return Header(
        str(head["installation"]),
        str(head["case"]),
        int(head["sequence"]),
        sealed_at,
        int(head["ledger_size"]),
        str(head["ledger_root"]),
        head.get("void"),
    )
