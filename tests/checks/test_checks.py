"""Every check: when it passes, fails, does not know, and which failures contradict the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from registry.badges import agrees
from registry.checks import asked, checks, judge, titles
from registry.facts import (
    ArtifactFacts,
    AttemptFacts,
    CorrectionFacts,
    DatasetFacts,
    Facts,
    Finding,
    PolicyFacts,
    RecomputedFacts,
    SealFacts,
    SeriesFacts,
    verdict,
)
from registry.leaks import MOST_READ
from tests.checks.sound import ACCURACY, DATA, FACTS, HEAD, METRIC, REPORT, arrived, code, ended, seen
from trackrecord.report import (
    CommandReport,
    EnvironmentReport,
    GpuReport,
    PackageReport,
    RunReport,
    SubmoduleReport,
    WriterEnd,
)

NAMES = {
    "report_well_formed",
    "writer_known",
    "history_complete",
    "headline_recomputed",
    "parameters_recorded",
    "commit_reachable",
    "tree_rebuilt",
    "environment_locked",
    "metric_as_defined",
    "data_pinned",
    "artifacts_intact",
    "entry_in_tree",
    "no_secrets",
    "sealed",
    "standing",
    "attempts_agree",
}


def series(**changed: object) -> Facts:
    return replace(FACTS, series=FACTS.series | {"test/accuracy": replace(ACCURACY, **changed)})  # type: ignore[arg-type]


def data(*datasets: DatasetFacts) -> Facts:
    return replace(FACTS, datasets=datasets)


def environment(**changed: object) -> RunReport:
    return replace(REPORT, environment=replace(REPORT.environment, **changed))  # type: ignore[arg-type]


def own(value: float | None, **more: object) -> Facts:
    """With the registry's own value, from predictions."""
    return replace(FACTS, recomputed=RecomputedFacts(value, count=360, **more))  # type: ignore[arg-type]


def again(*reports: RunReport, **history: object) -> Facts:
    """With further starts, numbered from 2 on."""
    attempts = tuple(AttemptFacts(number, report) for number, report in enumerate(reports, 2))
    return replace(arrived(**history), attempts=attempts)


NO_METRIC = replace(FACTS, metric=None)
EVALUATED = replace(FACTS, metric=replace(METRIC, evaluator="eval.py", evaluator_digest="e" * 64))
OTHER = "b" * 40

