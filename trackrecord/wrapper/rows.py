"""PURE: what there is to say of a trace, a row for each thing that is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trackrecord.text import columns_of, fitted, sparks
from trackrecord.voice import Tone, clean
from trackrecord.wrapper.follow import Metric, Trace

_PATIENCE_S = 10.0  # so long a delivery may take to begin
_HELD_OUT = re.compile(r"(?i)(?:^|[_/])(?:val|valid|validation|test|eval|dev)(?:[_/@]|$)")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is recorded. The tone says how it stands: done (good), under way (dim), not whole (warn)."""

    label: str
    text: str
    tone: Tone = "good"


def rows(trace: Trace, *, room: int, metrics: int, seconds: float, ended: bool) -> list[Row]:
    """What there is to say, in order, in texts that may have `room` columns. `metrics`: so many of them."""
    found: list[Row | None] = [_code(trace.report), _packages(trace.report), _hardware(trace), _params(trace.report)]
    found += [_data(trace), *_metrics(trace, metrics, room), _artifacts(trace)]
    found += _delivery(trace, room, seconds, ended=ended)
    notes = trace.notes
    if notes:
        more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
        found.append(Row("notes", f"{notes[-1]}{more}", "warn"))
    return [row for row in found if row is not None]


def _code(report: Mapping[str, Any]) -> Row:
    code = report.get("code")
    if not code:
        return Row("code", "looking", "dim")
    if code.get("problem") and not code.get("tree"):
        return Row("code", str(code["problem"]), "warn")
    commit = str(code.get("commit") or "no commit")[:10]
    branch = f" {code['branch']}" if code.get("branch") else ""
    changed = len(code.get("changed") or ())
    tree = f"tree {str(code.get('tree'))[:10]}"
    plus = f" + {_many(changed, 'changed file')}" if changed else ""
    proved = "proved" if code.get("proved") else "not proved"
    out = len(code.get("left_out") or ())
    said = f"{commit}{branch}{plus}, {tree}, {proved}" + (f", {_many(out, 'file')} left out" if out else "")
    problem = code.get("problem")
    return Row("code", f"{said}; {problem}" if problem else said, "warn" if problem or out else "good")


def _packages(report: Mapping[str, Any]) -> Row:
    seen = report.get("environment")
    if not seen:
        return Row("packages", "looking", "dim")
    if not seen.get("python"):
        return Row("packages", "the script's Python could not be asked", "warn")
    locks = ", ".join(sorted(seen.get("lock_files") or ())) or "no lock file"
    return Row("packages", f"{len(seen['packages'])} of {seen['implementation']} {seen['python']}, {locks}")


def _hardware(trace: Trace) -> Row:
    seen = trace.report.get("environment")
    if not seen:
        return Row("hardware", "looking", "dim")
    gpus = [each["name"] for each in seen.get("gpus") or ()]
    parts = [f"{len(gpus)} × {gpus[0]}" if len(gpus) > 1 else gpus[0]] if gpus else []
    if seen.get("cpu_count"):
        parts.append(f"{seen['cpu_count']} CPUs")
    if seen.get("memory_bytes"):
        parts.append(size(seen["memory_bytes"]))
    used = []
    if "cpu_percent" in trace.machine:
        used.append(f"{trace.machine['cpu_percent']:.0f} % CPU")
    if "memory_bytes" in trace.machine:
        used.append(size(trace.machine["memory_bytes"]))
    shares = [value for name, value in trace.machine.items() if name.startswith("gpu") and name.endswith("_percent")]
    if shares:
        used.append(f"{sum(shares) / len(shares):.0f} % GPU")
    return Row("hardware", ", ".join(parts) + (f"; in use {', '.join(used)}" if used else ""))


