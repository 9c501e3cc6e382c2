"""The drawings show what is so."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from audit import tree
from diffgram_home import drawing


def _tree(size: int) -> tuple[list[bytes], bytes]:
    leaves = [tree.leaf_hash(str(number).encode()) for number in range(size)]
    return leaves, tree.root_of(leaves)


def test_a_drawn_proof_reaches_the_root_from_every_leaf_of_every_small_tree() -> None:
    for size in range(1, 34):
        leaves, root = _tree(size)

        def fetch(level: int, number: int, leaves: list[bytes] = leaves) -> bytes:
            width = 1 << level
            return tree.root_of(leaves[number * width : (number + 1) * width])

        for index in range(size):
            path = tree.inclusion_proof(index, size, fetch)
            tree.verify_inclusion(leaves[index], index, size, path, root)
            steps = drawing.proof_steps(index, size, leaves[index], path)
            assert (steps[-1].parent if steps else leaves[index]) == root
            assert [step.right if step.ours_is_left else step.left for step in steps] == path


def test_a_wrong_proof_is_drawn_as_not_reaching_the_root() -> None:
    leaves, root = _tree(8)
    path = [random.Random(1).randbytes(32) for _ in range(3)]
    assert drawing.proof_steps(3, 8, leaves[3], path)[-1].parent != root


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=24))
def test_bars_stay_inside_their_drawing_and_something_is_always_seen(hours: list[tuple[int, int]]) -> None:
    sent, kept = zip(*hours, strict=True)
    bars = drawing.bars(sent, kept)
    assert len(bars) == sum(bool(number) for pair in hours for number in pair)
    assert all(bar.y >= 0 and bar.height >= 2 and bar.y + bar.height <= drawing.HEIGHT for bar in bars)
    assert all(bar.x + 14 <= drawing.WIDTH for bar in bars)


def test_a_flow_goes_down_without_overlap_and_joins_every_aside() -> None:
    stages = [
        drawing.Stage("one", ("a", "b")),
        drawing.Stage("two", ("c",), ("x", "y", "z")),
        drawing.Stage("three", ()),
    ]
    found = drawing.flow(stages)
    own = [box for box in found.boxes if box.what == "stage"]
    assert [box.texts[0].words for box in own] == ["one", "two", "three"]
    assert all(above.y + above.height < below.y for above, below in pairwise(own))
    assert max(box.x + box.width for box in found.boxes) <= drawing.FLOW_WIDTH
    assert max(box.y + box.height for box in found.boxes) <= found.height
    assert len(found.arrows) == 3
    for box in found.boxes:
        assert all(box.y < text.y < box.y + box.height for text in box.texts)


def test_bars_can_be_named_otherwise() -> None:
    assert [bar.what for bar in drawing.bars([1], [2], ("errored", "fine"))] == ["errored", "fine"]
