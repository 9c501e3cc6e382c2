"""The gate: pure functions that seal messages into the exact bytes that may leave, and check such bytes (design 3).

    seal      messages → bytes, once: declared ∧ approved ∧ switched on; what is withheld is counted with its reason
    check     bytes → accepted or refused, never rewritten; run again by the door at the moment of sending
    declared  bytes → accepted or refused by catalogue and index alone; corporate runs it on arrival
    make_request, check_request   the same for a request, which is no batch: one line that a person sends (_request)

A batch is newline-delimited JSON: a header line, then one message a line (docs/formats/batch.md). Each line must be
exactly what the codec writes for the values it holds, so that nothing fits between the lines: no repeated key, no
spare white space, no second spelling of a character.

The header's and the envelope's fields need approval like all others: without it nothing at all is sealed. Approving
the field `at` of a kind is approving that its messages exist.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from audit import _batch, _declaring, _leaving, _request, transforms
from audit._batch import MAX_LINE_BYTES, VOIDS, Codec, Header
from audit._columns import Shape, chosen, group
from audit._leaving import Collected
from audit._plan import Plan, compile_plans, compiled
from audit._request import Request
from audit.approval import NOTHING_ASKED, Approvals
from audit.canonical import sha256_hex
from audit.catalogue import HEADER, TELLING, Catalogue
from audit.consent import Consent
from audit.errors import Refused, Undeclared
from audit.index import Index
from audit.modes import Modes

__all__ = [
    "MAX_LINE_BYTES",
    "VOIDS",
    "Batch",
    "Codec",
    "Collected",
    "Header",
    "Request",
    "Rules",
    "Sealed",
    "check",
    "check_request",
    "declared",
    "header_of",
    "make_request",
    "seal",
    "void",
]


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
    """A batch that was read and found in order; `told` are the transforms that its header states, by field."""

    header: Header
    catalogue: str
    index: str
    messages: Sequence[Mapping[str, Any]]
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything the gate decides by, compiled once for each day; build it anew when any part changes."""

    catalogue: Catalogue
    index: Index
    consent: Consent
    modes: Modes
    approvals: Approvals = NOTHING_ASKED
    _plans: dict[date, dict[str, Plan]] = field(default_factory=dict, compare=False, repr=False)

    def with_approvals(self, approvals: Approvals) -> "Rules":
        """Return the same rules with other approvals before sending; what was compiled is shared."""
        return Rules(self.catalogue, self.index, self.consent, self.modes, approvals, self._plans)

    def plans(self, today: date) -> Mapping[str, Plan]:
        """Return kind → plan for one day, since fields expire by day."""
        if today not in self._plans:
            self._plans.clear()
            self._plans[today] = compile_plans(self.catalogue, self.index, self.consent, today)
        return self._plans[today]


