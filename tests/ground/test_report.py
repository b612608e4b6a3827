"""The wire shapes agree with the server's strict reading of them, and the chain notices every change."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from trackrecord import report
from trackrecord.report import BatchReport, CodeReport, PointsReport, RunReport


def test_a_report_is_read_back_strictly_from_what_the_client_writes() -> None:
    sent = RunReport(project="milestone-1", name="brave-otter-42", started_ms=1, params={"a": {"b": [1, 2.5, None]}})
    body = json.dumps(dataclasses.asdict(sent))
    assert TypeAdapter(RunReport).validate_json(body) == sent


@pytest.mark.parametrize(
    "body",
    [
        '{"project":"p","name":"n","started_ms":1,"verified":true}',
        '{"project":"p","name":"n","started_ms":"1"}',
        '{"project":"p","name":"n","started_ms":true}',
        '{"project":"p","name":"n"}',
    ],
)
def test_unknown_and_mistyped_fields_are_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RunReport).validate_json(body)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", 0.1, -0.0, 5e-324])
def test_values_travel_exactly(value: float | str) -> None:
    batch = BatchReport(points=[PointsReport(metric="m", steps=[0], times=[0], values=[value])])  # type: ignore[list-item]
    read = TypeAdapter(BatchReport).validate_json(json.dumps(dataclasses.asdict(batch)))
    assert repr(read.points[0].values[0]) == repr(value)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8), st.data())
def test_a_chain_head_changes_with_every_body_and_their_order(bodies: list[bytes], data: st.DataObject) -> None:
    def head(parts: list[bytes]) -> str | None:
        found = None
        for part in parts:
            found = report.chain(found, part)
        return found

    index = data.draw(st.integers(0, len(bodies) - 1))
    changed = [*bodies[:index], bodies[index] + b"x", *bodies[index + 1 :]]
    assert head(bodies) != head(changed)
    assert head(bodies) != head(bodies[:-1])
    if bodies != bodies[::-1]:
        assert head(bodies) != head(bodies[::-1])


def test_code_defaults_say_that_nothing_is_known() -> None:
    assert CodeReport() == CodeReport(commit=None, tree=None, proved=False)
