"""PURE: what the payload of a receipt says, read strictly. Whether it is signed, `trackrecord.receipt` finds out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, cast, get_args

from trackrecord import strict
from trackrecord.errors import TrackrecordError
from trackrecord.keyring import moment

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/svr/v0.2"
RECORD = "run.json"
ARTIFACT = "artifact/"

Verdict = Literal["verified", "unverified", "refuted"]
T = TypeVar("T")
_WHAT = "The receipt's statement"
_LARGEST = 16 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class MetricSaid:
    """The value as the receipt has it: decimal text, so that no reader rounds it. None: there is none."""

    name: str
    version: int
    split: str
    dataset: str
    dataset_digest: str
    direction: str
    rule: str
    value: str | None
    step: str | None
    recomputed: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a receipt says of a run. `record` and `artifacts` (by name) are SHA-256; `commit` is git's."""

    run: str
    name: str
    project: str
    number: int
    verdict: Verdict
    at: datetime
    verifier: str
    record: str
    artifacts: Mapping[str, tuple[str, ...]]
    commit: str | None
    dirty: bool
    properties: tuple[str, ...]
    metric: MetricSaid | None
    evidence: Mapping[str, str]
    failed: Mapping[str, str]
    not_checked: tuple[str, ...]
    tries: int


def read(payload: bytes) -> Said:
    """The statement. Fields that are not known are ignored, as in-toto wants it. Raises TrackrecordError."""
    data = _Fields(strict.parse(payload, _WHAT, _LARGEST))
    if data.text("_type") != STATEMENT or data.text("predicateType") != PREDICATE:
        raise _no("it is another kind of statement")
    predicate = data.inner("predicate")
    ours = predicate.inner("x_trackrecord")
    records, artifacts, commits = _subjects(data.listed("subject", dict))
    if len(records) != 1 or len(commits) > 1:
        raise _no("it is not about one run record")
    verdict = ours.text("verdict")
    if verdict not in get_args(Verdict):
        raise _no("its verdict is none")
    return Said(
        run=ours.text("run"),
        name=ours.text("name"),
        project=ours.text("project"),
        number=ours.whole("number"),
        verdict=cast(Verdict, verdict),
        at=moment(predicate.text("timeCreated"), _WHAT),
        verifier=predicate.inner("verifier").text("id"),
        record=records[0],
        artifacts=artifacts,
        commit=commits[0] if commits else None,
        dirty=ours.inner("code").of("dirty", bool),
        properties=tuple(predicate.listed("properties", str)),
        metric=_metric(ours),
        evidence=ours.texts("evidence"),
        failed=ours.texts("failed"),
        not_checked=tuple(ours.listed("notChecked", str)),
        tries=ours.whole("tries"),
    )


class _Fields:
    """An object of the statement, whose fields are asked for by kind."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise _no("a part of it is not an object")
        self._data = data

    def of(self, name: str, kind: type[T]) -> T:
        found = self._data.get(name)
        if type(found) is not kind:
            raise _no(f"its {name} is missing or of the wrong kind")
        return found

    def text(self, name: str) -> str:
        return self.of(name, str)

    def text_or_none(self, name: str) -> str | None:
        return None if self._data.get(name) is None else self.text(name)

    def whole(self, name: str) -> int:
        found = self.of(name, int)
        if not 0 <= found < 2**53:
            raise _no(f"its {name} is beyond what it may be")
        return found

    def inner(self, name: str) -> _Fields:
        return _Fields(self._data.get(name))

    def listed(self, name: str, kind: type[T]) -> list[T]:
        found = self.of(name, list)
        if any(type(each) is not kind for each in found):
            raise _no(f"its {name} is of the wrong kind")
        return found

    def texts(self, name: str) -> dict[str, str]:
        found = self.of(name, dict)
        if any(type(each) is not str for each in found.values()):
            raise _no(f"its {name} is of the wrong kind")
        return found

    def is_none(self, name: str) -> bool:
        return self._data.get(name) is None


def _subjects(listed: list[dict[str, Any]]) -> tuple[list[str], dict[str, tuple[str, ...]], list[str]]:
    records: list[str] = []
    commits: list[str] = []
    artifacts: dict[str, tuple[str, ...]] = {}
    for each in listed:
        name, digests = _Fields(each).text("name"), _Fields(each).inner("digest")
        if name.startswith(ARTIFACT):
            known = artifacts.get(name.removeprefix(ARTIFACT), ())
            artifacts[name.removeprefix(ARTIFACT)] = (*known, _digest(digests, "sha256", _SHA256))
        elif name == RECORD:
            records.append(_digest(digests, "sha256", _SHA256))
        elif name == "commit":
            commits.append(_digest(digests, "gitCommit", _COMMIT))
    return records, artifacts, commits


def _digest(digests: _Fields, algorithm: str, pattern: re.Pattern[str]) -> str:
    found = digests.text(algorithm)
    if not pattern.fullmatch(found):
        raise _no(f"a {algorithm} in it is none")
    return found


def _metric(ours: _Fields) -> MetricSaid | None:
    if ours.is_none("metric"):
        return None
    data = ours.inner("metric")
    return MetricSaid(
        name=data.text("name"),
        version=data.whole("version"),
        split=data.text("split"),
        dataset=data.text("dataset"),
        dataset_digest=data.text("datasetDigest"),
        direction=data.text("direction"),
        rule=data.text("rule"),
        value=data.text_or_none("value"),
        step=data.text_or_none("step"),
        recomputed=data.text_or_none("recomputed"),
    )


def _no(why: str) -> TrackrecordError:
    return strict.refused(_WHAT, why)
