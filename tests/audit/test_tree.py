"""The tree against the figures of RFC 6962, known vectors, pymerkle, and a definition written down a second time."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from audit import tree
from audit.errors import ProofRefused

# The eight leaves and the roots over the first n of them that Certificate Transparency's own tests use.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def hashes(count):
    return [tree.leaf_hash(str(number).encode()) for number in range(count)]


def defined_root(leaves):
    """MTH of RFC 9162 2.1.1, word for word and slow."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


def stored(leaves):
    """Return the nodes that appending wrote down, as a store would keep them, and the frontier."""
    nodes, frontier = {}, tree.Frontier()
    for leaf in leaves:
        frontier.append(leaf, lambda level, position, node: nodes.setdefault((level, position), node))
    return nodes, frontier


def fetch_of(nodes):
    return lambda level, position: nodes[level, position]


@pytest.mark.parametrize("count", range(9))
def test_the_roots_of_certificate_transparencys_vectors_come_out(count):
    assert tree.root_of(map(tree.leaf_hash, LEAVES[:count])).hex() == ROOTS[count]


def test_the_proofs_are_those_drawn_in_rfc_6962_section_2_1_3():
    a, b, c, d, e, f, j = hashes(7)
    g, h, i = tree.node_hash(a, b), tree.node_hash(c, d), tree.node_hash(e, f)
    k, last = tree.node_hash(g, h), tree.node_hash(i, j)
    fetch = fetch_of(stored([a, b, c, d, e, f, j])[0])
    assert tree.inclusion_proof(0, 7, fetch) == [b, h, last]
    assert tree.inclusion_proof(3, 7, fetch) == [c, g, last]
    assert tree.inclusion_proof(4, 7, fetch) == [f, j, k]
    assert tree.inclusion_proof(6, 7, fetch) == [i, k]
    assert tree.consistency_proof(3, 7, fetch) == [c, d, g, last]
    assert tree.consistency_proof(4, 7, fetch) == [last]
    assert tree.consistency_proof(6, 7, fetch) == [i, j, k]


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_what_the_definition_says_at_every_size(datas):
    frontier, leaves = tree.Frontier(), []
    for data in datas:
        leaves.append(tree.leaf_hash(data))
        frontier.append(leaves[-1])
        assert frontier.root() == defined_root(leaves)
        assert frontier.size == len(leaves)


@given(st.integers(0, 300), st.integers(0, 40))
def test_a_frontier_goes_on_where_its_bytes_left_off(before, after):
    leaves = hashes(before + after)
    frontier = stored(leaves[:before])[1]
    again = tree.Frontier.from_bytes(frontier.to_bytes())
    assert again.to_bytes() == frontier.to_bytes()
    for leaf in leaves[before:]:
        again.append(leaf)
    assert again.root() == tree.root_of(leaves)
    assert frontier.root() == tree.root_of(leaves[:before])


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"\0" * 7 + b"\1", b"\0" * 40, b"\xff" * 8 + b"\0" * 32 * 64])
def test_a_frontier_whose_size_and_hashes_disagree_is_refused(data):
    with pytest.raises(ValueError, match="does not fit"):
        tree.Frontier.from_bytes(data)


def test_a_frontier_refuses_what_is_no_hash():
    with pytest.raises(ValueError, match="32 bytes"):
        tree.Frontier().append(b"short")


def test_a_copy_of_a_frontier_stands_alone():
    frontier = stored(hashes(5))[1]
    other = frontier.copy()
    other.append(hashes(6)[5])
    assert frontier.root() == tree.root_of(hashes(5))
    assert other.root() == tree.root_of(hashes(6))


