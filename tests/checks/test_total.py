"""No check raises, whatever is well typed: a check that raises would stop the judging of every other."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.checks import judge
from registry.facts import AttemptFacts, Facts
from tests.soak import count
from trackrecord.report import RunReport

pytestmark = pytest.mark.soak

REPORTS = st.builds(RunReport, params=st.dictionaries(st.text(), st.floats() | st.text()))
st.register_type_strategy(AttemptFacts, st.builds(AttemptFacts, report=REPORTS))


@given(report=REPORTS, facts=st.from_type(Facts))
@settings(max_examples=count(60, 5_000), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_check_raises(report: RunReport, facts: Facts) -> None:
    for finding in judge(report, facts).values():
        assert finding.reason.endswith(".")
        assert finding.outcome == "pass" or finding.mend
