"""Look at the code that runs: its exact tree, and what rebuilds it from a commit that others have.

Everything is made in a temporary index and a temporary object folder: the user's index, refs and objects stay as they
are.
No git, no repository, no commit, a shallow clone, a worktree, a submodule: all are answers, none is an exception.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from trackrecord import redact
from trackrecord.capture import gitorigin, gitprogram, gittree, lfs
from trackrecord.capture.gitorigin import Origin, at
from trackrecord.capture.gitprogram import Git, Trouble
from trackrecord.capture.later import Later, afterwards
from trackrecord.report import CodeReport, SubmoduleReport

_LARGEST_PATCH = 64 << 20
_MOST_PATHS = 1000  # named in a report
_MOST_SUBMODULES, _AT_ONCE = 100, 4

# Plumbing with every option spelled out: `diff.noprefix`, `color.ui`, `diff.external`, textconv have no say.
_DIFF = (
    "diff-tree", "-r", "-p", "-U3", "--binary", "--full-index", "--no-renames", "--no-ext-diff",
    "--no-textconv", "--no-color", "--no-relative", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """The report; where the repository's top is; the paths of the tree; and the bytes that the report names."""

    report: CodeReport
    top: Path | None = None
    paths: frozenset[str] = frozenset()
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def look(directory: Path, own: Path | None = None) -> Code:
    """Capture the repository that holds `directory`. `own` is a folder that is left out: the client's journals."""
    program = shutil.which("git")
    if program is None:
        return Code(CodeReport(problem="git is not installed on this machine"))
    return _look(program, directory, own, inner=False)


def _look(program: str, directory: Path, own: Path | None, *, inner: bool) -> Code:
    known = CodeReport()
    try:
        git = _module(program, directory) if inner else Git.at(program, directory)
        origin = Later(partial(gitorigin.look, git))
        scratch = Path(tempfile.mkdtemp(prefix="trackrecord-"))
        try:
            # What Git LFS's filter makes of changed files is kept there, too, and not among the user's.
            git = replace(git, settings=(f"lfs.storage={scratch}/lfs",))
            made = gittree.write(git, scratch / "tree", own)
            return _capture(git, origin.get(), made, scratch, own)
        finally:
            known = origin.get().report
            afterwards(partial(shutil.rmtree, scratch, ignore_errors=True))
    except Trouble as trouble:
        return Code(replace(known, problem=str(trouble)))
    except OSError as trouble:
        return Code(replace(known, problem=f"the code could not be captured ({trouble.strerror or trouble})"))


def _module(program: str, directory: Path) -> Git:
    """The repository of a submodule: its own, and not the one that it lies in."""
    try:
        git = Git.at(program, directory, inner=True)
    except Trouble:
        git = None
    if git is None or git.top.resolve() != directory.resolve():
        raise Trouble("it is a submodule without a repository of its own")
    return git


def _capture(git: Git, origin: Origin, made: gittree.Tree, scratch: Path, own: Path | None) -> Code:
    known = origin.report
    empty = "" if known.commit else git.line("hash-object", "-t", "tree", os.devnull)
    against = known.base or known.commit or empty
    listed = Later(lambda: git.run("ls-tree", "-r", "--name-only", "-z", made.tree, env=made.env))
    names = ("diff-tree", "-r", "--name-only", "--no-renames", "-z", known.commit or empty, made.tree)
    differing = Later(lambda: gitprogram.paths(git.run(*names, env=made.env)))
    as_committed = made.tree == origin.tree and against == known.commit  # then nothing has to be put together
    start = None
    if not as_committed:
        start = Later(lambda: gittree.based(git, scratch / "proof", None if against == empty else against))
    modules = _submodules(git, made, own)
    notes = lfs.notes(git, made)
    patch = b"" if start is None else _patch(git, scratch, against, made)
    proof = None if start is None else Later(partial(gittree.patched, git, start.get(), patch))
    hit = next(redact.in_patch(patch), None)
    code = Code(
        replace(known, left_out=_cut(made.left_out + notes.left_out), changed=differing.get()),
        git.top,
        frozenset(gitprogram.paths(listed.get())),
        notes=notes.said,
    )
    rebuilt = made.tree if proof is None else proof.get()
    if hit is not None:
        code = _failed(code, _refused(hit))
    elif rebuilt != made.tree:
        code = _failed(code, f"the patch rebuilds {rebuilt}, not the tree {made.tree}")
    else:
        code = _proved(git, code, made.tree, patch, scratch)
    for path, inner in modules():
        code = _with(code, path, inner)
    changed = code.report.changed
    return replace(code, report=replace(code.report, dirty=bool(changed), changed=_cut(changed)))