@given(st.integers(1, 130), st.data())
def test_every_proof_verifies_and_pymerkle_makes_the_same(size, data):
    leaves = hashes(size)
    nodes, frontier = stored(leaves)
    oracle = InmemoryTree(algorithm="sha256")
    for number in range(size):
        oracle.append_entry(str(number).encode())
    assert oracle.get_root(size) == frontier.root()
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    proof = tree.inclusion_proof(index, size, fetch_of(nodes))
    tree.verify_inclusion(leaves[index], index, size, proof, frontier.root())
    assert oracle.prove_inclusion(index + 1, size).path[1:] == proof
    steps = tree.consistency_proof(old, size, fetch_of(nodes))
    tree.verify_consistency(old, tree.root_of(leaves[:old]), size, frontier.root(), steps)


@given(st.integers(1, 80), st.data())
def test_a_changed_inclusion_proof_is_refused(size, data):
    leaves = hashes(size)
    nodes, frontier = stored(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size, fetch_of(nodes))
    root = frontier.root()
    for wrong in broken_lists(proof, data):
        with pytest.raises(ProofRefused):
            tree.verify_inclusion(leaves[index], index, size, wrong, root)
    other = data.draw(st.integers(-1, size + 1).filter(lambda number: number != index))
    with pytest.raises(ProofRefused):
        tree.verify_inclusion(leaves[index], other, size, proof, root)
    with pytest.raises(ProofRefused):
        tree.verify_inclusion(tree.leaf_hash(b"other"), index, size, proof, root)
    with pytest.raises(ProofRefused):
        tree.verify_inclusion(leaves[index], index, size, proof, tree.leaf_hash(b"other"))


@given(st.integers(2, 80), st.data())
def test_a_changed_consistency_proof_is_refused(size, data):
    leaves = hashes(size)
    nodes, frontier = stored(leaves)
    old = data.draw(st.integers(1, size - 1))
    old_root, root = tree.root_of(leaves[:old]), frontier.root()
    proof = tree.consistency_proof(old, size, fetch_of(nodes))
    for wrong in broken_lists(proof, data):
        with pytest.raises(ProofRefused):
            tree.verify_consistency(old, old_root, size, root, wrong)
    for first, second in ((tree.EMPTY_ROOT, root), (old_root, tree.EMPTY_ROOT), (root, root)):
        with pytest.raises(ProofRefused):
            tree.verify_consistency(old, first, size, second, proof)


def broken_lists(proof, data):
    """Return every list that is one mishap away from `proof`."""
    yield [*proof, tree.leaf_hash(b"more")]
    if not proof:
        return
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    changed = bytes([proof[at][0] ^ bit]) + proof[at][1:]
    yield [*proof[:at], changed, *proof[at + 1 :]]
    yield proof[:at] + proof[at + 1 :]
    yield [*proof[:at], proof[at][:31], *proof[at + 1 :]]
    yield []


def test_trees_of_the_same_size_need_the_same_root_and_no_proof():
    root = tree.root_of(hashes(5))
    tree.verify_consistency(5, root, 5, root, [])
    with pytest.raises(ProofRefused):
        tree.verify_consistency(5, root, 5, tree.EMPTY_ROOT, [])
    with pytest.raises(ProofRefused):
        tree.verify_consistency(5, root, 5, root, [root])


def test_every_tree_grows_from_the_empty_one():
    tree.verify_consistency(0, tree.EMPTY_ROOT, 5, tree.root_of(hashes(5)), [])
    with pytest.raises(ProofRefused):
        tree.verify_consistency(0, tree.root_of(hashes(1)), 5, tree.root_of(hashes(5)), [])


def test_an_inner_node_does_not_pass_for_a_leaf():
    left, right = hashes(2)
    assert tree.leaf_hash(left + right) != tree.node_hash(left, right)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (1, 1), (0, 0)])
def test_no_proof_is_made_for_a_leaf_that_is_not_there(index, size):
    with pytest.raises(ValueError, match="has no leaf"):
        tree.inclusion_proof(index, size, fetch_of({}))


@pytest.mark.parametrize(("old", "new"), [(0, 1), (2, 1), (-1, 4)])
def test_no_consistency_proof_is_made_between_impossible_sizes(old, new):
    with pytest.raises(ValueError, match="no consistency proof"):
        tree.consistency_proof(old, new, fetch_of({}))
