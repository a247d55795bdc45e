"""The Merkle tree of the log: roots, inclusion and consistency proofs.

Source: RFC 9162, section 2.1 (the tree of RFC 6962), with SHA-256. A subtree is named
by the half-open range of leaves that it stands for; a perfect one by its level and its
number there: the 2^level leaves from number * 2^level on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


class Node(NamedTuple):
    """A perfect subtree."""

    level: int
    number: int


class Span(NamedTuple):
    """The subtree over the leaves [start, end)."""

    start: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's data."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others."""
    return sha256(b"\x01" + left + right).digest()


@dataclass
class Frontier:
    """A growing tree: its size, and the perfect subtrees it consists of, largest first.

    All that is needed to go on, O(log size).
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, hashed: bytes, level: int = 0) -> Iterator[tuple[Node, bytes]]:
        """Append the root of a perfect subtree of 2^level leaves, a leaf by default.

        Yields every larger perfect subtree that it completes, from the smallest on; the
        caller must take them all. Raises ValueError unless the size is a multiple of
        2^level.
        """
        if self.size % (1 << level):
            raise ValueError(f"A subtree of level {level} cannot begin at {self.size}.")
        size = self.size + (1 << level)
        while not size >> level & 1:
            hashed = node_hash(self.peaks.pop(), hashed)
            level += 1
            yield Node(level, (size >> level) - 1), hashed
        self.peaks.append(hashed)
        self.size = size

    def extend(self, hashes: Iterable[bytes]) -> list[tuple[Node, bytes]]:
        """Append leaves; return every perfect subtree that they complete."""
        return [node for hashed in hashes for node in self.append(hashed)]

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        return fold(self.peaks) if self.peaks else EMPTY_ROOT


def fold(subtrees: Sequence[bytes]) -> bytes:
    """Return the root over adjacent perfect subtrees, largest first; at least one."""
    *rest, root = subtrees
    for subtree in reversed(rest):
        root = node_hash(subtree, root)
    return root


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over 2^n hashes. Raises ValueError for another number."""
    if not hashes or len(hashes) & (len(hashes) - 1):
        raise ValueError(f"{len(hashes)} is no power of two.")
    level = list(hashes)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def cover(span: Span) -> list[Node]:
    """Return the perfect subtrees that a subtree consists of, largest first.

    The span must begin at a multiple of the largest power of two in it, as the subtrees
    of proofs do.
    """
    start, left, nodes = span.start, span.end - span.start, []
    while left:
        level = left.bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
        left -= 1 << level
    return nodes


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Return the subtrees whose roots prove that leaf `index` is in a tree of `size`.

    In the order of the proof, from the leaf up. Raises ValueError unless index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"There is no leaf {index} in a tree of {size}.")
    spans = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """Return the subtrees whose roots prove that one tree begins another.

    Trees are given by their sizes; for equal ones the proof is empty. Raises ValueError
    unless 0 < first <= second.
    """
    if not 0 < first <= second:
        raise ValueError(f"No proof leads from a tree of {first} to one of {second}.")
    spans = []
    start, end = 0, second
    is_whole = True  # Whether [start, first) is the first tree itself, known to all.
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
            is_whole = False
    if not is_whole:
        spans.append(Span(start, first))
    return spans[::-1]


def is_included(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether a proof shows the leaf's hash at `index` in the tree of that root.

    Source: RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    here, last, hashed = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            hashed = node_hash(step, hashed)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            hashed = node_hash(hashed, step)
        here, last = here >> 1, last >> 1
    return last == 0 and hashed == root


def is_consistent(
    first: int,
    second: int,
    proof: Sequence[bytes],
    first_root: bytes,
    second_root: bytes,
) -> bool:
    """Return whether a proof shows that the first tree is the beginning of the second.

    Source: RFC 9162, 2.1.4.2.
    """
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    steps = list(proof)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, step)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """Return the largest power of two below a size of at least two."""
    return 1 << (size - 1).bit_length() - 1