def _params(report: Mapping[str, Any]) -> Row:
    params = report.get("params")
    if params is None:
        return Row("params", "reading", "dim")
    flat = list(_leaves(params))
    seeds = [f"{name}={value}" for name, value in (report.get("seeds") or {}).items() if "seed" in name.lower()]
    said = " ".join(f"{name}={value}" for name, value in flat)
    return Row("params", f"{len(flat)}{'' if seeds else ', no seed among them'}: {said}" if flat else "none")


def _leaves(params: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _data(trace: Trace) -> Row | None:
    if not trace.datasets:
        return None
    said = ", ".join(
        f"{each['name']} {str(each['digest'])[:8]}" + (f" ({size(each['size'])})" if each.get("size") else "")
        for each in trace.datasets
    )
    partial = any(each.get("partial") for each in trace.datasets)
    return Row("data", f"{said}; read in part only" if partial else said, "warn" if partial else "good")


def _metrics(trace: Trace, most: int, room: int) -> list[Row]:
    found = list(trace.metrics.values())
    # What says how good the model is on other data comes before what is said of the training.
    found.sort(key=lambda each: (not _HELD_OUT.search(each.name), each.best is None, each.name.lower()[:5] == "train"))
    shown = found[:most]
    names = min(24, max((columns_of(clean(each.name)) for each in shown), default=0))
    texts = [_metric(each, names, room) for each in shown]
    lines = [Row("" if at else "metrics", text, "plain" if at else "good") for at, text in enumerate(texts)]
    if len(found) > len(shown):
        last = lines[-1]
        lines[-1] = Row(last.label, f"{last.text}  (and {len(found) - len(shown)} more)", last.tone)
    return lines


def _metric(metric: Metric, names: int, room: int) -> str:
    name = fitted(clean(metric.name), names)
    best = f"best {metric.best:.4g}" if metric.best is not None else ""
    said = f"{name}{' ' * (names - columns_of(name))}  {metric.last:<9.4g} {best:<14}"
    points = _many(metric.count, "point")
    wide = max(0, min(20, room - columns_of(said) - len(points) - 2))
    curve = sparks(metric.curve, wide) if len(metric.curve) > 1 and wide else ""
    return f"{said} {curve:<{wide}} {points}"


def _artifacts(trace: Trace) -> Row | None:
    if not trace.artifacts:
        return None
    last = {each["name"]: each for each in trace.artifacts}
    said = ", ".join(f"{name} ({size(each['size'])})" for name, each in last.items())
    return Row("artifacts", f"{len(last)}: {said}" if len(last) > 1 else said)


def _delivery(trace: Trace, room: int, seconds: float, *, ended: bool) -> list[Row]:
    """How much has arrived, and where it can be seen: on the same row where that has room for both."""
    if not trace.name:
        return [] if ended else [Row("run", "begins with the first number, after 30 s, or at the end", "dim")]
    found = _delivered(trace, seconds, ended=ended)
    if trace.url is None:
        return [found]
    whole = f"{found.text}  {trace.url}"
    if columns_of(whole) <= room:
        return [Row(found.label, whole, found.tone)]
    return [found, Row("page", trace.url, "plain")] if ended else [found]


def _delivered(trace: Trace, seconds: float, *, ended: bool) -> Row:
    if trace.gone:
        return Row("delivered", "everything")
    if trace.url is None:
        return Row("kept", "on this machine; `trackrecord sync` delivers it", "warn" if ended else "plain")
    if not trace.known:
        if seconds < _PATIENCE_S and not ended:
            return Row("delivery", "begins", "dim")
        return Row("delivery", "waiting for the registry; all is kept on this machine", "warn")
    said = f"{trace.confirmed} of {_many(trace.batches, 'batch', 'batches')}"
    files = f", {_many(trace.files_owed, 'file')} to upload" if trace.files_owed else ""
    behind = trace.confirmed < trace.batches or bool(trace.files_owed)
    return Row("delivered", f"{said}{files}", ("warn" if ended else "dim") if behind else "good")


def size(count: float) -> str:
    """Bytes as somebody says them: 3.2 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"
