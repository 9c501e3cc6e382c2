"""One request that is no batch, from bytes to a sender who may ask it.

The order is the rule, as for batches: declared by `gate.check_request`, the code that the installation ran → identity
(certificate, signature, revocation) → rate. What the request asks is the caller's. A request is judged by the core
catalogue of this release: it names none, so that no product's catalogue can stand in the way of asking.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from audit import catalogue, gate, signed
from audit.errors import Refused, Undeclared
from corporate import ingest
from corporate.errors import Answer
from corporate.identity import Claimed, Sender
from corporate.server import Corporate


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read and found in order, its exact bytes, and who sent it."""

    request: gate.Request
    body: bytes
    sender: Sender


def receive(
    server: Corporate,
    kind: str,
    body: bytes,
    certificate: bytes | None,
    signature: str | None,
    now: datetime,
    *,
    by_hand: bool = False,
) -> Asked:
    """The request of `kind` in `body`. Raises Answer for everything that is not in order.

    `by_hand`: it came in a file that our own staff brought in, so the rate of requests is not asked about.
    """
    request = read(kind, body)
    claimed = Claimed(request.installation, certificate, signature, body, by_hand=by_hand, typ=signed.REQUEST)
    sender = ingest.sender_of(server, claimed, now)
    if not by_hand:
        ingest.hold_to_rate(server, sender, now)
    return Asked(request, body, sender)


def read(kind: str, body: bytes) -> gate.Request:
    """The request of `kind` in `body`, from whomever. Raises Answer 400."""
    try:
        found = gate.check_request(body, _core())
    except Undeclared as e:
        text = "the request holds undeclared content; nothing of it was stored"
        raise Answer(400, "undeclared", text, e.hint, more={"undeclared": dict(e.findings)}) from e
    except Refused as e:
        more = {"path": e.path} if e.path else {}
        raise Answer(400, "malformed", str(e), e.hint, more=more) from e
    if found.kind != kind:
        raise Answer(400, "malformed", "this is another kind of request", "send it to the path of its kind")
    return found


@cache
def _core() -> catalogue.Catalogue:
    return catalogue.load(catalogue.core())
