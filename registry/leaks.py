"""PURE: where a run gives a secret away. The client takes them out before anything leaves the machine; whoever reports
without it does not, and a shape may become known later. Places only, never what stands there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from trackrecord import redact
from trackrecord.report import AttemptReport, RunReport

MOST_PLACES = 20
MOST_READ = 20_000_000  # bytes of a patch: at worst half a minute, in which no other run is looked at


def secrets_in(
    report: RunReport,
    patch: bytes | None,
    attempts: Iterable[AttemptReport] = (),
    others: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Up to twenty places: "params.api_key", "argv[3]", "patch: train.py:41", "attempt 2: argv[3]".

    `others`: the patches of attempts and submodules by digest. One that is not at hand is not read, and of each only
    the first `MOST_READ` bytes: whoever asks says so.
    """
    further = (
        f"attempt {each.number}: {place}"
        for each in attempts
        for place in _places(each.report, others.get(each.report.code.patch or ""), others)
    )
    return tuple(islice(chain(_places(report, patch, others), further), MOST_PLACES))


def _places(report: RunReport, patch: bytes | None, others: Mapping[str, bytes]) -> Iterator[str]:
    yield from _in_params(report.params)
    argv = report.command.argv
    for number, (word, cleaned) in enumerate(zip(argv, redact.argv(argv), strict=True)):
        if word != cleaned:
            yield f"argv[{number}]"
    if _shows(report.code.remote) or any(_shows(each.remote) for each in report.code.submodules):
        yield "remote"
    for package in report.environment.packages:
        if _shows(package.origin):
            yield f"the address of the package {_name(package.name)}"
    for name, text in report.environment.variables.items():
        if redact.value_of(name, text) != text:
            yield f"the variable {_name(name)}"
    for name, seed in report.seeds.items():
        if isinstance(seed, str) and _shows(seed):
            yield f"seeds.{_name(name)}"
    yield from _in_patch("patch", patch)
    for inner in report.code.submodules:
        yield from _in_patch(f"patch of {_name(inner.path)}", others.get(inner.patch or ""))


def _in_patch(what: str, patch: bytes | None) -> Iterator[str]:
    for hit in redact.in_patch((patch or b"")[:MOST_READ]):
        path = redact.text(hit.path)[-200:]
        yield f"{what}: {path}:{hit.line}" if hit.line else f"{what}: the name of {path}"


def _in_params(params: dict[str, Any]) -> Iterator[str]:
    """Each value judged by its own name, as the client does: "auth.method" is no secret because of "auth"."""
    waiting: list[tuple[str, str, Any]] = [("params", "", params)]
    while waiting:
        where, name, value = waiting.pop()
        if isinstance(value, dict):
            for key, each in reversed(value.items()):
                place = f"{where}.{_name(str(key))}"[:300]
                if _shows(str(key)):
                    yield place
                else:
                    waiting.append((place, str(key), each))
        elif isinstance(value, list):
            waiting.extend((where, name, each) for each in reversed(value))
        elif isinstance(value, str) and redact.value_of(name, value) != value:
            yield where


def _shows(text: str | None) -> bool:
    return text is not None and redact.text(text) != text


def _name(name: str) -> str:
    return redact.text(name)[:100]
