"""PURE: numbers in what a script prints. Strict: a line counts as a whole or not at all, so that prose never does."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LONGEST = 4_000  # characters of a line that is read at all
_HINT = re.compile(r"[0-9nN]")  # a number, nan or inf

_FIGURE = r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?|[+-]?(?:nan|NaN|inf|Infinity)"
_NAME = r"[A-Za-z][\w./@-]{0,80}"
_UNIT = r"(?:ms|us|s|sec|min|h|it/s|s/it|steps/s|samples/s|tok/s|[KMG]i?B|C|W)"
# `loss=0.3`, `val loss: 0.4`, `acc: 91.2%`; a number with a unit is no metric, and does not spoil the line.
_PAIR = re.compile(rf"({_NAME})(?: ({_NAME}))?\s{{0,2}}[=:]\s{{0,12}}({_FIGURE})(%| ?{_UNIT})?(?![\w.%:/])")
_BETWEEN = re.compile(r"(?:\s|[,|;·•]|[-–—](?=\s)){1,40}")
_SPLITS = frozenset((
    "train", "training", "trn", "val", "valid", "validation", "test", "testing", "eval", "evaluation", "dev", "best",
    "mean", "avg", "average", "final", "running",
))  # fmt: skip
# A line without a step must speak of one of these: `lr: 0.1` in a printed configuration is no metric.
_MEASURES = frozenset((
    "loss", "losses", "acc", "accuracy", "err", "error", "f1", "auc", "auroc", "auprc", "ap", "map", "mrr", "mcc",
    "kappa", "precision", "recall", "specificity", "sensitivity", "bleu", "rouge", "meteor", "chrf", "perplexity",
    "ppl", "mse", "rmse", "mae", "mape", "r2", "iou", "miou", "dice", "psnr", "ssim", "lpips", "fid", "reward",
    "rewards", "return", "score", "nll", "elbo", "kl", "bpc", "bpb", "wer", "cer", "ndcg", "top1", "top5", "logloss",
    "brier", "ece", "em",
))  # fmt: skip
_NOT_MEASURES = frozenset((
    "weight", "weights", "fn", "function", "type", "name", "scale", "coef", "coefficient", "reduction",
))  # fmt: skip

_STEPS = ("global_step", "step", "iteration", "iter", "epoch")  # the finest first
_STEP_WORDS = "(?:global[ _]step|step|iteration|iter|epoch|ep)"
_OF = r"\s{0,2}(?:/|of)\s{0,2}"
_LEADS = (
    # [2026-11-24 10:32:01,123] INFO train: / 10:32:01 | INFO |
    re.compile(
        r"\[?(?:[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[ T]{1,2})?[0-9]{2}:[0-9]{2}:[0-9]{2}"
        r"(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{2,6})?\]?"
    ),
    re.compile(r"\[?(?:DEBUG|INFO|WARNING|NOTICE)\]?(?::[\w.]{1,80}:|:?(?=\s))"),
    re.compile(r"\[[A-Za-z_][\w.:-]{0,80}\]"),  # [train]
    re.compile(rf"(?P<word>{_STEP_WORDS})\s{{0,2}}(?:[=:#]\s{{0,8}})?\[?(?P<at>[0-9]{{1,15}})(?![0-9.%\w])(?:{_OF}(?P<of>[0-9]{{1,15}}))?\]?:?",
        re.IGNORECASE,
    ),
    re.compile(rf"[\[(](?P<at>[0-9]{{1,15}}){_OF}(?P<of>[0-9]{{1,15}})(?:\s{{0,2}}\([0-9.]{{1,6}}%\))?[\])]:?"),
    re.compile(r"(?:Train|Training|Val|Validation|Valid|Test|Eval)(?=[\s:]{1,3}(?:Epoch|\[))[ :]{0,2}", re.IGNORECASE),
)  # fmt: skip
# Keras: `12/12 ━━━━━━━━ 1s 3ms/step - accuracy: 0.91`; tqdm: `Epoch 1: 100%|██| 12/12 [00:01<00:00, 8.3it/s, loss=0.3]`
_KERAS = re.compile(
    r"([0-9]{1,12})/([0-9]{1,12}) [━╸╺─=>.\[\] ]{1,80}(?:- )?[0-9:]{1,12}(?:s|ms|us)?"
    r"(?: [0-9.]{1,12}(?:s|ms|us)/(?:step|epoch|sample))?(?= - )"
)
_BAR = re.compile(
    r"(?P<lead>[^|%]{0,200}?)\s{0,3}[0-9]{1,3}%\|[^|]{0,400}\|\s{0,3}(?P<at>[0-9]{1,15})/(?P<of>[0-9]{1,15})\s{0,3}"
    r"\[[^\],]{1,60},\s{0,8}[^\],]{1,40}(?:,\s{0,3}(?P<pairs>[^\]]{1,3000}))?\]"
)
_HELD = re.compile(r"\b(?:(?:np|numpy)\.(?:float|int)[0-9]{1,3}|tensor|array)\(([^(),]{1,60})(?:,[^()]{0,80})?\)")


@dataclass(frozen=True, slots=True)
class Printed:
    """What one line says: numbers by name, and the step that it names."""

    values: dict[str, float]
    step: int | None = None


@dataclass(slots=True)
class Reader:
    """Reads line after line. A line `Epoch 3/10` of its own is the step of the numbers that come under it."""

    _heading: int | None = None
    _under: set[str] = field(default_factory=set)

    def read(self, line: str) -> Printed | None:
        """The numbers of a whole line, without its end; None where it is anything else."""
        line = line.strip()
        if not line or len(line) > _LONGEST or not _HINT.search(line):
            return None
        found = _dictionary(line) if line[0] == "{" else _keras(line) or _bar(line) or _pairs(line)
        if found is None:
            return None
        if not found.values:
            self._heading, self._under = found.step, set()
            return None
        if found.step is None and self._heading is not None and self._under.isdisjoint(found.values):
            self._under.update(found.values)
            return Printed(found.values, self._heading)
        return found


def _pairs(line: str) -> Printed | None:
    """A line of pairs with an optional lead; one that is nothing but a lead with a step has no values."""
    at, named = _lead(line)
    step = _step(named)
    values = _listed(line[at:])
    if values is None:
        return None
    if not values:
        return Printed({}, step) if step is not None else None
    return _judged(values, step)


def _lead(line: str) -> tuple[int, dict[str, tuple[int, int | None]]]:
    """Where the pairs begin, and the steps on the way: {"epoch": (3, 10)}."""
    at, named = 0, dict[str, tuple[int, int | None]]()
    for _ in range(8):
        gap = _BETWEEN.match(line, at)
        start = gap.end() if gap else at
        found = next((hit for lead in _LEADS if (hit := lead.match(line, start))), None)
        if found is None:
            return start, named
        groups = found.groupdict()
        if groups.get("at"):
            word = (groups.get("word") or "batch").lower().replace(" ", "_")
            of = groups.get("of")
            named.setdefault("epoch" if word == "ep" else word, (int(groups["at"]), int(of) if of else None))
        at = found.end()
    return at, named


def _step(named: Mapping[str, tuple[int, int | None]]) -> int | None:
    """The step that a lead names; a place in an epoch whose length is known counts from the first epoch on."""
    word = next((each for each in _STEPS if each in named), None)
    place = named.get("batch") if word in (None, "epoch") else named.get(word) if "epoch" in named else None
    if word == "global_step" or place is None:
        return named[word][0] if word else None
    epoch = named.get("epoch")
    if epoch is None or place[1] is None:
        return place[0]
    return max(0, epoch[0] - 1) * place[1] + place[0]


def _listed(text: str) -> dict[str, float] | None:
    """Every pair of the text; None where it holds anything else."""
    values: dict[str, float] = {}
    at = 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return None
        split, name, figure, unit = found.groups()
        if name is not None and split.lower() not in _SPLITS:
            return None
        if not unit or unit == "%":
            values[f"{split}_{name}" if name else split] = float(figure) / (100 if unit else 1)
        at = found.end()
        gap = _BETWEEN.match(text, at)
        if gap is None and at < len(text):
            return None
        at = gap.end() if gap else at
    return values


def _judged(values: dict[str, float], step: int | None) -> Printed | None:
    """The values without the one that names the step; None where nothing says that they are measured."""
    for word in _STEPS:
        key = next((name for name in values if name.lower() == word), None)
        if key is not None and step is None and values[key] >= 0 and values[key].is_integer() and values[key] < 2**53:
            step = int(values.pop(key))
    kept = {name: value for name, value in values.items() if name != "v_num"}
    if not kept or (step is None and not any(_is_measure(name) for name in kept)):
        return None
    return Printed(kept, step)


def _is_measure(name: str) -> bool:
    words = re.findall(r"[a-z]+[0-9]*", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return any(word in _MEASURES for word in words) and not any(word in _NOT_MEASURES for word in words)


def _keras(line: str) -> Printed | None:
    """Keras's line at the end of an epoch; while the epoch runs it says other numbers, which do not count."""
    found = _KERAS.match(line)
    if found is None or found[1] != found[2]:
        return None
    values = _listed(line[found.end() :].lstrip(" -"))
    return _judged(values, None) if values else None


