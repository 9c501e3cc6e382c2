"""What recomputing a ledger does not prove (for `_judging`): said at the end of every verification, in plain words."""

from collections.abc import Iterator

from audit._bodies import Bodies
from audit._findings import Head, Known
from audit._numbers import Numbers


def limits(known: Known, head: Head | None, numbers: Numbers, bodies: Bodies, unread: int, block: int) -> Iterator[str]:
    """Say what the recomputation does not prove, given what the caller brought."""
    reach = max((size for size, _ in known.kept), default=0)
    yield "that nothing left by another way: the door and your network's own rules stand for that"
    yield (
        f"that leaves after {reach} were always these: whoever holds this host and its key can write them anew; "
        "keep checkpoints elsewhere and give them to this command"
    )
    if not reach:
        yield "anything without trust in this host: no checkpoint kept elsewhere was given, all rests on it alone"
    if numbers.vouched > reach:
        yield f"leaves {reach} to {numbers.vouched} without corporate: its receipts, and nothing else, fix them"
    yield "that the times are right: they are this host's clock"
    yield "what corporate does with what it received"
    if head is None:
        yield "that this is the end of the ledger: no head was given, so later leaves may be cut off"
    if numbers.accepted > numbers.receipts_checked:
        count = numbers.accepted - numbers.receipts_checked
        yield f"that {count} receipts are corporate's: no keys were given, or they did not hold"
    if bodies.pruned:
        yield f"what {bodies.pruned} pruned bodies said: their hashes remain, to compare with copies elsewhere"
    if unread:
        far = f"over {block} leaves before the record"
        yield f"{unread} quoted checkpoints: {far}, or after a missing leaf"
