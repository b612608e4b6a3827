"""PURE: how long, how many and how spelled the parts of a report may be.

The wire shapes say what is a text and what a number; this says the rest. Every refusal names the field and the bound.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from registry import measures
from registry.bodies import check_depth, clean_path, refused
from registry.checks import checks
from registry.params import MOST_PARAMS, flat
from trackrecord.errors import TrackrecordError
from trackrecord.report import (
    DIGEST,
    METRIC,
    OBJECT_ID,
    PROJECT,
    RUN_ID,
    WRITER,
    AttemptReport,
    BatchReport,
    CodeReport,
    CommandReport,
    CorrectionReport,
    EnvironmentReport,
    FinishReport,
    MetricRules,
    PointsReport,
    ProjectRules,
    RunReport,
    SubmoduleReport,
)

LARGEST = 2**63 - 1  # what a BIGINT column holds
LATEST_MS = 32_503_680_000_000  # the year 3000
MOST_POINTS = 200_000  # in one batch
MOST_METRICS = 2_000  # in one batch
MOST_ATTEMPTS = 10_000  # of one run: the largest number

_ALLOWED_REF = r"^refs/(?:heads|tags)/[A-Za-z0-9._*/@+-]{1,200}$"


def run_bounds(report: RunReport) -> None:
    """Raises TrackrecordError (422) for a report that is beyond them; so do its siblings below."""
    matches(report.project, PROJECT, "project")
    run_name(report.name)
    between(report.started_ms, "started_ms", LATEST_MS)
    _params(report)
    at_most(report.seeds, 200, "seeds")
    for name, seed in report.seeds.items():
        label(name, "seeds", 100)
        if isinstance(seed, str):
            text(seed, f"seeds.{name}", 500)
    _code(report.code)
    _environment(report.environment)
    _command(report.command)
    text(report.client, "client", 200)


def batch_bounds(batch: BatchReport) -> None:
    at_most(batch.points, MOST_METRICS, "points")
    for number, points in enumerate(batch.points):
        _points(points, f"points.{number}")
    if sum(len(points.steps) for points in batch.points) > MOST_POINTS:
        raise refused("points", f"a batch has at most {MOST_POINTS:,} points")
    unique((points.metric for points in batch.points), "points", "metric")
    at_most(batch.datasets, 1_000, "datasets")
    for number, dataset in enumerate(batch.datasets):
        where = f"datasets.{number}"
        label(dataset.name, f"{where}.name", 200)
        matches(dataset.digest, DIGEST, f"{where}.digest")
        text(dataset.split or "", f"{where}.split", 100)
        between(dataset.size, f"{where}.size")
        between(dataset.count, f"{where}.count")
        text(dataset.partial or "", f"{where}.partial", 1_000)
    at_most(batch.artifacts, 10_000, "artifacts")
    for number, artifact in enumerate(batch.artifacts):
        where = f"artifacts.{number}"
        path_like(artifact.name, f"{where}.name", 200)
        matches(artifact.digest, DIGEST, f"{where}.digest")
        between(artifact.size, f"{where}.size")
        between(artifact.step, f"{where}.step")
    at_most(batch.predictions, 1_000, "predictions")
    for number, said in enumerate(batch.predictions):
        where = f"predictions.{number}"
        matches(said.metric, METRIC, f"{where}.metric")
        matches(said.digest, DIGEST, f"{where}.digest")
        between(said.step, f"{where}.step")
    at_most(batch.notes, 1_000, "notes")
    for number, note in enumerate(batch.notes):
        text(note, f"notes.{number}", 500)
    _attempts(batch.attempts)


def finish_bounds(finish: FinishReport) -> None:
    between(finish.finished_ms, "finished_ms", LATEST_MS)
    between(finish.dropped, "dropped")
    text(finish.error or "", "error", 2_000)
    at_most(finish.writers, 20_000, "writers")  # data loaders begin their workers anew in every epoch
    for writer, end in finish.writers.items():
        matches(writer, WRITER, "writers")
        between(end.batches, f"writers.{writer}.batches", 2**31 - 1)
        matches(end.head, DIGEST, f"writers.{writer}.head")


def rules_bounds(rules: ProjectRules) -> None:
    text(rules.title, "title", 200)
    _repository(rules.repository)
    at_most(rules.allowed_refs, 100, "allowed_refs")
    for number, ref in enumerate(rules.allowed_refs):
        matches(ref, _ALLOWED_REF, f"allowed_refs.{number}")
    at_most(rules.metrics, 100, "metrics")
    for number, metric in enumerate(rules.metrics):
        _metric(metric, f"metrics.{number}")
    unique((metric.name for metric in rules.metrics), "metrics", "name")
    at_most(rules.checks, 100, "checks")
    for number, check in enumerate(rules.checks):
        label(check, f"checks.{number}", 100)
    unique(rules.checks, "checks", "check")
    for number, check in enumerate(rules.checks):
        if check not in checks():
            raise refused(f"checks.{number}", f"is no check; there are {', '.join(sorted(checks()))}")


def correction_bounds(correction: CorrectionReport) -> None:
    label(correction.reason, "reason", 500)
    if (correction.what == "superseded") != (correction.instead is not None):
        raise refused("instead", 'names the run that counts in its place: it goes with "superseded", and only with it')
    if correction.instead is not None:
        matches(correction.instead, RUN_ID, "instead")


def run_name(name: str) -> None:
    """One word: it is typed in commands. Not an id: it must not stand for another run."""
    label(name, "name", 100)
    if any(letter.isspace() for letter in name) or re.match(RUN_ID, name):
        raise refused("name", "must be one word that is not a run id")


def matches(value: str, pattern: str, where: str) -> None:
    # `$` lets a newline at the end through; fullmatch does not.
    if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), value):
        raise refused(_cleaned(where), f"must look like {pattern}")


def text(value: str, where: str, longest: int) -> None:
    if len(value) > longest:
        raise refused(_cleaned(where), f"is longer than {longest:,} characters")


def label(value: str, where: str, longest: int) -> None:
    """A text on one line that reads as it is stored: nothing invisible, nothing that turns the line around."""
    text(value, where, longest)
    if not value.strip() or any(unicodedata.category(letter) in _UNSEEN for letter in value):
        raise refused(_cleaned(where), "must be one line of visible characters")


_UNSEEN = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))


def path_like(value: str, where: str, longest: int) -> None:
    """A label that may be used as a relative file name by whoever fetches it."""
    label(value, where, longest)
    parts = value.split("/")
    if "\\" in value or "" in parts or "." in parts or ".." in parts or value[1:2] == ":":
        raise refused(_cleaned(where), "must be a plain relative name")


def between(value: int | None, where: str, largest: int = LARGEST) -> None:
    if value is not None and not 0 <= value <= largest:
        raise refused(_cleaned(where), f"must be between 0 and {largest}")


def at_most(values: Sequence[object] | Mapping[str, object], most: int, where: str) -> None:
    if len(values) > most:
        raise refused(where, f"has more than {most:,} entries")


def unique(values: Iterable[str], where: str, what: str) -> None:
    seen = list(values)
    if len(set(seen)) != len(seen):
        raise refused(where, f"the same {what} stands there twice")


def _params(report: RunReport) -> None:
    check_depth(report.params, "params")
    pairs = flat(report.params)
    at_most(pairs, MOST_PARAMS, "params")
    unique((key for key, _ in pairs), "params", "flat name")
    for key, value in pairs:
        label(key, f"params.{key}", 200)
        if isinstance(value, str):
            text(value, f"params.{key}", 10_000)


def _attempts(attempts: Sequence[AttemptReport]) -> None:
    """The report of a further start is held to what a run's own is."""
    at_most(attempts, 100, "attempts")
    unique((str(each.number) for each in attempts), "attempts", "number")
    for place, each in enumerate(attempts):
        if not 2 <= each.number <= MOST_ATTEMPTS:
            raise refused(f"attempts.{place}.number", f"must be between 2 and {MOST_ATTEMPTS:,}: the run itself is 1")
        try:
            run_bounds(each.report)
        except TrackrecordError as error:
            raise TrackrecordError(f"attempts.{place}.report.{error.message}", error.hint, status=422) from None


