"""Look at where a repository's code comes from: commit, branch, remote, and the nearest commit that others have."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from trackrecord import redact
from trackrecord.capture.gitprogram import Git
from trackrecord.capture.later import Later
from trackrecord.report import CodeReport

_LARGEST_BUNDLE = 64 << 20
_CONTAINS = ("for-each-ref", "--count=1", "--format=%(refname)", "--contains")
_HISTORY = (
    "log", "-p", "-m", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--src-prefix=a/",
    "--dst-prefix=b/", "HEAD",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """A report with commit, branch, remote and base; and the tree of the commit, None where there is none yet."""

    report: CodeReport
    tree: str | None


def look(git: Git) -> Origin:
    """Four questions at once; more only where HEAD is on no remote."""
    head = Later(lambda: git.maybe("rev-parse", "HEAD^{commit}", "HEAD^{tree}").split("\n"))
    named = Later(lambda: git.maybe("symbolic-ref", "-q", "--short", "HEAD") or None)
    held = Later(lambda: git.maybe(*_CONTAINS, "HEAD", "refs/remotes"))
    listed = git.maybe("config", "-z", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$")
    commit, tree = head.get() if len(head.get()) == 2 else (None, None)
    branch, ref = named.get(), held.get()
    base = commit if ref else None
    if commit and not ref:
        base, ref = _nearest(git)
    url = _remote(listed, branch, ref)
    return Origin(
        CodeReport(
            commit=commit, branch=redact.text(branch) if branch else None, remote=redact.text(url) or None, base=base
        ),
        tree,
    )


def _nearest(git: Git) -> tuple[str | None, str]:
    """The nearest ancestor of HEAD on a remote-tracking branch, and that branch's full name."""
    if not git.maybe("for-each-ref", "--count=1", "--format=%(refname)", "refs/remotes"):
        return None, ""
    listed = git.maybe("rev-list", "--boundary", "HEAD", "--not", "--remotes").splitlines()
    edges = [line[1:] for line in listed if line.startswith("-")][:20]
    if not edges:
        return None, ""
    nearest = min(edges, key=lambda edge: int(git.maybe("rev-list", "--count", f"{edge}..HEAD") or 1 << 30))
    return nearest, git.maybe(*_CONTAINS, nearest, "refs/remotes")


def _remote(listed: str, branch: str | None, ref: str) -> str:
    """The address of the remote that has the base, else of the one that the branch follows, else of any."""
    told: dict[str, str] = {}
    for entry in listed.split("\0"):
        name, _, value = entry.partition("\n")
        told[name] = value
    addresses = {name[len("remote.") : -len(".url")]: told[name] for name in told if name.endswith(".url")}
    remotes = sorted(addresses, key=len, reverse=True)
    holder = next((name for name in remotes if ref.startswith(f"refs/remotes/{name}/")), "")
    follows = told.get(f"branch.{branch}.remote", "")
    return next((addresses[each] for each in (holder, follows, "origin", *remotes) if each in addresses), "")


def bundled(git: Git, known: CodeReport, scratch: Path) -> tuple[CodeReport, dict[str, bytes]]:
    """No commit is on any remote: all of HEAD's history as a bundle, unless it is too large or holds a secret."""
    if git.maybe("rev-parse", "--is-shallow-repository") == "true":
        why = "the clone is shallow and its commit is on no remote-tracking branch: push it"
        return replace(known, problem=why), {}
    place, history = scratch / "bundle", scratch / "history"
    git.run("bundle", "create", "-q", str(place), "HEAD")
    if place.stat().st_size > _LARGEST_BUNDLE:
        return replace(known, problem="no commit is on any remote and the history is too large to send: push it"), {}
    git.run(*_HISTORY, into=history)
    if history.stat().st_size > 8 * _LARGEST_BUNDLE:
        return replace(known, problem="no commit is on any remote and the history is too long to read: push it"), {}
    hit = next(redact.in_patch(history.read_bytes()), None)
    if hit is not None:
        why = f"the history was not sent: in it {at(hit)}; push to the project's repository"
        return replace(known, problem=why), {}
    bundle = place.read_bytes()
    digest = hashlib.sha256(bundle).hexdigest()
    return replace(known, bundle=digest), {digest: bundle}


def at(hit: redact.Hit) -> str:
    """Where a secret stands, and what it looks like."""
    path = redact.text(hit.path)
    return (
        f"{path} line {hit.line} looks like {hit.kind}"
        if hit.line
        else f"the name of {path} holds what looks like {hit.kind}"
    )
