"""What the registry vouches for about a run: its signed receipt, and how to verify it without us."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from registry import log, receipts
from registry.asker import Asker
from registry.find import find_run
from registry.numbers import ago, clean, clock, short
from registry.proofs import verified
from registry.tables import Receipt, Run
from registry.words import RunRef
from trackrecord.answer import SELF_REPORTED, Answer, Code, Facts, FollowUp, Link, Note, Part, Table, Tone
from trackrecord.errors import TrackrecordError
from trackrecord.names import file_name
from trackrecord.statement import Said

_TONES: dict[str, Tone] = {"verified": "good", "unverified": "warn", "refuted": "bad"}
_NEVER = (
    f"{SELF_REPORTED} It did not check the test set, the evaluator's correctness, or runs that were never registered."
)
_HIDDEN = "What looks like a secret is in the run: what it holds, and what the checks said about that, is hidden."
_KEYS = (
    "`receipt` also saves the registry's public keys. Whoever verifies needs them from its operator by another way: a "
    "registry that shows a forged receipt can show forged keys with it."
)


def receipt(session: Session, asker: Asker, now: datetime, run: RunRef) -> Answer:
    """The signed receipt of a run: what was checked, what was not, its place in the log, and how to verify it."""
    kept = find_run(session, asker, run)
    name = clean(kept.name, 40)
    newest = receipts.newest(session, kept.id)
    follow_ups = (FollowUp("Show it", "show", kept.name), FollowUp("Check again", "recheck", kept.name))
    if newest is None:
        text = f"{name} has no receipt yet. It gets one when it has ended and the checks have looked."
        return Answer(f"No receipt of {name} yet", text, (Note(text, "warn"),), "warn", follow_ups)
    page = Link(f"Page of {name}", f"/runs/{kept.id}")
    try:
        said = verified(session, newest).said
    except TrackrecordError as problem:
        text = f"The newest receipt of {name} does not count: {problem.message}"
        hint = Note("It is issued anew when the run is looked at again. If this stays: python -m registry doctor.")
        return Answer(f"Receipt of {name}: does not count", text, (Note(text, "bad"), hint, page), "bad", follow_ups)
    parts: list[Part] = [
        *_since(kept, newest),
        Facts(tuple(_about(session, newest, said, now))),
        *(_judgement(said) if not kept.quarantined else [Note(_HIDDEN, "warn")]),
        Code(_commands(kept), "Verify it where trackrecord is installed, without the registry", "verify.sh"),
        Note(_KEYS),
        Note(_NEVER),
        page,
    ]
    text = f"Receipt {short(newest.id)} of {name}: {said.verdict}, {len(said.evidence)} checks passed. {_NEVER}"
    return Answer(f"Receipt of {name}: {said.verdict}", text, tuple(parts), _TONES[said.verdict], follow_ups)


def _since(run: Run, receipt: Receipt) -> list[Part]:
    """What happened after it was issued."""
    if run.withdrawn:
        return [Note(f"The run was {run.withdrawn} since: it does not count, whatever this receipt says.", "bad")]
    if run.verdict != receipt.verdict:
        return [Note(f"The run is {run.verdict} now; this receipt is older.", "warn")]
    return []


def _about(session: Session, receipt: Receipt, said: Said, now: datetime) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = [("verdict", said.verdict)]
    if said.metric is not None:
        step = "" if said.metric.step is None else f" at step {said.metric.step}"
        pairs.append(("value", f"{said.metric.name} = {said.metric.value or 'none that counts'}{step}"))
        if said.metric.recomputed is not None:
            pairs.append(("recomputed", f"{said.metric.recomputed}, by the registry from predictions"))
    pairs += [
        ("commit", said.commit or "none"),
        ("run record", f"SHA-256 {said.record}"),
        ("receipt", receipt.id),
        ("issued", f"{clock(receipt.issued_at)} ({ago(now, receipt.issued_at)}), number {receipt.number} of the run"),
        ("key", short(receipt.key_id)),
        ("log", f"leaf {receipt.leaf}"),
    ]
    checkpoint = log.newest(session)
    if checkpoint is not None and checkpoint.size > receipt.leaf:
        pairs.append(("checkpoint", f"size {checkpoint.size}, root {checkpoint.root}"))
    else:
        pairs.append(("checkpoint", "none that covers this leaf yet; the next one does"))
    return pairs


def _judgement(said: Said) -> list[Part]:
    rows = [(name, "failed", clean(reason, 200)) for name, reason in sorted(said.failed.items())]
    rows += [(name, "passed", clean(reason, 200)) for name, reason in sorted(said.evidence.items())]
    parts: list[Part] = [Table(("check", "outcome", "reason"), tuple(rows), title="Checked")] if rows else []
    left = tuple((clean(each, 240),) for each in said.not_checked)
    return [*parts, Table(("what",), left, title="Not checked")]


def _commands(run: Run) -> str:
    return (
        "pip install 'trackrecord[verify]'\n"
        f"trackrecord receipt {run.id} -o receipts\n"
        f"trackrecord verify receipts/{file_name(run.name, run.id)}.receipt.sigstore.json\n"
    )
