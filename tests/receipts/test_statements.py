"""What a receipt says, field by field: as the registry writes it, and as the verifier reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785

from registry.facts import ArtifactFacts, failed, passed, unknown
from registry.statements import (
    Value,
    decimal,
    digest_of,
    payload,
    same_but_for_when,
    statement,
    written,
)
from tests.checks.sound import DATA, METRIC
from tests.receipts.by_hand import NOW, SAID, STATEMENT, content_of
from trackrecord.errors import TrackrecordError
from trackrecord.statement import MetricSaid, read


def ours(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content_of(**changes))["predicate"]["x_trackrecord"]
    return found


def test_the_statement_is_this_one() -> None:
    assert statement(SAID, NOW) == STATEMENT
    assert payload(statement(SAID, NOW)) == rfc8785.dumps(STATEMENT)


def test_what_a_run_lacks_is_not_said() -> None:
    said = statement(replace(SAID, commit=None, artifacts=(), value=None, live=False, recomputed=False), NOW)
    assert [each["name"] for each in said["subject"]] == ["run.json"]
    assert said["predicate"]["properties"] == ["TRACKRECORD_COMMIT_REACHABLE", "TRACKRECORD_TREE_REBUILT"]
    assert said["predicate"]["x_trackrecord"]["metric"] is None
    assert said["predicate"]["x_trackrecord"]["code"]["commit"] is None


def test_one_run_has_one_order_of_everything() -> None:
    names = [f"{letter}.pt" for letter in "hgfedcba"]
    files = tuple(ArtifactFacts(name, "a" * 64, 1, 1, True) for name in names)
    unsure = {name: unknown("no answer", "Wait.") for name in names}
    missing = [f"missing {name}" for name in names]
    asked = {*names[:4], *missing}
    said = statement(replace(SAID, artifacts=files, findings=unsure, asked=asked), NOW)
    assert [each["name"] for each in said["subject"][1:-1]] == [f"artifact/{name}" for name in sorted(names)]
    assert said["predicate"]["x_trackrecord"]["notChecked"][:-5] == [
        *(f"{name}: no answer" for name in sorted(names[:4])),
        *(f"{name}: nobody has looked" for name in sorted(missing)),
        *(f"{name}: the project does not ask for it; it did not pass" for name in sorted(names[4:])),
    ]


def test_each_badge_by_itself() -> None:
    for word in ("live", "recomputed"):
        said = statement(replace(SAID, findings={}, live=word == "live", recomputed=word == "recomputed"), NOW)
        assert said["predicate"]["properties"] == [f"TRACKRECORD_{word.upper()}"]


def test_the_metric_as_it_came_to_be() -> None:
    best = replace(METRIC, rule="at_best_of", rule_metric="val/loss", direction="lower")
    metric = ours(value=Value(best, 1, None, None, None))["metric"]
    assert (metric["rule"], metric["direction"], metric["version"]) == ("at_best_of val/loss", "lower", 1)
    assert (metric["value"], metric["step"], metric["recomputed"]) == (None, None, None)
    assert ours(value=Value(METRIC, 1, -0.0, 0, 5e-324))["metric"]["value"] == "-0.0"


def test_only_time_and_number_may_differ() -> None:
    later = statement(replace(SAID, number=4), NOW + timedelta(days=1))
    assert same_but_for_when(statement(SAID, NOW), later)
    for changes in ({"tries": 12}, {"verifier": "x"}, {"record": "2" * 64}, {"rules": "2" * 64}, {"live": False}):
        assert not same_but_for_when(statement(replace(SAID, **changes), NOW), later)


def test_the_digest_is_of_all_that_was_said() -> None:
    said = {"a": failed("no", "Mend."), "b": passed("yes")}
    assert digest_of(said) == _sha256(
        b'{"a":{"mend":"Mend.","outcome":"fail","reason":"no","refutes":false},'
        b'"b":{"mend":"","outcome":"pass","reason":"yes","refutes":false}}'
    )
    assert digest_of({"a": passed("half a \ud800 letter")}) == digest_of({"a": passed("half a ? letter")})


def test_half_letters_are_question_marks_wherever_they_stand() -> None:
    assert payload({"\ud800": ["\udfff", {"x": ["\ud800"]}, 1, None, True]}) == b'{"?":["?",{"x":["?"]},1,null,true]}'


def test_times_are_in_utc_to_the_microsecond_and_decimals_come_back() -> None:
    there = datetime(2026, 11, 24, 13, 0, tzinfo=timezone(timedelta(hours=2)))
    assert written(there) == "2026-11-24T11:00:00.000000Z"
    assert (decimal(None), decimal(1), decimal(0.1), decimal(1e22)) == (None, "1.0", "0.1", "1e+22")


def test_what_is_written_is_read() -> None:
    said = read(content_of())
    predicate = STATEMENT["predicate"]
    extension = predicate["x_trackrecord"]
    assert (said.run, said.name, said.project, said.number) == ("01JD", "brave-otter-42", "milestone-1", 3)
    assert (said.verdict, said.at, said.at.tzinfo, said.verifier) == ("unverified", NOW, UTC, SAID.verifier)
    assert (said.record, said.commit, said.dirty, said.tries) == (SAID.record, "c" * 40, True, 11)
    assert said.artifacts == {"a.pt": ("a" * 64, "f" * 64), "b.pt": ("b" * 64,)}
    assert said.properties == tuple(predicate["properties"])
    assert (said.evidence, said.failed) == (extension["evidence"], extension["failed"])
    assert said.not_checked == tuple(extension["notChecked"])
    assert said.metric == MetricSaid(
        "test/accuracy", 2, "test", "digits/test", DATA, "higher", "last",
        "0.30000000000000004", "4611686018427387904", "0.25",
    )  # fmt: skip


def test_what_there_is_not_is_none() -> None:
    said = read(content_of(commit=None, value=None, dirty=False, number=0, tries=2**53 - 1))
    assert (said.commit, said.metric, said.dirty, said.number, said.tries) == (None, None, False, 0, 2**53 - 1)
    metric = read(content_of(value=Value(METRIC, 1, None, None, None))).metric
    assert metric is not None
    assert (metric.value, metric.step, metric.recomputed) == (None, None, None)
    assert read(content_of(commit="c" * 64)).commit == "c" * 64


Change = Callable[[dict[str, Any]], object]
WRONG: list[tuple[str, Change]] = [
    ("it is another kind of statement", lambda said: said.update(_type="x")),
    ("it is another kind of statement", lambda said: said.update(predicateType="x")),
    ("its _type is missing or of the wrong kind", lambda said: said.pop("_type")),
    ("its predicateType is missing or of the wrong kind", lambda said: said.update(predicateType=1)),
    ("a part of it is not an object", lambda said: said.update(predicate=[])),
    ("a part of it is not an object", lambda said: said["predicate"].pop("x_trackrecord")),
    ("a part of it is not an object", lambda said: said["predicate"].pop("verifier")),
    ("a part of it is not an object", lambda said: said["predicate"]["x_trackrecord"].update(code=1)),
    ("a part of it is not an object", lambda said: said["predicate"]["x_trackrecord"].update(metric=[])),
    ("its subject is missing or of the wrong kind", lambda said: said.pop("subject")),
    ("its subject is of the wrong kind", lambda said: said["subject"].append("x")),
    ("it is not about one run record", lambda said: said["subject"].pop(0)),
    ("it is not about one run record", lambda said: said["subject"].append(said["subject"][0])),
    ("it is not about one run record", lambda said: said["subject"].append(said["subject"][-1])),
    ("a sha256 in it is none", lambda said: said["subject"][0]["digest"].update(sha256="A" * 64)),
    ("a sha256 in it is none", lambda said: said["subject"][1]["digest"].update(sha256="a" * 65)),
    ("a gitCommit in it is none", lambda said: said["subject"][-1]["digest"].update(gitCommit="c" * 41)),
    ("its gitCommit is missing or of the wrong kind", lambda said: said["subject"][-1].update(digest={})),
    ("its id is missing or of the wrong kind", lambda said: said["predicate"]["verifier"].update(id=None)),
    ("its properties is of the wrong kind", lambda said: said["predicate"].update(properties=["a", 1])),
    ("its properties is missing or of the wrong kind", lambda said: said["predicate"].update(properties={})),
    ("a time in it is none", lambda said: said["predicate"].update(timeCreated="2026-11-24T12:00:00")),
]
NUMBERS = [
    ("its verdict is none", "verdict", "proved"),
    ("its verdict is missing or of the wrong kind", "verdict", None),
    ("its number is beyond what it may be", "number", -1),
    ("its tries is beyond what it may be", "tries", 2**53),
    ("its tries is missing or of the wrong kind", "tries", True),
    ("its number is missing or of the wrong kind", "number", 1.0),
    ("its run is missing or of the wrong kind", "run", 1),
    ("its name is missing or of the wrong kind", "name", None),
    ("its project is missing or of the wrong kind", "project", []),
    ("its dirty is missing or of the wrong kind", "code", {"dirty": 1}),
    ("its evidence is of the wrong kind", "evidence", {"a": "b", "c": 1}),
    ("its failed is missing or of the wrong kind", "failed", []),
    ("its notChecked is of the wrong kind", "notChecked", ["a", None]),
]
METRICS = [
    *((name, None, "is missing or of the wrong kind") for name in ("name", "split", "dataset", "datasetDigest")),
    *((name, 1, "is missing or of the wrong kind") for name in ("direction", "rule", "value", "step", "recomputed")),
    ("version", -1, "is beyond what it may be"),
]


def refused(statement: dict[str, Any]) -> str:
    with pytest.raises(TrackrecordError) as said:
        read(json.dumps(statement).encode())
    assert said.value.status == 422
    start = "The receipt's statement cannot be read: "
    assert said.value.message.startswith(start)
    return said.value.message.removeprefix(start)


@pytest.mark.parametrize(("why", "change"), WRONG)
def test_a_statement_of_another_shape_is_refused_in_words(why: str, change: Change) -> None:
    said = json.loads(content_of())
    change(said)
    assert refused(said) == f"{why}."


@pytest.mark.parametrize(("why", "field", "value"), NUMBERS)
def test_a_field_of_another_kind_is_refused_in_words(why: str, field: str, value: object) -> None:
    said = json.loads(content_of())
    said["predicate"]["x_trackrecord"][field] = value
    assert refused(said) == f"{why}."


@pytest.mark.parametrize(("field", "value", "why"), METRICS)
def test_a_metric_of_another_shape_is_refused_in_words(field: str, value: object, why: str) -> None:
    said = json.loads(content_of())
    said["predicate"]["x_trackrecord"]["metric"][field] = value
    assert refused(said) == f"its {field} {why}."


def test_it_may_be_as_long_as_it_may_be_and_no_longer() -> None:
    most = 16 << 20
    content = content_of()
    assert read(content.ljust(most)) == read(content)
    with pytest.raises(TrackrecordError, match="it is larger than 16,777,216 bytes"):
        read(content.ljust(most + 1))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
