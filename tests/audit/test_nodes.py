"""A range whose every node is known has the roots, and looks as far back, as one that grows leaf after leaf."""

import hashlib

import pytest

from audit import tree
from audit._nodes import Nodes, Within, leaf_hashes
from audit._past import Past

BLOCK, RANGE = 8, 64
LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(6 * RANGE)]


def grown(first):
    """The past of whoever appended every leaf before `first`, as far back as a range is told of."""
    before = tree.Frontier()
    for leaf in LEAVES[: max(0, first - BLOCK)]:
        before.append(leaf)
    past = Past(BLOCK)
    past.begin(before)
    past.extend(LEAVES[before.size : first])
    return past


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("every", [1, 3, RANGE])
def test_every_root_in_a_range_is_that_of_the_tree(number, every):
    first = number * RANGE
    nodes, leaf_after_leaf = Nodes(LEAVES[first : first + RANGE]), grown(first)
    within = Within(grown(first), nodes, range(first, first + RANGE, every))
    for size in range(first, first + RANGE + 1):
        assert within.frontier.root() == leaf_after_leaf.frontier.root()
        assert within.frontier.copy().to_bytes() == leaf_after_leaf.frontier.to_bytes()
        asked = range(max(0, size - 4 * BLOCK), size + 2)
        assert [within.root_at(at) for at in asked] == [leaf_after_leaf.root_at(at) for at in asked]
        if size < first + RANGE:
            within.append(LEAVES[size])
            leaf_after_leaf.append(LEAVES[size])


def test_the_root_and_the_peaks_of_a_range_are_those_of_a_tree_of_its_own():
    nodes, tall = Nodes(LEAVES[:RANGE]), tree.Frontier()
    for size, leaf in enumerate(LEAVES[:RANGE]):
        assert nodes.peaks(size) == tall.peaks()
        tall.append(leaf)
    assert nodes.root == tall.root()


def test_leaves_are_hashed_together_as_alone():
    assert leaf_hashes([b"", b"a" * 500]) == [tree.leaf_hash(b""), tree.leaf_hash(b"a" * 500)]
