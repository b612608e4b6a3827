"""LOOK at a run's code: is its commit on an allowed branch of the repository, does its patch rebuild its tree?

The only importer of GitPython. Git sees our own bare mirror, fixed verbs, an environment with nothing in it, and of
what users wrote only full object ids, the project's address after a check, and bytes on its standard input. Nothing is
ever checked out. `Repo.commit()` and `cat-file -e` say yes to `HEAD` and forty zeros: neither is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import git

from registry import addresses
from registry.facts import CodeFacts
from trackrecord.report import OBJECT_ID, CodeReport

MOST_PATCH_BYTES = 100_000_000
MOST_BUNDLE_BYTES = 1_000_000_000
_SHOWN_REFS = 20
_SHOWN_PATHS = 20
_FULL_ID = re.compile(OBJECT_ID.removeprefix("^").removesuffix("$"))  # with fullmatch: `$` lets a newline through
_LINKS = (b"120000", b"160000")  # symlinks, submodules
_FETCHED = "trackrecord-fetched"  # its time of change is when the mirror was last like the repository


class _CouldNotLook(Exception):
    """Git could not be asked; the message is for people."""


class _Contradiction(Exception):
    """Git was asked, and what the report says cannot be."""


def look(
    code: CodeReport,
    *,
    repository: str,
    mirror: Path,
    allowed_refs: Sequence[str],
    patch: bytes | None,
    bundle: Path | None,
    entry: str | None,
    protocols: str,
    timeout_s: int,
    configs: Sequence[str] = (),
    evaluators: Sequence[str] = (),
    fresh_s: float = 20.0,
) -> CodeFacts:
    """Ask git about a run's code. Never raises for bad input or a repository that is away: the facts say so.

    The mirror is refreshed when it is older than `fresh_s` seconds, and when it does not know the commit. `patch` and
    `bundle` are the stored artifacts that the report names, None where they are not there. `entry`, `configs` and
    `evaluators` are paths of the repository that are looked for in the rebuilt tree.
    """
    if code.commit is None:
        return CodeFacts(looked=False, trouble="the report names no commit")
    if not _FULL_ID.fullmatch(code.commit):
        return CodeFacts(looked=True)
    trouble = addresses.trouble_with(repository, protocols)
    if trouble:
        return CodeFacts(looked=False, trouble=trouble)
    asked = _Mirror(mirror, repository, protocols, timeout_s, addresses.usable_refs(list(allowed_refs)))
    try:
        with asked.alone():
            facts = _commit(asked, code.commit, code.base, fresh_s)
            return _rebuild(asked, code, facts, patch, bundle, _Wanted(entry, tuple(configs), tuple(evaluators)))
    except _CouldNotLook as error:
        return CodeFacts(looked=False, trouble=str(error))
    except git.CommandError as error:
        return CodeFacts(looked=False, trouble=f"git failed: {asked.why(error)}")
    except OSError as error:
        return CodeFacts(looked=False, trouble=f"the registry's mirror cannot be used: {error.strerror}")


def _commit(mirror: _Mirror, commit: str, base: str | None, fresh_s: float) -> CodeFacts:
    fetched = mirror.age_s() > fresh_s
    if fetched:
        mirror.fetch()
    refs = mirror.refs_with(commit)
    if not refs and not fetched:  # it may have been pushed a second ago
        mirror.fetch()
        refs = mirror.refs_with(commit)
    if refs:
        mirror.keep(commit)
    base_refs = refs if base == commit else mirror.refs_with(base)
    if base is not None and base_refs:
        mirror.keep(base)
    return CodeFacts(looked=True, commit_kind=mirror.kind(commit), refs=refs, base_refs=base_refs)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Files that are looked for in the rebuilt tree."""

    entry: str | None
    configs: tuple[str, ...]
    evaluators: tuple[str, ...]


def _rebuild(
    mirror: _Mirror, code: CodeReport, facts: CodeFacts, patch: bytes | None, bundle: Path | None, wanted: _Wanted
) -> CodeFacts:
    """Put base and patch together in a temporary index and object folder; the mirror keeps nothing of it."""
    start = code.base or (code.commit if code.bundle else None)
    missing = _missing(code, start, patch, bundle)
    if missing or start is None:
        return replace(facts, rebuild_trouble=missing)
    for left in mirror.folder.glob("rebuild-*"):  # by a registry that was killed; we are alone here
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=mirror.folder, prefix="rebuild-") as folder:
        scratch = mirror.scratch(Path(folder))
        try:
            if bundle is not None:
                scratch.unbundle(bundle)
            if scratch.kind(start) != "commit":
                return replace(facts, rebuild_trouble=f"the repository does not have the base commit {start[:12]}")
            tree = scratch.write_tree(start, patch)
            return replace(
                _files(scratch, tree, facts, wanted),
                commit_kind=scratch.kind(code.commit),
                rebuilt=tree,
                forbidden=scratch.new_links(start, tree),
            )
        except _CouldNotLook as error:
            return replace(facts, rebuild_trouble=str(error))
        except _Contradiction as error:
            return replace(facts, rebuild_trouble=str(error), rebuild_contradicts=True)