def _proved(git: Git, code: Code, tree: str, patch: bytes, scratch: Path) -> Code:
    known, files = replace(code.report, tree=tree, proved=True), dict(code.files)
    if patch:
        digest = hashlib.sha256(patch).hexdigest()
        files[digest] = patch
        known = replace(known, patch=digest)
    if known.commit is None:
        known = replace(known, problem="the repository has no commit yet: commit and push, then run again")
    elif known.base is None:
        known, bundle = gitorigin.bundled(git, known, scratch)
        files |= bundle
    return replace(code, report=known, files=files)


def _failed(code: Code, why: str) -> Code:
    return replace(code, report=replace(code.report, problem=why))


def _patch(git: Git, scratch: Path, against: str, made: gittree.Tree) -> bytes:
    """The binary full-index diff as raw bytes; empty when there is nothing between the two."""
    place = scratch / "patch"
    git.run(*_DIFF, against, made.tree, env=made.env, into=place)
    size = place.stat().st_size
    if size > _LARGEST_PATCH:
        raise Trouble(
            f"the changes since {against[:12]} are {size >> 20} MB, more than {_LARGEST_PATCH >> 20}: "
            "commit and push them, or let .gitignore name what is no code"
        )
    return place.read_bytes()


def _submodules(git: Git, made: gittree.Tree, own: Path | None) -> Callable[[], list[tuple[str, Code]]]:
    """What is in the submodules: the tree has only the ids of their commits. One that is not there has no code."""
    there = [path for path in made.submodules if _has_files(git.top / path)]
    made.left_out.extend(
        f"{path} (a submodule, of which there are more than {_MOST_SUBMODULES})" for path in there[_MOST_SUBMODULES:]
    )

    def several(paths: list[str]) -> list[tuple[str, Code]]:
        return [(path, _look(git.program, git.top / path, own, inner=True)) for path in paths]

    started = [
        Later(partial(several, paths))
        for first in range(_AT_ONCE)
        if (paths := there[:_MOST_SUBMODULES][first::_AT_ONCE])
    ]
    return lambda: sorted((pair for each in started for pair in each.get()), key=lambda pair: pair[0])


def _has_files(place: Path) -> bool:
    try:
        return place.is_dir() and any(place.iterdir())
    except OSError:  # it is there, and cannot be read: looking at it will say why
        return True


def _with(code: Code, path: str, inner: Code) -> Code:
    """The code with that of a submodule: reported of its own where its commit and its remote do not say it all.

    One that holds such a submodule is reported, too: whoever rebuilds goes down from the top.
    """
    seen, shown = inner.report, path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    above = f"{shown}/"
    deeper = [replace(each, path=redact.text(above + each.path)) for each in seen.submodules]
    told = [] if _is_pushed(seen) and not deeper else [_reported(redact.text(shown), seen)]
    report = code.report
    problem = next((f"in {each.path}: {each.problem}" for each in told + deeper if each.problem), None)
    return replace(
        code,
        report=replace(
            report,
            changed=[*report.changed, *(above + each for each in seen.changed)],
            left_out=_cut([*report.left_out, *(above + each for each in seen.left_out)]),
            submodules=[*report.submodules, *told, *deeper],
            problem=report.problem or problem,
        ),
        paths=code.paths | {above + each for each in inner.paths},
        files=code.files | inner.files,
        notes=code.notes + [f"{shown}: {note}" for note in inner.notes],
    )


def _is_pushed(seen: CodeReport) -> bool:
    """Whether a submodule is a commit of its remote and nothing else: then the outer tree names all of it."""
    return seen.proved and seen.problem is None and seen.patch is None and seen.commit == seen.base is not None


def _reported(path: str, seen: CodeReport) -> SubmoduleReport:
    return SubmoduleReport(
        path=path, commit=seen.commit, base=seen.base, remote=seen.remote, tree=seen.tree, patch=seen.patch,
        bundle=seen.bundle, proved=seen.proved, problem=seen.problem,
    )  # fmt: skip


def _refused(hit: redact.Hit) -> str:
    return (
        f"the code was not sent: {at(hit)}. Take it out of the file (read it from the environment) "
        "or let .gitignore name the file, and change the secret if it was ever pushed; then run again"
    )


def _cut(paths: list[str]) -> list[str]:
    kept = [redact.text(path) for path in paths[:_MOST_PATHS]]
    return kept if len(paths) <= _MOST_PATHS else [*kept, f"… and {len(paths) - _MOST_PATHS} more"]