# check, report, facts, what the reason and the mend say. "refuted" is a failure that contradicts the report.
CASES = [
    ("report_well_formed", code(commit="HEAD"), FACTS, "fail", "the commit is no full id"),
    ("report_well_formed", code(tree="0" * 40), FACTS, "fail", "the tree is no full id"),
    ("report_well_formed", code(patch="x\n"), FACTS, "fail", "the patch is no SHA-256"),
    ("report_well_formed", replace(REPORT, name=" "), FACTS, "fail", "the run's name"),
    ("report_well_formed", replace(REPORT, project="../x"), FACTS, "fail", "the project's name"),
    ("report_well_formed", replace(REPORT, started_ms=0), FACTS, "fail", "the time it started"),
    ("report_well_formed", replace(REPORT, params={"a": [{"b": float("nan")}]}), FACTS, "fail", "no finite number"),
    ("report_well_formed", REPORT, replace(FACTS, series={"tést": ACCURACY}), "fail", "a metric's name"),
    ("writer_known", REPORT, replace(FACTS, writer_may=False), "fail", "ada could not write to milestone-1"),
    ("writer_known", REPORT, arrived(equivocations=2), "refuted", "came again with other content, 2 times"),
    ("history_complete", REPORT, arrived(finish=None), "unknown", "has not ended"),
    ("history_complete", REPORT, ended(state="killed"), "fail", "was killed"),
    ("history_complete", REPORT, ended(state="failed", error="ValueError: no"), "fail", "error: ValueError: no."),
    ("history_complete", REPORT, ended(dropped=12_345), "fail", "12,345 points were logged and could not be kept"),
    ("history_complete", REPORT, arrived(gaps=("main: 3, 5-7",)), "fail", "Batches are missing (main: 3, 5-7)"),
    ("history_complete", REPORT, arrived(batches={"main": 2}), "fail", "2 of 3 batches of main arrived"),
    ("history_complete", REPORT, arrived(batches={"main": 4}), "refuted", "the chains differ"),
    ("history_complete", REPORT, arrived(heads={"main": "0" * 64}), "refuted", "the chains differ"),
    ("history_complete", REPORT, arrived(batches={"main": 3, "rank-1": 1}), "fail", "does not name rank-1"),
    ("history_complete", REPORT, ended(writers={"rank-9": WriterEnd(batches=1, head=HEAD)}), "fail", "main"),
    ("headline_recomputed", REPORT, NO_METRIC, "unknown", "does not say which metric counts"),
    ("headline_recomputed", REPORT, replace(FACTS, series={}), "fail", "The run has no test/accuracy."),
    (
        "headline_recomputed",
        REPORT,
        series(last_kind="nan", last=None, headline=None, headline_trouble="the last test/accuracy is NaN at step 7"),
        "fail",
        "The last test/accuracy is NaN at step 7.",
    ),
    ("parameters_recorded", replace(REPORT, params={}), FACTS, "fail", "no parameters"),
    ("parameters_recorded", REPORT, replace(FACTS, params_digest_holds=False), "refuted", "their digest differs"),
    ("commit_reachable", code(commit=None, problem="there is no git here"), FACTS, "fail", "there is no git here."),
    ("commit_reachable", code(commit=None), FACTS, "fail", "names no commit"),
    ("commit_reachable", code(commit="HEAD"), FACTS, "refuted", "no full commit id"),
    ("commit_reachable", code(commit="0" * 40), FACTS, "refuted", "no full commit id"),
    ("commit_reachable", code(commit="c" * 40 + "\n"), FACTS, "refuted", "no full commit id"),
    ("commit_reachable", REPORT, seen(looked=False, trouble="it is away"), "unknown", "cccccccccccc: it is away."),
    ("commit_reachable", REPORT, seen(refs=()), "fail", "cccccccccccc (of the branch main) is on no allowed branch"),
    (
        "commit_reachable",
        REPORT,
        replace(seen(refs=()), reachable_at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC)),
        "fail",
        "on no allowed branch or tag any more; it was reachable at 2026-11-24 12:30 UTC, and the registry keeps it.",
    ),
    ("tree_rebuilt", code(tree=None), FACTS, "fail", "no tree"),
    ("tree_rebuilt", code(commit=None, problem="there is no git here."), FACTS, "fail", "there is no git here."),
    ("tree_rebuilt", REPORT, seen(looked=False, trouble="it is away"), "unknown", "it is away"),
    ("tree_rebuilt", REPORT, seen(rebuilt=None, rebuild_trouble="the patch is not in the store yet"), "unknown", "yet"),
    (
        "tree_rebuilt",
        REPORT,
        seen(rebuilt=None, rebuild_contradicts=True, rebuild_trouble="the patch does not apply"),
        "refuted",
        "the patch does not apply",
    ),
    (
        "tree_rebuilt",
        REPORT,
        seen(rebuilt=OTHER),
        "refuted",
        "the tree bbbbbbbbbbbb, the report says 777777777777",
    ),
    ("tree_rebuilt", REPORT, seen(forbidden=("link",)), "fail", "symlinks or submodules, which a patch must not: link"),
    ("tree_rebuilt", REPORT, seen(base_refs=()), "fail", "applies to cccccccccccc, which is on no allowed branch"),
    (
        "tree_rebuilt",
        code(submodules=[SubmoduleReport(path="lib")]),
        FACTS,
        "unknown",
        "what was changed inside of submodules is not rebuilt here: lib.",
    ),
    (
        "tree_rebuilt",
        code(dirty=True),
        replace(FACTS, policy=PolicyFacts(dirty_trees=False)),
        "fail",
        "The tree has uncommitted changes, and the project takes none.",
    ),
    ("entry_in_tree", REPORT, seen(entry_in_tree=False), "fail", "train.py ran, and it is not in the tree"),
    ("entry_in_tree", REPORT, seen(configs_missing=("a.yaml",)), "fail", "names a.yaml, which is not in the tree"),
    ("entry_in_tree", replace(REPORT, command=CommandReport()), FACTS, "fail", "no script inside the repository"),
    ("entry_in_tree", REPORT, seen(looked=False, trouble="it is away"), "unknown", "it is away"),
    ("entry_in_tree", REPORT, seen(rebuilt=None, rebuild_trouble="no patch yet"), "unknown", "no patch yet"),
    ("no_secrets", REPORT, replace(FACTS, secrets=("argv[3]",)), "fail", "looks like a secret is in argv[3]; the run"),
    (
        "no_secrets",
        REPORT,
        replace(FACTS, secrets=("a", "b", "c", "d", "e")),
        "fail",
        "is in a, b, c and 2 more places; the run's content is hidden",
    ),
    ("no_secrets", REPORT, replace(FACTS, patch_bytes=None), "unknown", "nobody could look for secrets in it"),
    ("no_secrets", REPORT, replace(FACTS, patch_bytes=None, secrets=("a",)), "fail", "looks like a secret is in a;"),
    ("no_secrets", REPORT, replace(FACTS, patch_bytes=MOST_READ + 1), "unknown", "larger than 20 MB: it was not"),
    ("sealed", REPORT, replace(FACTS, seal=SealFacts()), "unknown", "not sealed: it has not ended"),
    (
        "sealed",
        REPORT,
        replace(FACTS, seal=SealFacts(7, False, "leaf 7 says something else")),
        "refuted",
        "The seal is broken: leaf 7 says something else.",
    ),
    (
        "standing",
        REPORT,
        replace(FACTS, corrections=(CorrectionFacts("superseded", "longer training.", "ada", "calm-heron-7"),)),
        "fail",
        "Superseded by calm-heron-7 (ada: longer training).",
    ),
    (
        "standing",
        REPORT,
        replace(FACTS, corrections=(CorrectionFacts("invalidated", "wrong labels", "ada"),)),
        "fail",
        "Invalidated by ada: wrong labels.",
    ),
    (
        "standing",
        REPORT,
        replace(FACTS, corrections=(CorrectionFacts("deleted", "no consent", "mia"),)),
        "fail",
        "Deleted by mia: no consent.",
    ),
    (
        "attempts_agree",
        REPORT,
        again(REPORT, code(tree=OTHER)),
        "fail",
        "Attempt 3 ran another tree (bbbbbbbbbbbb, not 777777777777).",
    ),
    (
        "attempts_agree",
        REPORT,
        again(environment(packages=[PackageReport(name="numpy", version="2.1")])),
        "fail",
        "Attempt 2 had numpy 2.1 in place of 2.2.0.",
    ),
    (
        "attempts_agree",
        REPORT,
        again(environment(python="3.12.1")),
        "fail",
        "ran CPython 3.12.1 in place of CPython 3.11",
    ),
    (
        "attempts_agree",
        REPORT,
        again(replace(REPORT, params={"lr": 0.2, "model": {"layers": [64, 64]}})),
        "fail",
        "Attempt 2 had the parameter lr 0.2 in place of 0.1.",
    ),
    ("attempts_agree", REPORT, again(REPORT, batches={"main": 3, "a3": 1}), "fail", "What attempt 3 ran is not known"),
    ("attempts_agree", code(tree=None), again(code(tree=None)), "fail", "Attempt 2 does not say which tree it ran."),
    ("metric_as_defined", REPORT, EVALUATED, "fail", "eval.py, which measures, is not in the tree"),
    (
        "metric_as_defined",
        REPORT,
        replace(EVALUATED, code=replace(FACTS.code, evaluators={"eval.py": "1" * 64})),
        "fail",
        "eval.py, which measures, is 111111111111; the project pins eeeeeeeeeeee",
    ),
    (
        "metric_as_defined",
        REPORT,
        replace(EVALUATED, code=replace(FACTS.code, looked=False, trouble="it is away")),
        "unknown",
        "Could not look at eval.py: it is away.",
    ),
    (
        "headline_recomputed",
        REPORT,
        own(0.5),
        "refuted",
        "reports 0.912, the registry computes 0.5 from the predictions",
    ),
    ("commit_reachable", REPORT, seen(refs=(), commit_kind="tag"), "refuted", "cccccccccccc is a tag, not a commit."),
    ("commit_reachable", REPORT, seen(refs=(), commit_kind="tree"), "refuted", "is a tree, not a commit."),
    ("commit_reachable", REPORT, seen(refs=(), commit_kind="blob"), "refuted", "is a blob, not a commit."),
    ("environment_locked", replace(REPORT, environment=EnvironmentReport(python="")), FACTS, "fail", "which Python"),
    ("environment_locked", environment(packages=[]), FACTS, "fail", "which packages"),
    ("environment_locked", environment(packages=[PackageReport(name="x", version="")]), FACTS, "fail", "version of x"),
    ("environment_locked", environment(os=""), FACTS, "fail", "operating system"),
    ("environment_locked", environment(gpus=[GpuReport(name="H100")]), FACTS, "fail", "GPU driver"),
    ("metric_as_defined", REPORT, NO_METRIC, "unknown", "does not say which metric counts"),
    (
        "metric_as_defined",
        REPORT,
        replace(FACTS, series={"test/acuracy": ACCURACY, "loss": ACCURACY}),
        "fail",
        "The run has no test/accuracy; it has loss, test/acuracy.",
    ),
    ("metric_as_defined", REPORT, replace(FACTS, series={}), "fail", "it logged no metrics"),
    (
        "metric_as_defined",
        REPORT,
        replace(FACTS, metric=replace(METRIC, rule="at_best_of", rule_metric="val/accuracy")),
        "fail",
        "no val/accuracy",
    ),
    ("data_pinned", REPORT, NO_METRIC, "unknown", "does not say on which data"),
    ("data_pinned", REPORT, data(), "fail", "did not declare digits/test; it declared no data"),
    ("data_pinned", REPORT, data(DatasetFacts("digits/val", None, DATA, None)), "fail", "it declared digits/val"),
    (
        "data_pinned",
        REPORT,
        data(DatasetFacts("digits/test", "test", "f" * 64, None)),
        "fail",
        "digits/test was ffffffffffff, the project pins dddddddddddd: another split or version, "
        "this number cannot be compared.",
    ),
    (
        "data_pinned",
        REPORT,
        data(DatasetFacts("digits/test", "test", DATA, None), DatasetFacts("digits/test", "test", "f" * 64, None)),
        "fail",
        "digits/test was ffffffffffff",
    ),
    ("data_pinned", REPORT, data(DatasetFacts("digits/test", "test", DATA, "too large")), "fail", "too large"),
    ("data_pinned", REPORT, data(DatasetFacts("digits/test", "train", DATA, None)), "fail", "as the split train"),
    (
        "artifacts_intact",
        REPORT,
        replace(FACTS, artifacts=(ArtifactFacts("model.pt", "a" * 64, 100, None, False),)),
        "fail",
        "Not in the store yet: model.pt.",
    ),
    (
        "artifacts_intact",
        REPORT,
        replace(FACTS, artifacts=(ArtifactFacts("model.pt", "a" * 64, 100, 100, False),)),
        "refuted",
        "model.pt in the store is not the file",
    ),
    (
        "artifacts_intact",
        REPORT,
        replace(FACTS, artifacts=(ArtifactFacts("model.pt", "a" * 64, 99, 100, True),)),
        "refuted",
        "model.pt in the store is not the file",
    ),
]


