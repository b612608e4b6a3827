"""Real repositories for the tests: a bare origin, a developer's clone, and what a client would report of it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from registry import git
from registry.facts import CodeFacts
from trackrecord.report import CodeReport

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


def run_git(folder: Path, *words: str, stdin: bytes = b"", **variables: str) -> bytes:
    """A git command in `folder`, with a clean configuration."""
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=_ENVIRONMENT | variables,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass
class Clone:
    """A developer's clone of a bare origin, and the registry's mirror of that origin."""

    folder: Path
    origin: Path
    mirror: Path
    files: dict[str, bytes] = field(default_factory=dict)  # artifacts that the client would have sent, by digest

    @classmethod
    def at(cls, folder: Path) -> Clone:
        """The one that was made in `folder`."""
        return cls(folder / "clone", folder / "origin.git", folder / "mirrors" / "mirror.git")

    @classmethod
    def make(cls, folder: Path, ids: str = "sha1") -> Clone:
        """A new origin and a clone of it with one commit, pushed."""
        clone = cls.at(folder)
        run_git(folder, "init", "-q", "--bare", f"--object-format={ids}", "-b", "main", str(clone.origin))
        run_git(folder, "init", "-q", f"--object-format={ids}", "-b", "main", str(clone.folder))
        clone.git("remote", "add", "origin", "../origin.git")
        clone.write("train.py", "print('training')\n")
        clone.write("data/weights.bin", bytes(range(256)) * 20)
        clone.commit("first")
        clone.push()
        return clone

    def git(self, *words: str, stdin: bytes = b"", **variables: str) -> str:
        return run_git(self.folder, *words, stdin=stdin, **variables).decode().strip()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *what: str) -> None:
        self.git("push", "-q", "origin", *(what or ("HEAD",)))

    def tree(self) -> str:
        """The tree of the files as they are now, untracked ones included."""
        index = str(self.folder / ".git" / "scratch-index")
        self.git("read-tree", "HEAD", GIT_INDEX_FILE=index)
        self.git("add", "-A", GIT_INDEX_FILE=index)
        return self.git("write-tree", GIT_INDEX_FILE=index)

    def patch(self, base: str, tree: str) -> bytes:
        return run_git(self.folder, "diff", "--binary", "--full-index", "--no-renames", base, tree)

    def report(self, base: str | None = "HEAD") -> CodeReport:
        """What the client would report of the clone as it is; `base` is a revision, None: a bundle instead."""
        commit, tree = self.git("rev-parse", "HEAD"), self.tree()
        start = self.git("rev-parse", base) if base else None
        patch = self.patch(start or commit, tree)
        return CodeReport(
            commit=commit,
            branch="main",
            tree=tree,
            base=start,
            patch=self.keep(patch) if patch else None,
            bundle=None if base else self.keep(run_git(self.folder, "bundle", "create", "-q", "-", "HEAD")),
            dirty=bool(patch),
            proved=True,
        )

    def keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.files[digest] = content
        return digest

    def look(self, code: CodeReport, **changed: object) -> CodeFacts:
        """Ask the registry; the keywords are `registry.git.look`'s."""
        bundle = None
        if code.bundle in self.files:
            bundle = self.folder.parent / "run.bundle"
            bundle.write_bytes(self.files[code.bundle])
        asked: dict[str, object] = {
            "repository": str(self.origin),
            "mirror": self.mirror,
            "allowed_refs": ["refs/heads/*", "refs/tags/*"],
            "patch": self.files.get(code.patch or ""),
            "bundle": bundle,
            "entry": "train.py",
            "protocols": "file",
            "timeout_s": 20,
        }
        return git.look(code, **(asked | changed))  # type: ignore[arg-type]
