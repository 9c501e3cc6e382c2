"""Recompute a whole ledger from its leaves and bodies, in bounded memory, and say where it does not hold.

The caller brings leaves in order and bodies by hash, from a store or from an export; nothing here opens a file.
`verify` yields a `Finding` for each thing that does not hold and goes on; its last item is the `Report`, which also
says what all this does NOT prove.

Checked, leaf by leaf: position, canonical form, the tree; the body's hash, size and header; numbers without gap for
each case; every attempt for bytes that were sealed, with one outcome; every outcome for one attempt; the approval that
its case asked for; receipts; the checkpoints that records quote; and every checkpoint that the caller kept elsewhere.
"""

from collections.abc import Iterable, Iterator

from audit._bodies import Bodies, Body
from audit._findings import FAULT, NOTE, Finding, Head, Item, Known, Report
from audit._judging import Judge

__all__ = ["FAULT", "NOTE", "Finding", "Head", "Item", "Known", "Report", "verify"]


def verify(source: Iterable[Item], body: Body, known: Known | None = None) -> Iterator[Finding | Report]:
    """Yield every finding in the order of the leaves, then one `Report`. Raises nothing of its own.

    `source` yields leaves from index 0, and where it can the head it claims. `body` is called once for each sealed or
    void leaf, before the next leaf is asked for.
    """
    state = Judge(Bodies(body), known or Known())
    for item in source:
        if isinstance(item, tuple):
            state.take(*item)
        elif isinstance(item, Head):
            state.head = item
        else:
            state.pass_on(item)
        if state.found:
            yield from state.drain()
    state.finish()
    yield from state.drain()
    yield state.report()
