"""Requests: one line each, which leaves because a person asked for it and saw it (docs/formats/request.md).

    {"at":…,"installation":…,"kind":"home/deletion-asked","ledger_root":…,"ledger_size":…,…}

A request is no batch: it has no case, number or mode, and needs no approval beforehand, since whoever sends it sees the
exact bytes first. It is declared like everything else. What its own members must say together is left to the module of
that request; `at`, `installation` and the ledger's checkpoint are in all of them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import _batch
from audit._batch import MAX_LINE_BYTES, UNDECLARED
from audit._plan import Plan, compiled
from audit.canonical import canonical, read_canonical
from audit.catalogue import REQUEST, Catalogue
from audit.errors import Refused, Undeclared
from audit.index import EMPTY
from audit.types import instant_text

COMMON = ("at", "installation", "ledger_root", "ledger_size")
"""Members that every request has, beside `kind`."""
_HINT = "ask with this release"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was read and found in order; `values` are the members that only its kind has."""

    kind: str
    installation: str
    at: datetime
    ledger_size: int
    ledger_root: str
    values: Mapping[str, Any]


def make(asked: Request, catalogue: Catalogue) -> bytes:
    """Return the bytes of a request, once. Raises Refused for what `check` would refuse."""
    line = canonical(
        {
            **asked.values,
            "at": instant_text(asked.at, "second"),
            "installation": asked.installation,
            "kind": asked.kind,
            "ledger_root": asked.ledger_root,
            "ledger_size": asked.ledger_size,
        }
    )
    body = line + b"\n"
    check(body, catalogue)
    return body


def check(body: bytes, catalogue: Catalogue) -> Request:
    """Return the request if every byte of it is declared by `catalogue`.

    Raises Refused for bytes that are not one canonical line, Undeclared with every finding counted.
    """
    value = _line(body)
    kind = value.pop("kind", None)
    plan = compiled(catalogue, EMPTY).get(kind) if isinstance(kind, str) else None
    if plan is None or plan.case != REQUEST:
        raise Undeclared({UNDECLARED: 1})
    missing = [key for key in COMMON if key not in value]
    if missing:
        raise Refused("malformed", f"{kind}.{missing[0]}", f"the request lacks {missing[0]!r}", _HINT)
    findings = Counter(
        f"{kind}.{key}.{UNDECLARED}" if key in plan.declared else f"{kind}.{UNDECLARED}"
        for key, one in value.items()
        if key not in plan.declared or not plan.declared[key](one)
    )
    if not findings:
        findings = _out_of_window(str(kind), value, plan)
    if findings:
        raise Undeclared(findings)
    at = datetime.fromisoformat(value["at"])
    own = {key: one for key, one in value.items() if key not in COMMON}
    return Request(str(kind), value["installation"], at, value["ledger_size"], value["ledger_root"], own)


def _line(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_LINE_BYTES or not body.endswith(b"\n"):
        raise Refused("malformed", "", f"a request is one line of at most {MAX_LINE_BYTES} bytes", _HINT)
    try:
        return read_canonical(body[:-1])
    except ValueError as fault:
        raise Refused("malformed", "", "the request is not the canonical form of its values", _HINT) from fault


def _out_of_window(kind: str, value: Mapping[str, Any], plan: Plan) -> Counter[str]:
    """Count instants more than 400 days from the request's own: no birth date passes here either."""
    first, last = _batch.window(datetime.fromisoformat(value["at"]))
    return Counter(
        f"{kind}.{key}.{UNDECLARED}" for key in plan.instants if key in value and not first <= value[key][:10] <= last
    )
