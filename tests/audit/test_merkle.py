"""The Merkle tree, against its definition and somebody else's implementation."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree, InvalidProof, verify_inclusion

from audit.core.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    Span,
    consistency_spans,
    cover,
    fold,
    inclusion_spans,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    perfect_root,
)

SIZE_MAX = 130


def data(index: int) -> bytes:
    return b"event %d" % index


LEAVES = [leaf_hash(data(index)) for index in range(SIZE_MAX)]
FOREIGN = InmemoryTree(algorithm="sha256")
for number in range(SIZE_MAX):
    FOREIGN.append_entry(data(number))


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def root_of(span: Span) -> bytes:
    return by_definition(LEAVES[span.start : span.end])


def proof_of(spans: list[Span]) -> list[bytes]:
    return [root_of(span) for span in spans]


sizes = st.integers(1, SIZE_MAX)
pairs = st.tuples(sizes, sizes).map(sorted)
places = sizes.flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size)))


def test_the_empty_tree_has_the_root_of_the_standard():
    assert Frontier().root() == EMPTY_ROOT == FOREIGN.get_root(0)


@given(st.integers(0, SIZE_MAX))
def test_a_growing_tree_has_the_root_of_the_definition(size: int):
    tree = Frontier()
    tree.extend(LEAVES[:size])

    assert tree.size == size
    assert tree.root() == by_definition(LEAVES[:size]) == FOREIGN.get_root(size)


@given(sizes)
def test_appending_tells_of_every_perfect_subtree_once(size: int):
    nodes = Frontier().extend(LEAVES[:size])

    expected = {
        Node(level, index): root_of(Span(index << level, (index + 1) << level))
        for level in range(1, 8)
        for index in range(size >> level)
    }
    assert len(nodes) == len(expected)
    assert dict(nodes) == expected


@given(st.integers(0, 7), st.integers(0, 100))
def test_a_whole_subtree_can_be_appended_where_it_fits(level: int, more: int):
    tree, plain, block = Frontier(), Frontier(), 1 << level
    list(tree.append(perfect_root(LEAVES[:block]), level))
    tree.extend(LEAVES[block : block + more])
    plain.extend(LEAVES[: block + more])

    assert tree == plain


def test_a_subtree_where_it_does_not_fit_is_refused():
    tree = Frontier()
    tree.extend(LEAVES[:1])

    with pytest.raises(ValueError, match="cannot begin at 1"):
        list(tree.append(LEAVES[1], 1))
    assert tree.size == 1


@pytest.mark.parametrize("count", [0, 3, 6])
def test_only_powers_of_two_are_perfect(count: int):
    with pytest.raises(ValueError, match="no power of two"):
        perfect_root(LEAVES[:count])


@given(places)
def test_a_proof_of_inclusion_convinces_us_and_others(place: tuple[int, int]):
    index, size = place
    proof = proof_of(inclusion_spans(index, size))
    root = by_definition(LEAVES[:size])

    assert is_included(LEAVES[index], index, size, proof, root)
    foreign = FOREIGN.prove_inclusion(index + 1, size)
    assert [bytes.fromhex(step) for step in foreign.serialize()["path"]][1:] == proof
    verify_inclusion(LEAVES[index], root, foreign)
    with pytest.raises(InvalidProof):
        verify_inclusion(LEAVES[index - 1], root, foreign)


def test_every_proof_in_small_trees_convinces():
    """Each way through the trees, of which a few examples miss the rare ones."""
    roots = [by_definition(LEAVES[:size]) for size in range(34)]
    for second in range(1, 34):
        for first in range(1, second + 1):
            proof = proof_of(consistency_spans(first, second))
            assert is_consistent(first, second, proof, roots[first], roots[second])
        for index in range(second):
            proof = proof_of(inclusion_spans(index, second))
            assert is_included(LEAVES[index], index, second, proof, roots[second])


@given(pairs)
def test_a_proof_of_consistency_convinces(pair: list[int]):
    first, second = pair
    proof = proof_of(consistency_spans(first, second))

    assert is_consistent(
        first, second, proof, FOREIGN.get_root(first), FOREIGN.get_root(second)
    )


# The vectors of Certificate Transparency's own implementations.
INPUTS = [
    *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize(
    ("first", "second", "proof"),
    [
        (1, 1, []),
        (
            1,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ],
)
def test_the_consistency_proofs_of_certificate_transparency(first, second, proof):
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
    spans = consistency_spans(first, second)

    assert [by_definition(leaves[a:b]).hex() for a, b in spans] == proof
    assert is_consistent(
        first,
        second,
        [bytes.fromhex(step) for step in proof],
        bytes.fromhex(ROOTS[first - 1]),
        bytes.fromhex(ROOTS[second - 1]),
    )


@given(places, st.data())
def test_no_other_leaf_place_size_or_proof_is_believed(place, data):
    index, size = place
    proof = proof_of(inclusion_spans(index, size))
    root = by_definition(LEAVES[:size])
    other = data.draw(
        st.integers(0, SIZE_MAX - 1).filter(lambda number: number != index)
    )

    assert not is_included(LEAVES[other], index, size, proof, root)
    assert not is_included(LEAVES[index], other, size, proof, root)
    assert not is_included(LEAVES[index], index, size, [*proof, root], root)
    assert not is_included(LEAVES[index], index, size, proof, EMPTY_ROOT)
    if proof:
        assert not is_included(LEAVES[index], index, size, proof[:-1], root)
        assert not is_included(LEAVES[index], index, size, proof[::-1], root) or (
            proof == proof[::-1]
        )


@given(pairs.filter(lambda pair: pair[0] < pair[1]), st.data())
def test_no_other_history_is_believed(pair, data):
    first, second = pair
    proof = proof_of(consistency_spans(first, second))
    old, new = by_definition(LEAVES[:first]), by_definition(LEAVES[:second])
    place = data.draw(st.integers(0, first - 1))
    rewritten = [*LEAVES[:place], leaf_hash(b"forged"), *LEAVES[place + 1 : first]]

    assert not is_consistent(first, second, proof, by_definition(rewritten), new)
    assert not is_consistent(first, second, proof, old, old)
    assert not is_consistent(first, second, proof[:-1], old, new)
    assert not is_consistent(first, second, [*proof, new], old, new)
    assert not is_consistent(second, first, proof, new, old)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (-1, 5), (0, 0), (6, 5)])
def test_no_tree_is_believed_to_begin_with_an_empty_or_a_larger_one(first, second):
    root = by_definition(LEAVES[:5])

    assert not is_consistent(first, second, [], EMPTY_ROOT, root)
    assert not is_consistent(first, second, [root], root, root)
    assert not is_consistent(first, second, [], root, root)


def test_a_tree_begins_itself_and_nothing_else_of_its_size():
    root, other = by_definition(LEAVES[:5]), by_definition(LEAVES[1:6])

    assert is_consistent(5, 5, [], root, root)
    assert not is_consistent(5, 5, [], root, other)
    assert not is_consistent(5, 5, [root], root, root)


@pytest.mark.parametrize(("first", "second"), [(3, 5), (4, 5), (5, 130)])
def test_an_empty_proof_shows_no_growth(first, second):
    old, new = by_definition(LEAVES[:first]), by_definition(LEAVES[:second])

    assert not is_consistent(first, second, [], old, new)


@pytest.mark.parametrize(("index", "size"), [(5, 5), (0, 0), (-1, 1), (1, 1)])
def test_a_leaf_that_is_not_there_is_not_included(index, size):
    assert not is_included(LEAVES[0], index, size, [], LEAVES[0])


def test_a_tree_of_one_leaf_needs_no_proof():
    assert is_included(LEAVES[0], 0, 1, [], LEAVES[0])
    assert not is_included(LEAVES[0], 0, 1, [], LEAVES[1])


@given(pairs)
def test_a_subtree_is_covered_by_perfect_ones(pair: list[int]):
    spans = consistency_spans(*pair)
    assert (spans == []) is (pair[0] == pair[1])
    for span in spans:
        nodes = cover(span)

        assert fold(
            [
                root_of(Span(index << level, (index + 1) << level))
                for level, index in nodes
            ]
        ) == root_of(span)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (6, 5), (-1, 5)])
def test_no_proof_leads_from_an_empty_or_a_larger_tree(first: int, second: int):
    with pytest.raises(ValueError, match="No proof"):
        consistency_spans(first, second)


@pytest.mark.parametrize(("index", "size"), [(5, 5), (0, 0), (-1, 5)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int, size: int):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_spans(index, size)
