"""The log's tree, by RFC 6962: what is hashed, and whether a proof holds. Needs no registry and no package.

Ranges of leaves are half-open, `(start, end)`; the hash of a range is the root of the tree over its leaves. A proof is
a list of such hashes: `inclusion_ranges` and `consistency_ranges` say of which ranges, in the proof's order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()

Range = tuple[int, int]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry: 32 bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees' hashes: 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees that a range of the tree falls into, left to right: (level, which one of that level)."""
    found = []
    for level in reversed(range((end - start).bit_length())):
        if (end - start) >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def joined(hashes: Sequence[bytes]) -> bytes:
    """The hash of a range, from those of its complete subtrees in order."""
    if not hashes:
        return EMPTY_ROOT
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


def inclusion_ranges(number: int, size: int) -> list[Range]:
    """What the proof that leaf `number` is in the tree of `size` leaves consists of, from the leaf up."""
    start, end, found = 0, size, list[Range]()
    while end - start > 1:
        middle = start + _half(end - start)
        found.append((middle, end) if number < middle else (start, middle))
        start, end = (start, middle) if number < middle else (middle, end)
    return found[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """What the proof that the tree of `old` leaves is the beginning of that of `size` leaves consists of."""
    if old in (0, size):
        return []  # nothing to prove, or two roots to compare
    start, end, found, known = 0, size, list[Range](), True
    while old != end:
        middle = start + _half(end - start)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, known = middle, False
    return ([] if known else [(start, end)]) + found[::-1]


def verify_inclusion(leaf: bytes, number: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the entry with the hash `leaf` is number `number` (from 0) of the `size` entries that have this root."""
    if not 0 <= number < size:
        return False
    found, at, last = leaf, number, size - 1
    for other in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(other, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the tree of `old_size` entries is the beginning of that of `size`: nothing in it was changed since."""
    if not 0 <= old_size <= size:
        return False
    if old_size in (0, size):
        expected = root if old_size == size else EMPTY_ROOT
        return not path and old_root == expected and (size > 0 or root == EMPTY_ROOT)
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for other in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, other)
        at, last = at >> 1, last >> 1
    return last == 0 and old == old_root and new == root


def _half(count: int) -> int:
    """The largest power of two below `count`: how many leaves the left subtree has."""
    return 1 << (count - 1).bit_length() - 1