def test_the_folder_has_exactly_these_checks() -> None:
    assert set(checks()) == NAMES


def test_every_check_has_a_title() -> None:
    assert all(title.endswith(".") and len(title) < 150 for title in titles().values())


def test_a_sound_run_passes_them_all() -> None:
    findings = judge(REPORT, FACTS)
    assert {name: finding.outcome for name, finding in findings.items()} == dict.fromkeys(NAMES, "pass")
    assert verdict(findings.values()) == "verified"
    assert all(finding.reason.endswith(".") and not finding.mend for finding in findings.values())


@pytest.mark.parametrize(("name", "report", "facts", "outcome", "reason"), CASES)
def test_a_check_says_what_is_wrong(name: str, report: RunReport, facts: Facts, outcome: str, reason: str) -> None:
    finding = checks()[name](report, facts)
    assert reason in finding.reason
    assert (finding.outcome, finding.refutes) == (("fail", True) if outcome == "refuted" else (outcome, False))
    assert finding.mend, "whoever reads it must learn what to do"
    assert len(finding.reason) < 400
    assert verdict(judge(report, facts).values()) != "verified"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_check_is_seen_to_fail_or_not_to_know(name: str) -> None:
    assert any(case[0] == name for case in CASES)


def test_reasons_name_what_a_researcher_knows() -> None:
    findings = judge(REPORT, FACTS)
    assert findings["headline_recomputed"].reason == "test/accuracy is 0.912 at step 19, the last value of 20."
    assert findings["commit_reachable"].reason == "The commit cccccccccccc is on main."
    unpushed = checks()["commit_reachable"](REPORT, seen(refs=()))
    assert unpushed.mend == "`git push`, then `trackrecord recheck brave-otter-42`."
    best = series(headline=0.95, headline_step=7)
    said = checks()["headline_recomputed"](REPORT, replace(best, metric=replace(METRIC, rule="best"))).reason
    assert said == "test/accuracy is 0.95 at step 7, the best value; the last of 20 is 0.912 at step 19."