def seal(messages: Sequence[Collected], header: Header, rules: Rules, codec: Codec) -> Sealed:
    """Return the bytes for `messages`, once.

    Fields that are undeclared, malformed, expired or not approved are left out; messages of another case, of a kind
    that is not `on`, or collected under another position of the switch are left out whole. Each is counted. Then the
    transforms that the customer chose are done, and the header tells which (audit.transforms).

    Raises Refused when the header or the envelope is not approved: then nothing may leave.
    """
    _wrapping_approved(rules)
    plans = rules.plans(header.sealed_at.date())
    sieve = _leaving.Sieve(header.case, plans, rules.modes, _batch.window(header.sealed_at), codec)
    made = _leaving.lines(sieve, messages)
    kept = [line for line in made if line is not None]
    told = _told(plans, messages, made)
    head = _batch.header_line(header, rules.catalogue.hash, rules.index.hash, len(kept), codec, told)
    body = b"\n".join((head, *kept, b""))
    return Sealed(body, sha256_hex(body), len(kept), tuple(line is not None for line in made), dict(sieve.withheld))


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
    expired while the batch waited refuses them too; a clock that was set back brings none back. So does a transform
    that was chosen since, if the values are finer than it leaves them. Where the case asks for approval before sending,
    these very bytes must have it; a void has no content, and needs none.
    Raises Refused (with Undeclared for content outside the catalogue).
    """
    batch, shapes = _declared(body, rules.catalogue, rules.index, codec)
    _wrapping_approved(rules)
    if batch.told and not rules.consent.allows(rules.catalogue.fields[TELLING]):
        raise Refused("not-approved", TELLING, f"field {TELLING!r} may not leave: not-approved", "approve it")
    plans = rules.plans(max(batch.header.sealed_at.date(), now.date()))
    for _, kind, *keys in shapes:
        plan, switch = plans[kind], rules.modes.of(kind)
        if switch.mode != "on" or switch.generation > generation:
            raise Refused("switched", kind, f"kind {kind!r} was switched since sealing", "seal again")
        for key in keys:
            if key != "kind" and key not in plan.allowed:
                reason, name = plan.withheld[key]
                raise Refused(reason, name, f"field {name!r} may not leave: {reason}", "approve it, or seal again")
            if key in plan.chosen:
                _coarse_enough(batch, plan.chosen[key])
    if batch.header.void is None and batch.header.case in rules.approvals.asks:
        rules.approvals.check(batch.header.case, sha256_hex(body))
    return batch


def declared(body: bytes, catalogue: Catalogue, index: Index, codec: Codec) -> Batch:
    """Return the batch if every byte of it is declared by `catalogue` and `index`.

    Consent and modes play no part: they never leave the installation. A void may name the catalogue of an earlier
    release: it has no content to judge by it, and a number must not stay open because of an upgrade. Raises Undeclared
    with every finding counted, and Refused when the bytes are no batch, or name another catalogue or index.
    """
    return _declared(body, catalogue, index, codec)[0]


def make_request(asked: Request, catalogue: Catalogue) -> bytes:
    """Return the exact bytes of a request, once. Raises Refused for what `check_request` would refuse."""
    return _request.make(asked, catalogue)


def check_request(body: bytes, catalogue: Catalogue) -> Request:
    """Return the request if every byte of it is declared; the door and corporate both ask this.

    Consent and modes play no part: a person saw these bytes and sent them. Raises Refused, Undeclared.
    """
    return _request.check(body, catalogue)


def header_of(body: bytes, codec: Codec) -> tuple[Header, str, str]:
    """Return header, catalogue hash and index hash of a batch, to find the rules to judge it by. Raises Refused.

    Nothing else of the batch is looked at; `declared` decides.
    """
    head = _batch.decoded_line(body.partition(b"\n")[0], codec)
    for key in ("catalogue", "index"):
        if not (isinstance(head.get(key), str) and len(head[key]) == 64):
            raise Refused("malformed", f"{HEADER}.{key}", f"the header has no {key} hash", "seal with this release")
    try:
        return _batch.as_header(head), head["catalogue"], head["index"]
    except (KeyError, TypeError, ValueError) as fault:
        raise Refused("malformed", HEADER, "the header is not whole", "seal with this release") from fault


def _declared(body: bytes, catalogue: Catalogue, index: Index, codec: Codec) -> tuple[Batch, Sequence[Shape]]:
    """Return the batch, and the shapes of its messages in the order of their first one."""
    first, rest = _batch.split(body)
    head = _batch.decoded_line(first, codec)
    plans = compiled(catalogue, index)
    header = _batch.read_header(head, rest.count(b"\n"), plans)
    if header.void is None and (head["catalogue"] != catalogue.hash or head["index"] != index.hash):
        raise Refused("other-catalogue", HEADER, "the batch names another catalogue or index", "look that one up")
    terms = _declaring.Terms(header.case, plans, _batch.window(header.sealed_at))
    findings: Counter[str] = Counter()
    messages = _batch.decoded(rest, codec)
    shapes = group(messages)
    for shape, positions in shapes.items():
        alike = chosen(messages, positions)
        if not _declaring.hold(terms, shape, alike):
            for message in alike:
                _declaring.find(terms, message, findings)
    told: Mapping[str, str] = head.get("transforms", {})
    if told and not findings:
        _declaring.find_finer(told, catalogue, messages, findings)
    if findings:
        raise Undeclared(findings)
    return Batch(header, head["catalogue"], head["index"], messages, told), tuple(shapes)


def _told(plans: Mapping[str, Plan], messages: Sequence[Collected], made: Sequence[bytes | None]) -> Mapping[str, str]:
    """Return the transforms used on the kinds that leave, by field; also of fields of which nothing is left."""
    if not any(plan.chosen for plan in plans.values()):
        return {}
    kinds = {collected.message["kind"] for collected, line in zip(messages, made, strict=True) if line is not None}
    return {one.field: one.transform.word for kind in kinds for one in plans[kind].chosen.values()}


def _coarse_enough(batch: Batch, chosen_: transforms.Chosen) -> None:
    """Raise Refused unless the values that the batch holds of a field tell no more than the transform leaves."""
    if not transforms.as_coarse(batch.told.get(chosen_.field), chosen_.transform):
        message = f"the values of {chosen_.field!r} are finer than {chosen_.transform.word!r}, which was chosen since"
        raise Refused("finer", chosen_.field, message, "seal again")


def _wrapping_approved(rules: Rules) -> None:
    if rules.consent.stopped:
        hint = "decide about the changed fields, or set [policy] on_material_change to withhold"
        raise Refused(
            "stopped", "", "the catalogue changed and the policy is to send nothing until it is decided", hint
        )
    for stated in rules.catalogue.wrapping():
        if not rules.consent.allows(stated):
            hint = "approve the fields of header and envelope first: they go with every batch"
            raise Refused("wrapping-not-approved", stated.name, f"field {stated.name!r} is not approved", hint)
