"""The tree and its proofs: the vectors of Certificate Transparency, every pair of sizes, and another implementation."""

from __future__ import annotations

import random
from itertools import pairwise

import pymerkle
import pytest
from pymerkle import ConsistencyProof, InclusionProof, InmemoryTree, InvalidProof
from pymerkle.core import _consistency_path_layout

from tests.soak import count
from trackrecord import merkle

pytestmark = pytest.mark.soak


MOST = 256
ENTRIES = [f"entry {number}".encode() for number in range(MOST)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]

VECTOR = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Tree:
    """A tree in memory that answers with ours: complete subtrees by (level, number), as the registry keeps them."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._nodes = {(0, number): leaf for number, leaf in enumerate(leaves)}
        level, row = 0, leaves
        while len(row) > 1:
            level += 1
            row = [merkle.node_hash(*row[at : at + 2]) for at in range(0, len(row) - 1, 2)]
            self._nodes |= {(level, number): each for number, each in enumerate(row)}

    def of(self, *ranges: merkle.Range) -> list[bytes]:
        return [merkle.joined([self._nodes[each] for each in merkle.subtrees(*ends)]) for ends in ranges]

    def root(self, size: int) -> bytes:
        return self.of((0, size))[0]

    def consistency(self, old: int, size: int) -> list[bytes]:
        return self.of(*merkle.consistency_ranges(old, size))

    def inclusion(self, number: int, size: int) -> list[bytes]:
        return self.of(*merkle.inclusion_ranges(number, size))


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(LEAVES)


@pytest.fixture(scope="module")
def other() -> InmemoryTree:
    made = InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        made.append_entry(entry)
    return made


def forged(path: list[bytes], chance: random.Random) -> list[list[bytes]]:
    """Proofs that are almost this one."""
    extra = chance.randbytes(32)
    found = [[*path, extra], [extra, *path]]
    for at, each in enumerate(path):
        flipped = each[:7] + bytes([each[7] ^ 1]) + each[8:]
        found += [path[:at] + path[at + 1 :], [*path[:at], flipped, *path[at + 1 :]]]
    if len(set(path)) > 1:
        found.append(path[::-1])
    return found


def test_the_roots_of_certificate_transparency() -> None:
    tree = Tree([merkle.leaf_hash(bytes.fromhex(text)) for text in VECTOR])
    assert [tree.root(size).hex() for size in range(9)] == ROOTS


def test_the_proofs_of_certificate_transparency() -> None:
    tree = Tree([merkle.leaf_hash(bytes.fromhex(text)) for text in VECTOR])
    assert [each.hex() for each in tree.consistency(6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [each.hex() for each in tree.consistency(2, 5)] == [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]
    assert [each.hex() for each in tree.inclusion(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_every_pair_of_sizes_is_consistent(tree: Tree) -> None:
    roots = [tree.root(size) for size in range(MOST + 1)]
    held = 0
    for size in range(MOST + 1):
        for old in range(size + 1):
            path = tree.consistency(old, size)
            assert merkle.verify_consistency(old, roots[old], size, roots[size], path), (old, size)
            assert len(path) <= size.bit_length() + 1
            held += 1
    assert held == (MOST + 1) * (MOST + 2) // 2


def test_every_leaf_is_included_in_every_size(tree: Tree) -> None:
    for size in range(1, MOST + 1):
        root = tree.root(size)
        for number in range(size):
            path = tree.inclusion(number, size)
            assert merkle.verify_inclusion(LEAVES[number], number, size, path, root), (number, size)
            assert len(path) <= size.bit_length()


def test_no_proof_holds_for_another_root_size_or_leaf(tree: Tree) -> None:
    roots = [tree.root(size) for size in range(MOST + 1)]
    chance = random.Random(1)
    for _ in range(count(600, 30_000)):
        old, size = sorted(chance.sample(range(1, MOST + 1), 2))
        wrong = chance.choice([each for each in range(1, MOST + 1) if each not in (old, size)])
        path = tree.consistency(old, size)
        assert not merkle.verify_consistency(old, roots[old], size, roots[wrong], path), (old, size, wrong)
        assert not merkle.verify_consistency(old, roots[wrong], size, roots[size], path), (old, size, wrong)
        number = chance.randrange(size)
        path = tree.inclusion(number, size)
        assert not merkle.verify_inclusion(LEAVES[number], number, size, path, roots[wrong]), (number, size, wrong)
        assert not merkle.verify_inclusion(LEAVES[number], number - 1 or size, size, path, roots[size])
        assert not merkle.verify_inclusion(LEAVES[number - 1], number, size, path, roots[size])


def test_consistency_agrees_with_pymerkle(tree: Tree, other: InmemoryTree) -> None:
    """Theirs has smaller subtrees in it: joined as RFC 6962 does, they are ours; and so is the verdict on a forgery."""
    chance = random.Random(6962)
    every = [(old, size) for size in range(1, MOST + 1) for old in range(1, size + 1)]
    forgeries = 0
    for old, size in chance.sample(every, count(150, len(every))):
        theirs = other.prove_consistency(old, size)
        was, now, path = tree.root(old), tree.root(size), tree.consistency(old, size)
        assert (was, now) == (other.get_root(old), other.get_root(size))
        assert path == as_ours(old, size, theirs.path), (old, size)
        pymerkle.verify_consistency(was, now, theirs)
        for wrong in forged(path, chance):
            assert not merkle.verify_consistency(old, was, size, now, wrong), (old, size)
        for at, each in enumerate(theirs.path):
            changed = [*theirs.path[:at], bytes([each[0] ^ 128]) + each[1:], *theirs.path[at + 1 :]]
            with pytest.raises(InvalidProof):
                pymerkle.verify_consistency(was, now, like(theirs, changed))
            if (translated := as_ours(old, size, changed)) != path:  # theirs says the old root once more
                assert not merkle.verify_consistency(old, was, size, now, translated)
                forgeries += 1
    assert forgeries > 500


def test_inclusion_agrees_with_pymerkle(tree: Tree, other: InmemoryTree) -> None:
    chance = random.Random(9162)
    every = [(number, size) for size in range(1, MOST + 1) for number in range(size)]
    for number, size in chance.sample(every, count(150, len(every))):
        theirs = other.prove_inclusion(number + 1, size)
        leaf, root, path = LEAVES[number], tree.root(size), tree.inclusion(number, size)
        assert [leaf, *path] == theirs.path, (number, size)
        pymerkle.verify_inclusion(leaf, root, theirs)
        for wrong in forged(path, chance):
            assert not merkle.verify_inclusion(leaf, number, size, wrong, root), (number, size)
            with pytest.raises(InvalidProof):
                pymerkle.verify_inclusion(leaf, root, like(theirs, [leaf, *wrong]))


def as_ours(old: int, size: int, path: list[bytes]) -> list[bytes]:
    """A path of theirs in the form of RFC 6962."""
    there: dict[tuple[int, int], bytes] = dict(zip(_consistency_path_layout(old, size)[2], path, strict=True))

    def of(start: int, end: int) -> bytes:
        if (start, end) in there:
            return there[start, end]
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        return merkle.node_hash(of(start, middle), of(middle, end))

    return [of(*ends) for ends in merkle.consistency_ranges(old, size)]


def like(proof: ConsistencyProof | InclusionProof, path: list[bytes]) -> ConsistencyProof | InclusionProof:
    """The same claim with another path."""
    said = proof.serialize()
    return pymerkle.MerkleProof.deserialize({**said, "path": [each.hex() for each in path]})


@pytest.mark.parametrize("number", [-1, 5, 8])
def test_a_leaf_that_is_not_in_the_tree(tree: Tree, number: int) -> None:
    assert not merkle.verify_inclusion(LEAVES[4], number, 5, tree.inclusion(4, 5), tree.root(5))


def test_sizes_that_cannot_be(tree: Tree) -> None:
    three, five = tree.root(3), tree.root(5)
    path = tree.consistency(3, 5)
    assert merkle.verify_consistency(3, three, 5, five, path)
    assert not merkle.verify_consistency(5, five, 3, three, path)
    assert not merkle.verify_consistency(-1, three, 5, five, path)
    assert not merkle.verify_consistency(3, three, 5, five, [])
    assert not merkle.verify_consistency(0, three, 5, five, [])
    assert not merkle.verify_consistency(0, merkle.EMPTY_ROOT, 5, five, path)
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 5, five, [])
    assert not merkle.verify_consistency(0, merkle.EMPTY_ROOT, 0, five, [])
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 0, merkle.EMPTY_ROOT, [])
    assert not merkle.verify_consistency(5, five, 5, five, path)


def test_no_is_said_as_false(tree: Tree) -> None:
    """At each place where a proof can fail, in trees so small that the sums would come out by chance."""
    one, two, three = LEAVES[0], tree.root(2), tree.root(3)
    assert merkle.verify_inclusion(one, 0, 1, [], one) is True
    for number, size, path in ((1, 1, []), (-1, 1, []), (0, 1, [one]), (0, 2, []), (0, 0, [])):
        assert merkle.verify_inclusion(one, number, size, path, one) is False
    assert merkle.verify_consistency(2, two, 3, three, [LEAVES[2]]) is True
    for old, was, size, now, wrong in (
        (3, three, 2, two, []),
        (0, one, 0, one, []),
        (0, one, 3, three, []),
        (2, two, 2, three, []),
        (3, three, 4, tree.root(4), []),
        (2, two, 3, three, []),
        (2, two, 3, three, [LEAVES[2], LEAVES[3]]),
    ):
        assert merkle.verify_consistency(old, was, size, now, wrong) is False


def test_a_node_is_never_taken_for_an_entry(tree: Tree) -> None:
    two = LEAVES[0] + LEAVES[1]
    assert merkle.leaf_hash(two) != merkle.node_hash(LEAVES[0], LEAVES[1])
    assert not merkle.verify_inclusion(merkle.leaf_hash(two), 0, 1, [], tree.root(2))


def test_a_changed_entry_changes_every_root_after_it(tree: Tree) -> None:
    changed = Tree([*LEAVES[:100], merkle.leaf_hash(b"changed"), *LEAVES[101:]])
    same = [size for size in range(MOST + 1) if changed.root(size) == tree.root(size)]
    assert same == list(range(101))
    for old, size in pairwise(range(101, MOST + 1)):
        path = changed.consistency(old, size)
        assert not merkle.verify_consistency(old, tree.root(old), size, changed.root(size), path)
