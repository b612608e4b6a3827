"""PURE: what a receipt says: an in-toto Statement with a Simple Verification Result as its predicate, in RFC 8785."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import rfc8785

from registry.facts import ArtifactFacts, Finding, MetricFacts, Verdict
from trackrecord.statement import ARTIFACT, PREDICATE, RECORD, STATEMENT

NEVER_CHECKED = (
    "the test set",
    "the evaluator's correctness",
    "code outside the repository",
    "initial weights",
    "runs that were never registered",
)


@dataclass(frozen=True, slots=True)
class Value:
    """What the metric came to. `recomputed`: by the registry itself, from predictions."""

    metric: MetricFacts
    version: int
    value: float | None
    step: int | None
    recomputed: float | None


@dataclass(frozen=True, slots=True)
class Said:
    """Everything that a receipt is made of, but for its time. `number`: which of the run's receipts it is, from 1."""

    run: str
    name: str
    project: str
    number: int
    verdict: Verdict
    record: str  # SHA-256 of run.json
    artifacts: Sequence[ArtifactFacts]
    commit: str | None
    tree: str | None
    dirty: bool
    rules: str  # SHA-256 of the project's rules
    findings: Mapping[str, Finding]
    asked: Collection[str]
    live: bool
    recomputed: bool  # the registry's own value agrees with the run's
    value: Value | None
    tries: int
    verifier: str


def statement(said: Said, now: datetime) -> dict[str, Any]:
    """The statement. Only what passed is a property; what failed and what was not checked is said beside it."""
    return {
        "_type": STATEMENT,
        "subject": _subjects(said),
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {
                "id": said.verifier,
                "policies": [{"name": said.project, "digest": {"sha256": said.rules}}],
            },
            "timeCreated": written(now),
            "properties": _properties(said),
            "x_trackrecord": _extension(said),
        },
    }


def payload(content: dict[str, Any]) -> bytes:
    """The bytes that are signed; their SHA-256 is the receipt's id."""
    return rfc8785.dumps(_whole(content))


def same_but_for_when(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two statements say the same of a run, at other times."""
    return _without_when(one) == _without_when(other)


def digest_of(findings: Mapping[str, Finding]) -> str:
    """SHA-256 over all that the checks said: what the log keeps of it."""
    said = {
        name: {"outcome": found.outcome, "reason": found.reason, "mend": found.mend, "refutes": found.refutes}
        for name, found in findings.items()
    }
    return hashlib.sha256(rfc8785.dumps(_whole(said))).hexdigest()


def written(at: datetime) -> str:
    """RFC 3339, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def decimal(value: float | None) -> str | None:
    """The shortest decimal that reads back as the same number. As a string: readers of JSON round numbers."""
    return None if value is None else repr(float(value))


def _subjects(said: Said) -> list[dict[str, Any]]:
    found = [{"name": RECORD, "digest": {"sha256": said.record}}]
    files = sorted({(each.name, each.digest) for each in said.artifacts})
    found += [{"name": f"{ARTIFACT}{name}", "digest": {"sha256": digest}} for name, digest in files]
    if said.commit:
        found.append({"name": "commit", "digest": {"gitCommit": said.commit}})
    return found


def _properties(said: Said) -> list[str]:
    passing = [name for name, found in _asked(said).items() if found.outcome == "pass"]
    badges = [word for word, has in (("live", said.live), ("recomputed", said.recomputed)) if has]
    return sorted(f"TRACKRECORD_{name.upper()}" for name in {*passing, *badges})


def _extension(said: Said) -> dict[str, Any]:
    asked = _asked(said)
    return {
        "run": said.run,
        "name": said.name,
        "project": said.project,
        "number": said.number,
        "verdict": said.verdict,
        "code": {"commit": said.commit, "tree": said.tree, "dirty": said.dirty},
        "metric": _metric(said.value),
        "evidence": {name: found.reason for name, found in asked.items() if found.outcome == "pass"},
        "failed": {name: found.reason for name, found in asked.items() if found.outcome == "fail"},
        "notChecked": _not_checked(said),
        "tries": said.tries,
    }


def _asked(said: Said) -> dict[str, Finding]:
    return {name: found for name, found in sorted(said.findings.items()) if name in said.asked}


def _not_checked(said: Said) -> list[str]:
    unknown = [f"{name}: {found.reason}" for name, found in _asked(said).items() if found.outcome == "unknown"]
    missing = [f"{name}: nobody has looked" for name in sorted(set(said.asked) - set(said.findings))]
    others = [
        f"{name}: the project does not ask for it" + ("" if found.outcome == "pass" else "; it did not pass")
        for name, found in sorted(said.findings.items())
        if name not in said.asked
    ]
    return [*unknown, *missing, *others, *NEVER_CHECKED]


def _metric(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    metric = value.metric
    return {
        "name": metric.name,
        "version": value.version,
        "split": metric.split,
        "dataset": metric.dataset,
        "datasetDigest": metric.dataset_digest,
        "direction": metric.direction,
        "rule": metric.rule if metric.rule_metric is None else f"{metric.rule} {metric.rule_metric}",
        "value": decimal(value.value),
        "step": None if value.step is None else str(value.step),  # up to 2**63
        "recomputed": decimal(value.recomputed),
    }


def _without_when(content: dict[str, Any]) -> dict[str, Any]:
    predicate = {key: value for key, value in content["predicate"].items() if key != "timeCreated"}
    extension = {key: value for key, value in predicate["x_trackrecord"].items() if key != "number"}
    return {**content, "predicate": {**predicate, "x_trackrecord": extension}}


def _whole(value: Any) -> Any:
    """Text as UTF-8 can carry it: half a surrogate pair, out of some error message, becomes a question mark."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(inner) for key, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value