def test_the_mend_for_a_misspelt_metric_names_it() -> None:
    misspelt = replace(FACTS, series={"test/acuracy": ACCURACY})
    assert "test/acuracy is near" in checks()["metric_as_defined"](REPORT, misspelt).mend


def test_without_artifacts_nothing_is_missing() -> None:
    assert checks()["artifacts_intact"](REPORT, replace(FACTS, artifacts=())).outcome == "pass"


def test_nothing_checked_is_not_verified() -> None:
    assert verdict([]) == "unverified"
    assert verdict([Finding("unknown", "x")]) == "unverified"


def test_a_check_that_raises_is_not_swallowed() -> None:
    broken = replace(FACTS, series=None)  # type: ignore[arg-type]
    with pytest.raises((TypeError, AttributeError)):
        judge(REPORT, broken)


def test_a_series_that_diverged_is_not_verified_by_any_rule() -> None:
    diverged = replace(FACTS, series={"test/accuracy": SeriesFacts("test/accuracy", 3, "nan", None, 2, None, None)})
    assert verdict(judge(REPORT, diverged).values()) == "unverified"


def test_the_registrys_own_value_stands_beside_the_reported_one() -> None:
    check = checks()["headline_recomputed"]
    close, exact = own(0.91203), own(0.912)
    assert agrees(close)
    assert agrees(exact)
    assert not agrees(own(0.91206))  # more than half of the last decimal that is shown
    assert check(REPORT, exact).reason.endswith("The registry computes 0.912 from the predictions of 360 examples.")
    assert agrees(replace(own(0.5), metric=replace(METRIC, tolerance=0.5)))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (own(None, trouble="no labels"), "of no use: no labels."),
        (own(0.912, step=3), "The predictions are of step 3, not of the one that counts."),
        (own(0.1, step=3), "The predictions are of step 3, not of the one that counts."),
    ],
)
def test_predictions_of_no_use_are_neither_badge_nor_contradiction(facts: Facts, said: str) -> None:
    finding = checks()["headline_recomputed"](REPORT, facts)
    assert (finding.outcome, said in finding.reason, agrees(facts)) == ("pass", True, False)


def test_the_pinned_evaluator_passes() -> None:
    found = checks()["metric_as_defined"](
        REPORT, replace(EVALUATED, code=replace(FACTS.code, evaluators={"eval.py": "e" * 64}))
    )
    assert found.outcome == "pass"


def test_a_policy_names_what_counts_but_not_away_what_always_does() -> None:
    assert asked(PolicyFacts()) == frozenset(NAMES)
    assert asked(PolicyFacts(checks=("data_pinned", "no such check"))) == {
        "data_pinned", "report_well_formed", "writer_known", "attempts_agree", "sealed", "standing", "no_secrets",
    }  # fmt: skip


def test_a_patch_that_was_read_to_its_end_passes() -> None:
    assert checks()["no_secrets"](REPORT, replace(FACTS, patch_bytes=MOST_READ)).outcome == "pass"