def _points(points: PointsReport, where: str) -> None:
    matches(points.metric, METRIC, f"{where}.metric")
    if not len(points.steps) == len(points.times) == len(points.values):
        raise refused(where, "steps, times and values must be of equal length")
    if points.steps and not (min(points.steps) >= 0 and max(points.steps) <= LARGEST):
        raise refused(f"{where}.steps", f"must be between 0 and {LARGEST}")
    if points.times and not (min(points.times) >= 0 and max(points.times) <= LATEST_MS):
        raise refused(f"{where}.times", f"must be between 0 and {LATEST_MS}")


def _code(code: CodeReport) -> None:
    _rebuildable(code, "code")
    at_most(code.submodules, 1_000, "code.submodules")
    for number, each in enumerate(code.submodules):
        _rebuildable(each, f"code.submodules.{number}")
        text(each.path, f"code.submodules.{number}.path", 4_096)
    text(code.branch or "", "code.branch", 500)
    _texts(code.changed, "code.changed", 20_000, 4_096)
    _texts(code.left_out, "code.left_out", 20_000, 5_000)


def _rebuildable(code: CodeReport | SubmoduleReport, where: str) -> None:
    for name in ("commit", "tree", "base"):
        value = getattr(code, name)
        if value is not None:
            matches(value, OBJECT_ID, f"{where}.{name}")
    for name in ("patch", "bundle"):
        value = getattr(code, name)
        if value is not None:
            matches(value, DIGEST, f"{where}.{name}")
    text(code.remote or "", f"{where}.remote", 1_000)
    text(code.problem or "", f"{where}.problem", 1_000)


