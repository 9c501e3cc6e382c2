"""The usual leaf is compared instead of read: whatever is changed in it, all ways say exactly the same."""

import hashlib
import random

import msgspec
import pytest

from audit import _bodies, _judging, _together, record, tree
from audit.verification import Head, Known
from tests.audit.ledgers import KEYS, Ledger

RANDOM = random.Random(7)


def lived():
    """A ledger whose leaves are nearly all usual ones."""
    made = Ledger()
    made.mode(1)
    for sequence in range(1, 7):
        made.send(sequence)
    made.mode(2)
    for sequence in range(7, 11):
        made.send(sequence)
    return made


def verified(made, leaves, bodies, *, by_comparing, known, together=False):
    """The findings and the report, and how much was compared; without comparing, every leaf is read."""
    state = _judging.Judge(_bodies.Bodies(bodies.get), known)
    used = []
    for end, judge in list(state.foreseen.by_end.items()):

        def counted(*leaf, judge=judge):
            done = judge(*leaf)
            used.append(done)
            return done

        state.foreseen.by_end[end] = counted
    if not by_comparing:
        state.foreseen.by_end.clear()
    if together:
        _together.take_all(state, 0, leaves, list(map(tree.leaf_hash, leaves)))
    else:
        for index, data in enumerate(leaves):
            state.take(index, data)
    state.head = Head(made.frontier.size, made.frontier.root())
    state.finish()
    return list(state.drain()), state.report(), sum(used)


def both(made, leaves, bodies, known):
    short = verified(made, leaves, bodies, by_comparing=True, known=known)
    long = verified(made, leaves, bodies, by_comparing=False, known=known)
    together = verified(made, leaves, bodies, by_comparing=True, known=known, together=True)
    assert short[:2] == long[:2] == together[:2]
    return short


@pytest.mark.parametrize("known", [Known(), Known(receipts=KEYS)], ids=["without keys", "with keys"])
def test_nearly_every_leaf_of_a_whole_ledger_is_only_compared(known):
    made = lived()
    found, report, compared = both(made, made.leaves, made.bodies, known)
    assert (found, report.holds, report.accepted) == ([], True, 10)
    assert compared == len(made.leaves) - 5  # two modes, the first sealed and attempt, the first sealed after a mode


def test_the_leaves_of_a_batch_that_follow_each_other_are_compared_together():
    made = lived()
    alone = verified(made, made.leaves, made.bodies, by_comparing=True, known=Known(), together=True)[2]
    assert alone == 3  # what follows the first sealed leaf and attempt, and the first sealed leaf after a mode


@pytest.mark.parametrize("known", [Known(receipts=KEYS), Known()], ids=["with keys", "without keys"])
@pytest.mark.parametrize("round_", range(300))
def test_a_changed_byte_is_judged_alike_all_ways(round_, known):
    made = lived()
    leaves, bodies = list(made.leaves), dict(made.bodies)
    what = RANDOM.choice(("leaf", "leaf", "leaf", "body", "drop", "swap"))
    at = RANDOM.randrange(5, len(leaves))
    if what == "leaf":
        leaves[at] = changed(leaves[at])
    elif what == "body":
        key = RANDOM.choice(list(bodies))
        bodies[key] = changed(bodies[key])
    elif what == "drop":
        del leaves[at]
    else:
        leaves[at - 1], leaves[at] = leaves[at], leaves[at - 1]
    found, report, _ = both(made, leaves, bodies, known)
    assert not report.holds
    assert found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"sealed_at":"', b'"sealed_at": "'),
        (b'"messages":2}', b'"messages":2,"void":"mode"}'),
        (b'"messages":2}', b'"messages":3}'),
        (b"\n{", b"\n\n{"),
        (b"}\n", b"}"),
    ],
)
def test_a_body_that_is_sealed_with_another_header_is_judged_alike_both_ways(old, new):
    """The hash fits here: the fault is in the bytes themselves."""
    made = lived()
    _, sealed = made.seal(11)
    body = sealed.body.replace(old, new)
    assert body != sealed.body
    sha256 = hashlib.sha256(body).hexdigest()
    entry = msgspec.structs.replace(record.parse(made.leaves[-1]), sha256=sha256, size_bytes=len(body))
    made.leaves[-1] = record.encode(entry)
    both(made, made.leaves, made.bodies | {sha256: body}, Known())


def changed(data):
    at = RANDOM.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << RANDOM.randrange(7))]) + data[at + 1 :]


@pytest.mark.parametrize("at", range(5, 26, 5))
def test_a_number_in_another_spelling_is_no_leaf_though_it_counts_the_same(at):
    made = lived()
    leaf = next(data for data in made.leaves[at:] if data.endswith(b'"attempt"}'))
    leaves = [data.replace(b'"sequence":', b'"sequence":0') if data == leaf else data for data in made.leaves]
    found, _, _ = both(made, leaves, made.bodies, Known())
    assert "record-malformed" in {finding.code for finding in found}
