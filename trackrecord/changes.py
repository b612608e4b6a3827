"""What maintainers and owners change from a terminal: a project's rules as a file, and what is said about a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trackrecord import client
from trackrecord.client import Client
from trackrecord.errors import TrackrecordError
from trackrecord.report import CorrectionReport, Withdrawal


@dataclass(frozen=True, slots=True)
class Found:
    """The run that is meant by a name or the start of an id."""

    run: str
    name: str
    project: str
    owner: str


def find(door: Client, named: str) -> Found:
    """Raises TrackrecordError: 404 none is, 409 several are."""
    data = door.ask("GET", "/api/v1/runs", query={"named": named})
    try:
        return Found(**data)
    except TypeError:
        raise TrackrecordError("This version of trackrecord cannot read the answer.", "Upgrade it.") from None


def correct(door: Client, run: Found, what: Withdrawal, reason: str, instead: Found | None = None) -> None:
    """Say it about the run; saying it again changes nothing."""
    report = CorrectionReport(what=what, reason=reason, instead=instead.run if instead else None)
    door.ask("POST", client.path("runs", run.run, "corrections"), json.dumps(asdict(report)).encode())


def rules_as_toml(door: Client, project: str) -> str:
    """The project's rules, in the file that `trackrecord define` takes."""
    rules = door.ask("GET", client.path("projects", project))
    if not isinstance(rules, dict):
        raise TrackrecordError("What answered is not a trackrecord registry.", "Check the address.")
    metrics = rules.pop("metrics", [])
    parts = [_lines({"project": project, **rules}), *(f"[[metrics]]\n{_lines(metric)}" for metric in metrics)]
    return "\n".join(parts)


def _lines(values: Mapping[str, Any]) -> str:
    """One key a line; TOML has no word for nothing, so what is None is left out."""
    return "".join(f"{key} = {_written(value)}\n" for key, value in values.items() if value is not None)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return f"[{', '.join(_written(each) for each in value)}]"
    return json.dumps(value)  # true, false and numbers read the same in both


def _text(value: str) -> str:
    """A TOML string; what a terminal or an editor would not show as it is, is escaped."""
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else _escaped(ord(sign)) for sign in quoted)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
