"""The form of a batch: lines in the one spelling of their values, the first of them the header (docs/formats/batch.md).

It leaves to the gate what the messages may hold.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit._plan import Plan
from audit.catalogue import CASES, HEADER
from audit.errors import Refused, Undeclared
from audit.types import WINDOW, instant_text

FORMAT = "diffgram-home-batch/1"
VOIDS = ("mode", "refused", "withdrawn")
MAX_LINE_BYTES = 16_384
SHORTEST_LINE_BYTES = 24  # no kind and instant fit into less; a bomb of line feeds is refused before it is split
UNDECLARED = "<undeclared>"


@dataclass(frozen=True, slots=True)
class Codec:
    """The JSON encoder and decoder that are handed in, such as those of msgspec. Decoding raises ValueError.

    `encode_lines` and `decode_lines` may be handed in where the library is faster with many lines than one after the
    other: they do what `encode` and `decode` do for each line. Each line ends with a line feed.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    encode_lines: Callable[[Sequence[Any]], bytes] | None = None
    decode_lines: Callable[[bytes], list[Any]] | None = None

    def encoded(self, values: Sequence[Any]) -> bytes:
        """Return a line for each value."""
        if self.encode_lines is not None:
            return self.encode_lines(values)
        return b"".join(self.encode(value) + b"\n" for value in values)

    def decoded(self, lines: bytes) -> list[Any]:
        """Return the value of each line."""
        if self.decode_lines is not None:
            return self.decode_lines(lines)
        return [self.decode(line) for line in lines.split(b"\n")[:-1]]


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


def window(moment: datetime) -> tuple[str, str]:
    """Return first and last day that an instant may name: 400 days either way, so that no birth date passes.

    The future half exists so that a clock that was wrong for a while loses nothing. Raises Refused for a moment at the
    very end of the calendar.
    """
    try:
        return instant_text(moment - WINDOW, "day"), instant_text(moment + WINDOW, "day")
    except OverflowError as fault:
        path, hint = f"{HEADER}.sealed_at", "set the clock of the installation"
        raise Refused("malformed", path, "the time of sealing is no time of this calendar", hint) from fault


def split(body: bytes) -> tuple[bytes, bytes]:
    """Return the first line, without its line feed, and all the others, each with its own; raises Refused."""
    if not body.endswith(b"\n"):
        raise Refused("malformed", "", "the batch does not end with a line feed", "it was cut: send it whole")
    if body.count(b"\n") * SHORTEST_LINE_BYTES > len(body):
        raise Refused("malformed", "", "the batch has lines that are too short for messages", "seal with this release")
    head, _, rest = body.partition(b"\n")
    return head, rest


def decoded(rest: bytes, codec: Codec) -> list[dict[str, Any]]:
    """Decode every line; what the codec writes has no line feed, so lines are equal when all of them together are.

    Raises Refused for the first line that is not an object in the one form of its values.
    """
    lines = rest.split(b"\n")[:-1]
    if not lines or max(map(len, lines)) > MAX_LINE_BYTES:
        return [decoded_line(line, codec) for line in lines]
    try:
        values = codec.decoded(rest)
    except (ValueError, RecursionError):
        return [decoded_line(line, codec) for line in lines]  # which says what is wrong with the first that is
    whole = len(values) == len(lines) and set(map(type, values)) == {dict} and codec.encoded(values) == rest
    return values if whole else [decoded_line(line, codec) for line in lines]


def decoded_line(line: bytes, codec: Codec) -> dict[str, Any]:
    """Return the object that one line holds; raises Refused unless the line is the one form of its values."""
    if len(line) > MAX_LINE_BYTES:
        raise Refused("malformed", "", f"a line is over {MAX_LINE_BYTES} bytes", "send less in one message")
    try:
        value = codec.decode(line)
    except (ValueError, RecursionError) as fault:
        raise Refused("malformed", "", "a line is no JSON", "seal with this release") from fault
    if type(value) is not dict or codec.encode(value) != line:
        raise Refused("malformed", "", "a line is not in the one form of its values", "seal with this release")
    return value


def header_line(
    header: Header, catalogue: str, index: str, messages: int, codec: Codec, told: Mapping[str, str] | None = None
) -> bytes:
    """Return the first line of a batch of so many messages; `told` are the transforms used, by field."""
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
    if told:
        head["transforms"] = {name: told[name] for name in sorted(told)}
    if header.void is not None:
        head["void"] = header.void
    return codec.encode(head)


def read_header(head: Mapping[str, Any], lines: int, plans: Mapping[str, Plan]) -> Header:
    """Return the header of so many `lines` of messages; raises Refused, or Undeclared with all findings."""
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
    missing = sorted(checks.keys() - head.keys() - {"transforms", "void"})
    if missing:
        raise Refused(
            "malformed", f"{HEADER}.{missing[0]}", f"the header lacks {missing[0]!r}", "seal with this release"
        )
    # `other` is a value of every choice, and none of these two.
    if head["case"] not in CASES or head.get("void") not in (None, *VOIDS):
        raise Refused("malformed", f"{HEADER}.case", "the header has no such case or reason", "seal with this release")
    contradicts = bool(lines) == ("void" in head) or ("transforms" in head and "void" in head)
    if head["messages"] != lines or contradicts or head["sequence"] < 1:
        raise Refused("malformed", f"{HEADER}.messages", "the header contradicts the lines", "send it whole")
    return as_header(head)


def as_header(head: Mapping[str, Any]) -> Header:
    """Return a header's values; raises KeyError, TypeError or ValueError where they are none."""
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