def _files(scratch: _Mirror, tree: str, facts: CodeFacts, wanted: _Wanted) -> CodeFacts:
    files = scratch.files(tree)
    blobs = {path: files[_as_bytes(path)] for path in wanted.evaluators if _as_bytes(path) in files}
    digests = {path: scratch.content_digest(blob) for path, blob in blobs.items()}
    return replace(
        facts,
        entry_in_tree=None if wanted.entry is None else _as_bytes(wanted.entry) in files,
        configs_missing=tuple(path for path in wanted.configs if _as_bytes(path) not in files),
        evaluators={path: digest for path, digest in digests.items() if digest is not None},
    )


def _as_bytes(path: str) -> bytes:
    return path.encode(errors="surrogateescape")


def _missing(code: CodeReport, start: str | None, patch: bytes | None, bundle: Path | None) -> str:
    """What is not at hand to rebuild with, as a sentence; empty: everything is."""
    if start is None:
        return "no commit that the patch applies to is on any remote, and there is no bundle"
    if not _FULL_ID.fullmatch(start):
        return "the base is not a full commit id"
    if code.patch is not None and patch is None:
        return "the patch is not in the store yet"
    if code.patch is None and patch is not None:
        return "there is a patch that the report does not name"
    if patch is not None and len(patch) > MOST_PATCH_BYTES:
        return f"the patch is larger than {MOST_PATCH_BYTES // 1_000_000} MB"
    if code.base is None and bundle is None:
        return "the bundle is not in the store yet"
    if bundle is not None and bundle.stat().st_size > MOST_BUNDLE_BYTES:
        return f"the bundle is larger than {MOST_BUNDLE_BYTES // 1_000_000} MB"
    return ""


