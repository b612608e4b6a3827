"""Run the git program: fixed verbs, time limits, and an environment in which a user's settings bend nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SECONDS = 120
# What would change output. The user's GIT_DIR, GIT_WORK_TREE, GIT_INDEX_FILE and configuration stand.
_DROPPED = (
    "GIT_DIFF_OPTS", "GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_ATTR_SOURCE", "GIT_TRACE", "GIT_DEFAULT_HASH",
)  # fmt: skip
_OUTER = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)  # fmt: skip
_SET = {
    "LC_ALL": "C",
    "LANGUAGE": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
}
_CONFIG = (
    "core.hooksPath=/dev/null",  # an index that is written runs a hook
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "core.safecrlf=false",
    "gc.auto=0",
    "log.showSignature=false",
)


class Trouble(Exception):
    """Why there is no code, as a sentence for the report."""


@dataclass(frozen=True, slots=True)
class Git:
    """git in one repository. `folder` is its .git, `objects` where its objects are, `index` its index file.

    `settings` go with every command.
    """

    program: str
    top: Path
    folder: Path
    objects: Path
    index: Path
    environment: Mapping[str, str]
    settings: tuple[str, ...] = ()

    @classmethod
    def at(cls, program: str, directory: Path, *, inner: bool = False) -> Git:
        """Find the repository that holds `directory`; Trouble says why there is none.

        `inner`: a submodule, of which variables that name the outer repository say nothing.
        """
        dropped = _DROPPED + (_OUTER if inner else ())
        environment = {name: value for name, value in os.environ.items() if name not in dropped} | _SET
        start = cls(program, directory, directory, directory, directory, environment)
        found = start.run(
            "rev-parse", "--show-toplevel", "--absolute-git-dir",
            "--git-path", "objects", "--git-path", "index",
        )  # fmt: skip
        lines = [os.fsdecode(line) for line in found.rstrip(b"\n").split(b"\n")]
        if len(lines) != 4:
            raise Trouble("the repository's path has a line end in it")
        top, folder, objects, index = lines
        if "GIT_DIR" in environment:  # it may be relative to where the script was started
            environment |= {"GIT_DIR": folder, "GIT_WORK_TREE": top}
        return cls(program, Path(top), Path(folder), directory / objects, directory / index, environment)

    def run(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        feed: bytes = b"",
        into: Path | None = None,
        config: tuple[str, ...] = (),
    ) -> bytes:
        """Run a command at the top and return its stdout (written to the file `into` instead, where given)."""
        options = [part for setting in (*_CONFIG, *self.settings, *config) for part in ("-c", setting)]
        try:
            if into is None:
                done = self._start([self.program, *options, *words], env, feed, subprocess.PIPE)
            else:
                with into.open("wb") as file:
                    done = self._start([self.program, *options, *words], env, feed, file)
        except subprocess.TimeoutExpired:
            raise Trouble(f"git {words[0]} took longer than {_SECONDS} seconds") from None
        except OSError as problem:
            raise Trouble(f"git could not be started ({problem.strerror})") from None
        if done.returncode != 0:
            raise Trouble(_sentence(words[0], done.stderr.decode("utf-8", "replace")))
        return done.stdout or b""

    def _start(
        self, words: list[str], env: Mapping[str, str] | None, feed: bytes, out: object
    ) -> subprocess.CompletedProcess[bytes]:
        fed: dict[str, Any] = {"input": feed} if feed else {"stdin": subprocess.DEVNULL}
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            words,
            cwd=self.top,
            env={**self.environment, **(env or {})},
            **fed,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )

    def line(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """The one line that a command prints."""
        return self.run(*words, env=env).decode("utf-8", "backslashreplace").rstrip("\n")

    def maybe(self, *words: str, env: Mapping[str, str] | None = None) -> str:
        """What a command prints; empty where it fails, because it was a question that may have no answer."""
        try:
            return self.line(*words, env=env)
        except Trouble:
            return ""


def paths(listed: bytes) -> list[str]:
    """Names that git printed with -z. Bytes that are no UTF-8 become escapes: they are for reading."""
    return [name.decode("utf-8", "backslashreplace") for name in listed.split(b"\0") if name]


def _sentence(verb: str, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any("not a git repository" in line for line in lines):
        return "the script is not in a git repository"
    if any("dubious ownership" in line for line in lines):
        return "the repository belongs to another user: `git config --global --add safe.directory` its folder"
    if any("must be run in a work tree" in line for line in lines):
        return "the repository has no working tree"
    wrong = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines or ["no reason given"]
    return f"git {verb} failed: {wrong[0][:300]}"
