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
from dataclasses import dataclass, field, replace
from pathlib import Path

from trackrecord import redact
from trackrecord.capture import gitprogram, gittree
from trackrecord.capture.gitprogram import Git, Trouble
from trackrecord.report import CodeReport

_LARGEST_PATCH = 64 << 20
_LARGEST_BUNDLE = 64 << 20
_MOST_PATHS = 1000  # named in a report

# Plumbing with every option spelled out: `diff.noprefix`, `color.ui`, `diff.external`, textconv have no say.
_DIFF = (
    "diff-tree", "-r", "-p", "-U3", "--binary", "--full-index", "--no-renames", "--no-ext-diff",
    "--no-textconv", "--no-color", "--no-relative", "--submodule=short", "--ignore-submodules=none",
    "--src-prefix=a/", "--dst-prefix=b/", "-O/dev/null",
)  # fmt: skip
_HISTORY = (
    "log", "-p", "-m", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--src-prefix=a/",
    "--dst-prefix=b/", "HEAD",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """The report; where the repository's top is; the paths of the tree; and the bytes that the report names."""

    report: CodeReport
    top: Path | None = None
    paths: frozenset[str] = frozenset()
    files: dict[str, bytes] = field(default_factory=dict)


def look(directory: Path, own: Path | None = None) -> Code:
    """Capture the repository that holds `directory`. `own` is a folder that is left out: the client's journals."""
    program = shutil.which("git")
    if program is None:
        return Code(CodeReport(problem="git is not installed on this machine"))
    known = CodeReport()
    try:
        git = Git.at(program, directory)
        known = _where(git)
        with tempfile.TemporaryDirectory(prefix="trackrecord-") as scratch:
            return _capture(git, known, Path(scratch), own)
    except Trouble as trouble:
        return Code(replace(known, problem=str(trouble)))
    except OSError as trouble:
        return Code(replace(known, problem=f"the code could not be captured ({trouble.strerror or trouble})"))


def _capture(git: Git, known: CodeReport, scratch: Path, own: Path | None) -> Code:
    made = gittree.write(git, scratch / "tree", own)
    names = frozenset(gitprogram.paths(git.run("ls-tree", "-r", "--name-only", "-z", made.tree, env=made.env)))
    empty = git.line("hash-object", "-t", "tree", os.devnull)
    changed = gitprogram.paths(
        git.run("diff-tree", "-r", "--name-only", "--no-renames", "-z", known.commit or empty, made.tree, env=made.env)
    )
    known = replace(known, dirty=bool(changed), changed=_cut(changed), left_out=_cut(made.left_out))
    against = known.base or known.commit or empty
    patch = _patch(git, scratch, against, made)
    hit = next(redact.in_patch(patch), None)
    if hit is not None:
        return Code(replace(known, problem=_refused(hit)), git.top, names)
    files: dict[str, bytes] = {}
    if patch:
        files[hashlib.sha256(patch).hexdigest()] = patch
        known = replace(known, patch=next(iter(files)))
    rebuilt = gittree.rebuild(git, scratch / "proof", against if against != empty else None, patch)
    if rebuilt != made.tree:
        return Code(
            replace(known, patch=None, problem=f"the patch rebuilds {rebuilt}, not the tree {made.tree}"),
            git.top,
            names,
        )
    known = replace(known, tree=made.tree, proved=True)
    if known.commit is None:
        known = replace(known, problem="the repository has no commit yet: commit and push, then run again")
    elif known.base is None:
        known, bundle = _bundled(git, known, scratch)
        files |= bundle
    return Code(known, git.top, names, files)


def _where(git: Git) -> CodeReport:
    """Commit, branch, remote, and the nearest ancestor that a remote-tracking branch contains."""
    commit = git.maybe("rev-parse", "-q", "--verify", "HEAD^{commit}") or None
    branch = git.maybe("symbolic-ref", "-q", "--short", "HEAD") or None
    base, ref = _base(git) if commit else (None, "")
    remotes = sorted(git.maybe("remote").splitlines(), key=len, reverse=True)
    tracked = git.maybe("config", "--get", f"branch.{branch}.remote") if branch else ""
    holder = next((name for name in remotes if ref.startswith(f"refs/remotes/{name}/")), "")
    name = next((each for each in (holder, tracked, "origin", *remotes) if each in remotes), "")
    url = git.maybe("config", "--get", f"remote.{name}.url") if name else ""
    return CodeReport(
        commit=commit, branch=redact.text(branch) if branch else None, remote=redact.text(url) or None, base=base
    )


def _base(git: Git) -> tuple[str | None, str]:
    """The nearest ancestor of HEAD on a remote-tracking branch, and that branch's full name."""
    contains = ("for-each-ref", "--count=1", "--format=%(refname)", "--contains")
    ref = git.maybe(*contains, "HEAD", "refs/remotes")
    if ref:
        return git.line("rev-parse", "HEAD^{commit}"), ref
    if not git.maybe("for-each-ref", "--count=1", "--format=%(refname)", "refs/remotes"):
        return None, ""
    listed = git.maybe("rev-list", "--boundary", "HEAD", "--not", "--remotes").splitlines()
    edges = [line[1:] for line in listed if line.startswith("-")][:20]
    if not edges:
        return None, ""
    nearest = min(edges, key=lambda edge: int(git.maybe("rev-list", "--count", f"{edge}..HEAD") or 1 << 30))
    return nearest, git.maybe(*contains, nearest, "refs/remotes")


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


def _bundled(git: Git, known: CodeReport, scratch: Path) -> tuple[CodeReport, dict[str, bytes]]:
    """No commit is on any remote: all of HEAD's history as a bundle, unless it is too large or holds a secret."""
    if git.maybe("rev-parse", "--is-shallow-repository") == "true":
        return replace(
            known, problem="the clone is shallow and its commit is on no remote-tracking branch: push it"
        ), {}
    place, history = scratch / "bundle", scratch / "history"
    git.run("bundle", "create", "-q", str(place), "HEAD")
    if place.stat().st_size > _LARGEST_BUNDLE:
        return replace(known, problem="no commit is on any remote and the history is too large to send: push it"), {}
    git.run(*_HISTORY, into=history)
    if history.stat().st_size > 8 * _LARGEST_BUNDLE:
        return replace(known, problem="no commit is on any remote and the history is too long to read: push it"), {}
    hit = next(redact.in_patch(history.read_bytes()), None)
    if hit is not None:
        return replace(
            known, problem=f"the history was not sent: in it {_at(hit)}; push to the project's repository"
        ), {}
    bundle = place.read_bytes()
    digest = hashlib.sha256(bundle).hexdigest()
    return replace(known, bundle=digest), {digest: bundle}


def _refused(hit: redact.Hit) -> str:
    return (
        f"the code was not sent: {_at(hit)}. Take it out of the file (read it from the environment) "
        "or let .gitignore name the file, and change the secret if it was ever pushed; then run again"
    )


def _at(hit: redact.Hit) -> str:
    return f"{redact.text(hit.path)} line {hit.line} looks like {hit.kind}"


def _cut(paths: list[str]) -> list[str]:
    kept = [redact.text(path) for path in paths[:_MOST_PATHS]]
    return kept if len(paths) <= _MOST_PATHS else [*kept, f"… and {len(paths) - _MOST_PATHS} more"]