@dataclass(frozen=True)
class _Mirror:
    """Our bare copy of a repository, and the only way to ask git. `extra` are variables beside the fixed ones."""

    folder: Path
    repository: str
    protocols: str
    timeout_s: int
    patterns: list[str]
    extra: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else uses the mirror meanwhile, in any thread or process."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + 2 * self.timeout_s
            while not _locked(lock):
                if time.monotonic() > deadline:
                    raise _CouldNotLook("another look at the repository takes too long")
                time.sleep(0.02)
            yield
        finally:
            os.close(lock)

    @property
    def _lock(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.lock")

    def age_s(self) -> float:
        """Seconds since the last fetch by the file system's clock; infinite when there was none."""
        os.utime(self._lock)
        try:
            return self._lock.stat().st_mtime - (self.folder / _FETCHED).stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    def fetch(self) -> None:
        """Make branches and tags like the repository's; nothing else is taken, no pull requests, no submodules."""
        try:
            if not (self.folder / _FETCHED).exists():
                self._init()
            options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--prune", "--no-write-fetch-head")
            refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self.ask("fetch", *options, "--", self.repository, *refs)
        except git.GitCommandError as error:
            self._sweep()
            raise _CouldNotLook(f"the repository could not be fetched: {self.why(error)}") from None
        (self.folder / _FETCHED).touch()

    def _init(self) -> None:
        listed = self.ask("ls-remote", "--quiet", "--heads", "--tags", "--", self.repository, at=self.folder.parent)
        format_ = "sha256" if len(listed.partition(b"\t")[0]) == 64 else "sha1"
        options = ("--quiet", "--bare", "--template=", f"--object-format={format_}")
        self.ask("init", *options, str(self.folder), at=self.folder.parent)

    def _sweep(self) -> None:
        """A git that was killed leaves lock files, which would stop every later one. We are alone here."""
        for left in (*self.folder.glob("*.lock"), *self.folder.glob("refs/**/*.lock")):
            left.unlink(missing_ok=True)
        for left in self.folder.glob("objects/pack/tmp_*"):
            left.unlink(missing_ok=True)

    def kind(self, object_id: str | None) -> str:
        """ "commit", "tree", "blob", "tag", or "" for what is not here."""
        if object_id is None or not _FULL_ID.fullmatch(object_id):
            return ""
        try:
            printed = self.ask("cat-file", "--batch-check=%(objecttype)", stdin=object_id.encode())
        except git.GitCommandError as error:
            raise _CouldNotLook(f"git could not look a commit up: {self.why(error)}") from None
        kind = printed.decode().strip()
        return "" if kind.endswith("missing") else kind

    def refs_with(self, commit: str | None) -> tuple[str, ...]:
        """The allowed branches and tags that contain a commit, at most twenty; none for what is no commit."""
        if commit is None or not self.patterns or self.kind(commit) != "commit":
            return ()
        below = sorted({addresses.stem(pattern) for pattern in self.patterns})
        try:
            printed = self.ask("for-each-ref", "--format=%(refname)", f"--contains={commit}", "--", *below)
        except git.GitCommandError as error:
            raise _CouldNotLook(f"git could not list branches: {self.why(error)}") from None
        refs = printed.decode(errors="replace").splitlines()
        return tuple(ref for ref in refs if addresses.allowed(ref, self.patterns))[:_SHOWN_REFS]

    def keep(self, commit: str) -> None:
        """Pin it: it stays when the branch is forced elsewhere or deleted."""
        ref = f"refs/trackrecord/keep/{commit}"
        if not (self.folder / ref).exists():
            self.ask("update-ref", ref, commit)

    def scratch(self, folder: Path) -> _Mirror:
        """The same mirror with an index and a place for new objects of its own."""
        (folder / "objects").mkdir()
        places = {
            "GIT_INDEX_FILE": folder / "index",
            "GIT_OBJECT_DIRECTORY": folder / "objects",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": self.folder.resolve() / "objects",
        }
        return replace(self, extra={name: str(path.resolve()) for name, path in places.items()})

    def unbundle(self, bundle: Path) -> None:
        """Take the objects of a bundle in, not its refs: what only a bundle has is reachable from nowhere."""
        try:
            self.ask("bundle", "unbundle", str(bundle.resolve()))
        except git.GitCommandError as error:
            self._raise_if_killed(error)
            raise _Contradiction(f"the bundle cannot be read: {self.why(error)}") from None

    def write_tree(self, base: str, patch: bytes | None) -> str:
        """The tree that `base` and `patch` give."""
        try:
            self.ask("read-tree", base)
            if patch:
                self.ask("apply", "--cached", "--binary", "--whitespace=nowarn", "-", stdin=patch)
            return self.ask("write-tree").decode().strip()
        except git.GitCommandError as error:
            self._raise_if_killed(error)
            raise _Contradiction(f"the patch does not apply to {base[:12]}: {self.why(error)}") from None

    def new_links(self, base: str, tree: str) -> tuple[str, ...]:
        """Paths that are a symlink or a submodule in `tree` and were not the same in `base`."""
        printed = self.ask("diff-tree", "-r", "-z", "--no-renames", base, tree).split(b"\0")
        found = (path for state, path in zip(printed[::2], printed[1::2], strict=False) if state.split()[1] in _LINKS)
        return tuple(addresses.shown(path.decode(errors="replace")) for path in found)[:_SHOWN_PATHS]

    def files(self, tree: str) -> dict[bytes, str]:
        """Every file of a tree with its object id. Asked without naming a path to git: those are what users wrote."""
        listed = (entry.partition(b"\t") for entry in self.ask("ls-tree", "-r", "-z", tree).split(b"\0"))
        return {path: state.split()[2].decode() for state, _, path in listed if state.startswith(b"100")}

    def content_digest(self, blob: str) -> str | None:
        """SHA-256 of a file's content; None for one that is too large to be code."""
        size = int(self.ask("cat-file", "--batch-check=%(objectsize)", stdin=blob.encode()).strip() or b"0")
        if size > MOST_PATCH_BYTES:
            return None
        return hashlib.sha256(self.ask("cat-file", "blob", blob)).hexdigest()

    def ask(self, verb: str, *words: str, stdin: bytes = b"", at: Path | None = None) -> bytes:
        """Run one git command, in the mirror unless `at` says where. Raises git.GitCommandError.

        A command that takes too long is killed, and its children with it.
        """
        environment = (f"{name}={value}" for name, value in self._environment().items())
        place = () if at else (f"--git-dir={self.folder.resolve()}",)
        with tempfile.TemporaryFile() as source:
            source.write(stdin)
            source.seek(0)
            printed = git.Git(at or self.folder).execute(
                ["env", "-i", *environment, "git", *place, *_SETTINGS, verb, *words],
                istream=source,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=self.timeout_s,
            )
        assert isinstance(printed, bytes)
        return printed

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": self.protocols,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            **self.extra,
        }

    def _raise_if_killed(self, error: git.GitCommandError) -> None:
        if isinstance(error.status, int) and error.status < 0:
            raise _CouldNotLook(self.why(error)) from None

    def why(self, error: git.CommandError) -> str:
        """What git said, in a few words."""
        if isinstance(error.status, int) and error.status < 0:
            return f"it took longer than {self.timeout_s} seconds"
        # GitPython hands on what git printed as "\n  stderr: '…'".
        printed = str(error.stderr).strip().removeprefix("stderr:").strip().strip("'")
        return addresses.shown(printed, str(self.folder.resolve()), str(self.folder))


_SETTINGS = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "core.symlinks=false",
        "protocol.ext.allow=never",
        "transfer.fsckObjects=true",
        "fetch.recurseSubmodules=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "credential.helper=",
    )
    for word in ("-c", setting)
)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
