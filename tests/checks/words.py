"""Every sentence that a check can say, written out in words.txt to be read as a whole (`python -m tests.checks.words`).

Cases beyond test_checks: what passes, one and many, "and n more", what is cut, and what is said where nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from registry.checks import checks
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
)
from registry.leaks import MOST_READ
from tests.checks import test_checks
from tests.checks.sound import ACCURACY, DATA, FACTS, HEAD, METRIC, REPORT, arrived, code, ended, seen
from trackrecord.report import CommandReport, EnvironmentReport, GpuReport, PackageReport, RunReport, WriterEnd

FILE = Path(__file__).with_name("words.txt")
PIN = "1234567890abcdef" * 4
METRIC_PINNED = replace(METRIC, evaluator="eval.py", evaluator_digest=PIN)


def series(**changed: object) -> Facts:
    return replace(FACTS, series=FACTS.series | {"test/accuracy": replace(ACCURACY, **changed)})  # type: ignore[arg-type]


def named(*names: str) -> Facts:
    return replace(FACTS, series={name: SeriesFacts(name, 1, "finite", 1.0, 0, None, None) for name in names})


def metric(facts: Facts = FACTS, **changed: object) -> Facts:
    return replace(facts, metric=replace(METRIC, **changed))  # type: ignore[arg-type]


def environment(**changed: object) -> RunReport:
    return replace(REPORT, environment=replace(REPORT.environment, **changed))  # type: ignore[arg-type]


def own(value: float | None, count: int = 360, step: int | None = None, facts: Facts = FACTS) -> Facts:
    return replace(facts, recomputed=RecomputedFacts(value, count, step, "no labels" if value is None else ""))


def stored(*sizes: int | None) -> Facts:
    artifacts = (ArtifactFacts(f"model-{at}.pt", PIN, 100, size, size is not None) for at, size in enumerate(sizes))
    return replace(FACTS, artifacts=tuple(artifacts))


def data(*names: str, digest: str = DATA, split: str | None = "test") -> Facts:
    return replace(FACTS, datasets=tuple(DatasetFacts(name, split, digest, None) for name in names))


def corrected(what: str, reason: str, instead: str | None = None) -> Facts:
    return replace(FACTS, corrections=(CorrectionFacts(what, reason, "ada", instead),))  # type: ignore[arg-type]


def command(**changed: object) -> RunReport:
    return replace(REPORT, command=replace(REPORT.command, **changed))  # type: ignore[arg-type]


def pinned(**changed: object) -> Facts:
    return replace(FACTS, metric=METRIC_PINNED, code=replace(FACTS.code, **changed))  # type: ignore[arg-type]


def started(first: RunReport, *again: RunReport, **batches: int) -> tuple[RunReport, Facts]:
    """With further starts, numbered from 2 on; so many batches came of some of their writers."""
    attempts = tuple(AttemptFacts(number, report) for number, report in enumerate(again, 2))
    return first, replace(arrived(batches={"main": 3, **batches}), attempts=attempts)


def params(**changed: object) -> RunReport:
    return replace(REPORT, params=REPORT.params | changed)


def _end(batches: int) -> WriterEnd:
    return WriterEnd(batches=batches, head=HEAD)


def writers(**ends: int) -> Facts:
    """Which end so many batches after they began; of each, two arrived."""
    arrive = dict.fromkeys(ends, 2)
    said = {name: _end(count) for name, count in ends.items()}
    facts = ended(writers=said)
    return replace(facts, history=replace(facts.history, batches=arrive, heads=dict.fromkeys(ends, HEAD)))


_TWENTY = [f"{at:02}" for at in range(20)]
_FOUR_WRITERS = arrived(batches={"main": 3, "d": 1, "c": 1, "b": 1, "a": 1})
_ONE_BATCH = ended(writers={"main": _end(1)}).history
_NO_WAY_BACK = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
_EVERY_NAME = ("i", "h", "g", "f", "e", "d", "c", "b", "a")

_NUMPY = PackageReport(name="numpy", version="2.2.0")
_COMMAND = ["python", "train.py", "--lr", "0.1"]

MORE: dict[str, list[tuple[RunReport, Facts]]] = {
    "attempts_agree": [
        started(REPORT, REPORT),
        started(REPORT, *[REPORT] * 20),
        started(REPORT, REPORT, a2=1),
        started(REPORT, REPORT, a2=1, a3=0),  # the third was stopped before it began
        (REPORT, replace(FACTS, attempts=(AttemptFacts(3, REPORT), AttemptFacts(2, REPORT)))),
        (REPORT, replace(FACTS, attempts=(AttemptFacts(4, REPORT), AttemptFacts(2, REPORT)))),
        started(REPORT, a2=2),
        started(REPORT, a1=2, b2=1, a02=1, a=1),
        started(REPORT, replace(REPORT, seeds={"python": 4})),
        started(REPORT, params(resume=True, seed=7)),
        started(params(resume_from=None), params(resume_from="last.pt", **{"trainer.ckpt_path": "x", "attempt": 2})),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND, "--resume"])),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND[:2], "--resume", "last.pt", *_COMMAND[2:]])),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND, "trainer.resume=last.pt"])),
        started(command(argv=[*_COMMAND, "--seed", "3"]), command(argv=[*_COMMAND, "--seed", "4"])),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND[:3], "0.2"])),
        started(command(argv=_COMMAND), command(argv=_COMMAND[:2])),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND, "--config", "c" * 80])),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND, "resume"])),
        started(command(argv=_COMMAND), command(argv=[*_COMMAND, "--warm-restarts", "5"])),
        started(REPORT, code(tree=None)),
        started(code(tree=None), REPORT),
        started(REPORT, command(entry="other.py")),
        started(REPORT, command(entry=None)),
        started(REPORT, replace(REPORT, params={})),
        started(replace(REPORT, params={}), params()),
        started(REPORT, params(lr="0.1")),
        started(REPORT, environment(packages=[])),
        started(REPORT, environment(packages=[_NUMPY, PackageReport(name="scipy", version="1.17.0")])),
        started(REPORT, environment(packages=[replace(_NUMPY, origin="git+https://git.example/numpy@abc")])),
        started(REPORT, environment(implementation="PyPy", os="Linux 7", cpu="other")),
        started(REPORT, REPORT, code(tree="b" * 40), params(lr=1)),
        started(REPORT, code(tree="b" * 40), params(lr=1), code(tree="c" * 40)),
        started(REPORT, *[replace(params(lr=1), code=code(tree="b" * 40).code)] * 20),
    ],
    "report_well_formed": [
        (code(base="c" * 39), FACTS),
        (code(commit="c" * 64, tree="7" * 64, base=None), FACTS),
        (code(bundle="x", patch="a" * 64), FACTS),
        (environment(lock_files={"uv.lock": "f" * 63, "x": "f" * 64}), FACTS),
        (replace(REPORT, name="bell\x07"), FACTS),
        (replace(REPORT, started_ms=1), FACTS),
        (REPORT, replace(FACTS, series={"tést": ACCURACY, "loss": ACCURACY})),
        (replace(REPORT, params={"a": (1.0, [float("inf")])}), FACTS),
        (replace(REPORT, project="milestone-1\n"), FACTS),
        (replace(code(commit="x", base="x", tree="x", patch="x", bundle="x"), project="", started_ms=-1), FACTS),
    ],
    "writer_known": [(REPORT, arrived(equivocations=1))],
    "history_complete": [
        (REPORT, arrived(gaps=("a: 1", "b: 2", "c: 3", "d: 4"))),
        (REPORT, _FOUR_WRITERS),
        (REPORT, ended(state="failed")),
        (REPORT, ended(state="failed", error="".join(_TWENTY) * 6)),
        (REPORT, ended(dropped=1)),
        (REPORT, ended(writers={"main": _end(3), "late": _end(1)})),
        (REPORT, writers(b=3, a=4)),
        (REPORT, writers(b=2, a=2)),
        (REPORT, replace(FACTS, history=replace(_ONE_BATCH, batches={"main": 1}))),
    ],
    "headline_recomputed": [
        (REPORT, series(headline=None)),
        (REPORT, series(headline=0.1234567890, headline_step=3, last=0.98765432101)),
        (REPORT, series(headline=0.5, headline_step=3, last=None, last_kind="nan")),
        (REPORT, metric(rule="best")),
        (REPORT, metric(rule="at_best_of", rule_metric="val/accuracy")),
        (REPORT, own(0.912, count=12_345, step=19)),
        (REPORT, own(0.912, step=18)),
        (REPORT, own(None)),
        (REPORT, own(0.12345678901)),
        (REPORT, own(0.5, facts=series(headline=0.98765432101))),
    ],
    "parameters_recorded": [(replace(REPORT, params={"lr": 0.1}), FACTS)],
    "commit_reachable": [
        (code(commit=None, problem="a" * 299 + ".bc"), FACTS),
        (code(branch=None), seen(refs=())),
        (code(branch="b" * 90), seen(refs=())),
        (code(commit=None, problem="no git in X."), FACTS),
        (REPORT, seen(refs=("refs/heads/main", "refs/tags/v1", "refs/heads/x"))),
        (REPORT, seen(refs=("refs/heads/main", "refs/tags/v1", "refs/heads/x", "refs/heads/y"))),
        (REPORT, seen(refs=("refs/heads/main", "refs/tags/v1", "refs/heads/x", "refs/heads/y", "refs/heads/z"))),
        (REPORT, replace(FACTS, reachable_at=_NO_WAY_BACK)),
        (code(commit="c" * 64), FACTS),
    ],
    "tree_rebuilt": [
        (code(commit=None, problem="a" * 299 + ".bc"), FACTS),
        (code(commit=None, problem="no git in X."), FACTS),
        (REPORT, seen(rebuilt=None)),
        (REPORT, seen(forbidden=("a", "b", "c", "d"))),
        (code(base="b" * 40, patch="a" * 64), FACTS),
        (code(base=None), seen(base_refs=())),
        (code(base=None, patch="a" * 64), FACTS),
        (code(dirty=True), FACTS),
        (REPORT, replace(FACTS, policy=PolicyFacts(dirty_trees=False))),
    ],
    "entry_in_tree": [
        (REPORT, seen(rebuilt=None)),
        (command(entry="a/" + "b" * 199 + ".py"), seen(entry_in_tree=False)),
        (command(entry="a/" + "b" * 199 + ".py"), FACTS),
        (REPORT, seen(configs_missing=("a", "b", "c", "d"))),
        (command(configs=["a.yaml"]), FACTS),
        (command(configs=["a.yaml", "b.yaml"]), FACTS),
        (REPORT, replace(FACTS, code=replace(FACTS.code, looked=False, trouble="it is away", rebuild_trouble="x"))),
        (replace(REPORT, command=CommandReport()), seen(entry_in_tree=None)),
    ],
    "no_secrets": [
        (REPORT, replace(FACTS, secrets=("a", "b", "c"))),
        (REPORT, replace(FACTS, secrets=("a", "b", "c", "d"))),
        (REPORT, replace(FACTS, patch_bytes=MOST_READ)),
    ],
    "sealed": [(REPORT, replace(FACTS, seal=SealFacts(0, True)))],
    "standing": [
        (REPORT, corrected("superseded", "a" * 199 + ".b")),
        (REPORT, corrected("invalidated", "b" * 201)),
        (REPORT, corrected("deleted", "c.")),
        (REPORT, corrected("deleted", "in the name of X.")),
    ],
    "metric_as_defined": [
        (REPORT, metric(direction="lower")),
        (REPORT, metric(rule="at_best_of", rule_metric="train/loss")),
        (REPORT, named(*_EVERY_NAME[-6:])),
        (REPORT, named(*_EVERY_NAME[-7:])),
        (REPORT, named(*_EVERY_NAME)),
        (REPORT, named("test/acuracy")),
        (REPORT, pinned(evaluators={"eval.py": PIN})),
        (REPORT, pinned(evaluators={"eval.py": "0" + PIN[1:]})),
        (REPORT, pinned(rebuilt=None)),
        (REPORT, pinned(rebuilt=None, rebuild_trouble="no patch yet")),
        (REPORT, pinned(looked=False, trouble="it is away", evaluators={"eval.py": PIN})),
        (REPORT, replace(pinned(), metric=replace(METRIC_PINNED, evaluator_digest=None))),
    ],
    "data_pinned": [
        (REPORT, data("g", "f", "e", "d", "c", "b", "b")),
        (REPORT, data("digits/test", digest=PIN)),
        (REPORT, data("digits/test", split=None)),
        (REPORT, replace(FACTS, datasets=(*FACTS.datasets, DatasetFacts("digits/test", None, DATA, "part of it")))),
    ],
    "artifacts_intact": [
        (REPORT, stored()),
        (REPORT, stored(100, 100)),
        (REPORT, stored(None, None, None)),
        (REPORT, stored(100, None, None, None, None, None)),
        (REPORT, stored(*[None] * 4)),
        (REPORT, stored(None, 99)),
    ],
    "environment_locked": [
        (environment(gpus=[GpuReport(name="H100")], driver="570.1"), FACTS),
        (environment(gpus=[GpuReport(name="H100")] * 2, driver="570.1"), FACTS),
        (environment(packages=[PackageReport(name=name, version="1") for name in "ab"]), FACTS),
        (environment(machine=""), FACTS),
        (environment(packages=[PackageReport(name=name, version="") for name in "abcd"]), FACTS),
        (
            environment(
                packages=[PackageReport(name=name, version=version) for name, version in (("a", "1"), ("b", ""))]
            ),
            FACTS,
        ),
        (replace(REPORT, environment=EnvironmentReport(python="", gpus=[GpuReport(name="H100")])), FACTS),
    ],
}


def render() -> str:
    """The sentences of all cases, check by check."""
    parts = []
    for name in sorted(checks()):
        cases = [(REPORT, FACTS), *(case[1:3] for case in test_checks.CASES if case[0] == name), *MORE[name]]
        said = (checks()[name](report, facts) for report, facts in cases)
        parts.append("\n".join(chain([name], *map(_lines, said))))
    return "\n\n".join(parts) + "\n"


def _lines(finding: Finding) -> Iterator[str]:
    outcome = "refuted" if finding.refutes else finding.outcome
    yield f"  {outcome:8} {finding.reason}".replace("\x07", "\\x07")
    if finding.mend:
        yield f"           → {finding.mend}"


if __name__ == "__main__":
    FILE.write_text(render())
