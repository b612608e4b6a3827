"""The log's tree: every entry against its hash, and every hash above against the two below it."""

from __future__ import annotations

import json

import sqlalchemy as sa
from sqlmodel import Session, col, select

from registry.doctor.found import ROWS, Examined, written
from registry.tables import Leaf, LogHead, LogNode
from trackrecord import merkle

_MEANS = "The log is not what was written; checkpoints and proofs of it do not hold."


def leaves(session: Session, found: Examined) -> None:
    """Streams over the log once: the hashes that a subtree needs are in memory, nothing else."""
    heads = list(session.exec(select(LogHead.id, LogHead.size)))
    count = session.exec(select(sa.func.count()).select_from(Leaf)).one()
    if [id for id, _ in heads] not in ([1], []) or sum(size for _, size in heads) != count:
        found.say("the log", f"It has {count:,} entries, and its head says something else.", _MEANS)
    last: dict[int, bytes] = {}  # by level, the hash of the subtree that ended last
    for first in range(0, count, ROWS):
        kept = _nodes(session, first, min(first + ROWS, count))
        query = select(Leaf).where(col(Leaf.number) >= first, col(Leaf.number) < first + ROWS)
        numbers = []
        for leaf in session.exec(query.order_by(col(Leaf.number))):
            numbers.append(leaf.number)
            found.count("leaves")
            _same_columns(leaf, found)
            _same_nodes(leaf, last, kept, found)
        if numbers != list(range(first, min(first + ROWS, count))):
            return found.say("the log", f"Entries between {first} and {first + ROWS} are missing.", _MEANS)
    nodes = session.exec(select(sa.func.count()).select_from(LogNode)).one()
    if nodes != sum(count >> level for level in range(count.bit_length())):
        found.say("the log", "It has hashes too many or too few.", _MEANS)
    return None


def _nodes(session: Session, first: int, end: int) -> dict[tuple[int, int], str]:
    """The kept hashes of every subtree that ends with one of the leaves in [first, end)."""
    node, kept = LogNode, dict[tuple[int, int], str]()
    for level in range(end.bit_length()):
        query = select(node.number, node.hash).where(
            node.level == level, col(node.number) >= first >> level, col(node.number) < end >> level
        )
        kept |= {(level, number): text for number, text in session.exec(query)}
    return kept


def _same_columns(leaf: Leaf, found: Examined) -> None:
    where = f"entry {leaf.number} of the log"
    with found.looking(where):
        body = json.loads(leaf.body)
        said = tuple(body.get(name) for name in ("kind", "run", "project", "at"))
        kept = (leaf.kind, leaf.run_id, leaf.project_id, written(leaf.at))
        means = "It would be found under a wrong name."
        found.same(where, "The columns beside it say something else.", kept, said, means)


def _same_nodes(leaf: Leaf, last: dict[int, bytes], kept: dict[tuple[int, int], str], found: Examined) -> None:
    made, level, number = merkle.leaf_hash(leaf.body.encode()), 0, leaf.number
    while True:
        if kept.get((level, number)) != made.hex():
            where = f"entry {leaf.number} of the log"
            found.say(where, f"It does not lead to the kept hash {number} of level {level}.", _MEANS)
        if number % 2 == 0:
            last[level] = made
            return
        made = merkle.node_hash(last.get(level, b""), made)
        level, number = level + 1, number // 2
