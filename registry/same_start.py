"""PURE: how a further start of a run differs from its first: in what matters, and in what it may differ in.

A start that goes on is told where to go on, and draws its random numbers from there: neither makes it another run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from registry.numbers import clean
from registry.params import flat, seed_like
from trackrecord.report import EnvironmentReport, PackageReport, RunReport

_RESUME = frozenset(("resume", "resumed", "resuming", "continue", "continued", "requeue", "requeued", "attempt"))
_RESUME_NAMES = frozenset(
    ("ckpt_path", "restore", "restore_from", "restore_checkpoint", "load_checkpoint", "restart", "restart_from")
)
_LONGEST = 40  # letters of a name or value in a sentence


def differences(first: RunReport, again: RunReport) -> list[str]:
    """What makes it another experiment: "ran another tree (…)", "had numpy 2.1 in place of 2.2". Empty: nothing."""
    return [
        *_code(first, again),
        *_values("the parameter ", _experiment(first), _experiment(again)),
        *_words(first.command.argv, again.command.argv),
        *_python(first.environment, again.environment),
        *_values("", _packages(first.environment.packages), _packages(again.environment.packages)),
    ]


def left_aside(first: RunReport, again: RunReport) -> list[str]:
    """By name, what differs and does not count: seeds, and what tells a start where to go on."""
    before, after = dict(flat(first.params)), dict(flat(again.params))
    names = ["the seeds seen"] if first.seeds != again.seeds else []
    names += [name for name in {**before, **after} if _may_differ(name) and not _same(before, after, name)]
    if first.command.argv != again.command.argv:
        words = [*first.command.argv, *again.command.argv]
        names += [word.partition("=")[0] for word in dict.fromkeys(words) if _is_flag(word)]
    return [_cut(name) for name in dict.fromkeys(names)]


def _code(first: RunReport, again: RunReport) -> Iterator[str]:
    before, after = first.code.tree, again.code.tree
    if before is None or after is None:
        yield "does not say which tree it ran" if after is None else "says which tree it ran, and the first does not"
    elif before != after:
        yield f"ran another tree ({after[:12]}, not {before[:12]})"
    if first.command.entry != again.command.entry:
        yield f"started {_script(again)} in place of {_script(first)}"


def _script(report: RunReport) -> str:
    return clean((report.command.entry or "no script of the repository")[-_LONGEST:])


def _experiment(report: RunReport) -> dict[str, str]:
    return {name: json.dumps(value, sort_keys=True) for name, value in flat(report.params) if not _may_differ(name)}


def _packages(packages: Sequence[PackageReport]) -> dict[str, str]:
    return {each.name: each.version + (f" from {each.origin}" if each.origin else "") for each in packages}


def _python(first: EnvironmentReport, again: EnvironmentReport) -> Iterator[str]:
    before, after = ((about.implementation, about.python) for about in (first, again))
    if before != after:
        yield f"ran {_cut(' '.join(after))} in place of {_cut(' '.join(before))}"


def _values(what: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({**before, **after}):
        if _same(before, after, name):
            continue
        said = f"{what}{_cut(name)}"
        if name not in after:
            yield f"had no {said.removeprefix('the ')}"
        elif name not in before:
            yield f"had {said} {_cut(after[name])}, which the first had not"
        else:
            yield f"had {said} {_cut(after[name])} in place of {_cut(before[name])}"


def _same(before: Mapping[str, object], after: Mapping[str, object], name: str) -> bool:
    return name in before and name in after and before[name] == after[name]


def _words(first: Sequence[str], again: Sequence[str]) -> Iterator[str]:
    """The command without seeds and what tells it where to go on; a word behind such a flag may be its value or not."""
    if any(_without(first, one) == _without(again, other) for one in (True, False) for other in (True, False)):
        return
    known = set(first)
    new = [word for word in _without(again, True) if word not in known]
    yield f"was started with other words ({_cut(' '.join(new) or 'fewer, or in another order')})"


def _without(argv: Sequence[str], with_value: bool) -> list[str]:
    kept, behind = [], False
    for word in argv:
        flag = _is_flag(word)
        if not flag and not (behind and with_value and not word.startswith("-")):
            kept.append(word)
        behind = flag and "=" not in word
    return kept


def _is_flag(word: str) -> bool:
    """`--resume`, `--seed=3`, and `trainer.resume=x` of Hydra; a bare word is none."""
    return (word.startswith("-") or "=" in word) and _may_differ(word.partition("=")[0].lstrip("-+"))


def _may_differ(name: str) -> bool:
    return seed_like(name) or _says_where(name)


def _says_where(name: str) -> bool:
    last = name.rpartition(".")[2].lower().replace("-", "_")
    return last in _RESUME_NAMES or not _RESUME.isdisjoint(last.split("_"))


def _cut(text: str) -> str:
    return clean(text, _LONGEST)