def _environment(environment: EnvironmentReport) -> None:
    for name in ("python", "implementation", "os", "machine", "cpu", "driver", "cuda"):
        text(getattr(environment, name) or "", f"environment.{name}", 300)
    between(environment.cpu_count, "environment.cpu_count")
    between(environment.memory_bytes, "environment.memory_bytes")
    at_most(environment.packages, 10_000, "environment.packages")
    for number, package in enumerate(environment.packages):
        where = f"environment.packages.{number}"
        label(package.name, f"{where}.name", 200)
        text(package.version, f"{where}.version", 200)
        text(package.origin or "", f"{where}.origin", 2_000)
    at_most(environment.gpus, 1_000, "environment.gpus")
    for number, gpu in enumerate(environment.gpus):
        text(gpu.name, f"environment.gpus.{number}.name", 300)
        between(gpu.memory_bytes, f"environment.gpus.{number}.memory_bytes")
    _mapping(environment.variables, "environment.variables", 1_000, 5_000)
    at_most(environment.lock_files, 100, "environment.lock_files")
    for path, digest in environment.lock_files.items():
        label(path, "environment.lock_files", 1_000)
        matches(digest, DIGEST, f"environment.lock_files.{path}")


def _command(command: CommandReport) -> None:
    _texts(command.argv, "command.argv", 10_000, 20_000)
    text(command.directory or "", "command.directory", 4_096)
    text(command.entry or "", "command.entry", 4_096)
    _texts(command.configs, "command.configs", 1_000, 4_096)
    _mapping(command.launcher, "command.launcher", 200, 1_000)


def _metric(metric: MetricRules, where: str) -> None:
    matches(metric.name, METRIC, f"{where}.name")
    label(metric.split, f"{where}.split", 100)
    label(metric.dataset, f"{where}.dataset", 200)
    matches(metric.dataset_digest, DIGEST, f"{where}.dataset_digest")
    if (metric.rule == "at_best_of") != (metric.rule_metric is not None):
        raise refused(f"{where}.rule_metric", 'goes with the rule "at_best_of", and only with it')
    if metric.rule_metric is not None:
        matches(metric.rule_metric, METRIC, f"{where}.rule_metric")
    between(metric.decimals, f"{where}.decimals", 12)
    _measured(metric, where)
    if metric.margin < 0 or metric.tolerance < 0:
        raise refused(where, "margin and tolerance are not below 0")


def _measured(metric: MetricRules, where: str) -> None:
    """In what, by which file, and what the registry computes itself."""
    if metric.unit:
        label(metric.unit, f"{where}.unit", 20)
        if metric.percent:
            raise refused(f"{where}.unit", "does not go with percent")
    for value, digest, names in (
        (metric.evaluator, metric.evaluator_digest, ("evaluator", "evaluator_digest")),
        (metric.measure, metric.labels, ("measure", "labels")),
    ):
        if (value is None) != (digest is None):
            raise refused(f"{where}.{names[0]}", f"goes with {names[1]}, and only with it")
        if digest is not None:
            matches(digest, DIGEST, f"{where}.{names[1]}")
    if metric.evaluator is not None:
        path_like(metric.evaluator, f"{where}.evaluator", 1_000)
    if metric.measure is not None and not measures.known(metric.measure):
        raise refused(
            f"{where}.measure", f"is nothing that the registry computes; it computes {', '.join(measures.NAMES)}"
        )


def _repository(address: str) -> None:
    text(address, "repository", 1_000)
    if not address:
        return
    try:
        password = urlsplit(address).password
    except ValueError:
        raise refused("repository", "is not an address") from None
    if password is not None:
        raise refused("repository", "must not have a password in it")


def _texts(values: list[str], where: str, most: int, longest: int) -> None:
    at_most(values, most, where)
    for number, value in enumerate(values):
        text(value, f"{where}.{number}", longest)


def _mapping(values: dict[str, str], where: str, most: int, longest: int) -> None:
    at_most(values, most, where)
    for key, value in values.items():
        label(key, where, 200)
        text(value, f"{where}.{key}", longest)


def _cleaned(where: str) -> str:
    return clean_path(tuple(where.split(".")))
