"""A real git repository with a bare origin, and reports of what is in it, the way a client makes them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from trackrecord.report import CodeReport

_ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=_ENV, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Repository:
    """A clone with one commit that is pushed; `address` is what the project names."""

    def __init__(self, folder: Path) -> None:
        self.origin, self.clone = folder / "origin.git", folder / "clone"
        self.clone.mkdir(parents=True)
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.origin))
        git(self.clone, "init", "-q", "-b", "main")
        git(self.clone, "remote", "add", "origin", str(self.origin))
        self.commit("train.py", "print('training')\n")
        self.push()

    @property
    def address(self) -> str:
        return f"file://{self.origin}"

    def commit(self, name: str, text: str) -> None:
        (self.clone / name).write_text(text)
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "-m", f"change {name}")

    def push(self) -> None:
        git(self.clone, "push", "-q", "origin", "HEAD:main")

    def report(self) -> CodeReport:
        """The code as it is committed."""
        head = git(self.clone, "rev-parse", "HEAD")
        tree = git(self.clone, "rev-parse", "HEAD^{tree}")
        return CodeReport(
            commit=head, branch="main", remote=self.address, tree=tree, base=head, dirty=False, proved=True
        )