def _bar(line: str) -> Printed | None:
    """A progress bar of tqdm that came to its end, with numbers behind it."""
    found = _BAR.fullmatch(line) if "%|" in line else None
    if found is None or found["at"] != found["of"] or not found["pairs"]:
        return None
    values = _listed(found["pairs"])
    _, named = _lead(found["lead"])
    return _judged(values, _step(named)) if values else None


def _dictionary(line: str) -> Printed | None:
    """A JSON or Python dictionary on one line."""
    if line[-1] != "}":
        return None
    data = _loaded(line)
    if not isinstance(data, dict):
        return None
    values = {name: number for name, each in _flat(data, 0) if (number := _number(each)) is not None}
    return _judged(values, None) if values else None


def _loaded(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        pass
    try:
        plain = re.sub(r"(?<![\w'\"])(nan|-?inf)(?![\w'\"])", r"'\1'", _HELD.sub(r"\1", line))
        return ast.literal_eval(plain)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _flat(data: Mapping[Any, Any], depth: int, above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in data.items():
        if isinstance(value, Mapping) and depth < 5:
            found += _flat(value, depth + 1, f"{above}{key}/")
        elif isinstance(key, str):
            found.append((f"{above}{key}", value))
    return found


def _number(value: Any) -> float | None:
    """Numbers, and texts that are one: some trainers print them rounded, between quotes."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(_FIGURE, value):
        return float(value)
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return math.inf if value > 0 else -math.inf
