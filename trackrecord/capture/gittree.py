"""Write the working tree as a git tree into a temporary object folder, and rebuild one from a commit and a patch."""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path

from trackrecord.capture.gitprogram import Git, Trouble
from trackrecord.capture.later import Later

_EACH = 5_000_000  # bytes of an untracked file
_ALL = 50_000_000  # bytes of all untracked files
_TRACKED = 200_000_000  # bytes of changed tracked files: they are hashed and packed before training goes on
_BYTES = ("core.autocrlf=false",)  # the bytes that ran, not what this machine's settings make of them
# Files that nobody means to publish. Only untracked ones are left out: what is tracked is the repository's own affair.
_SECRET_FILES = (
    ".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "id_rsa", "id_dsa", "id_ecdsa",
    "id_ed25519", ".netrc", ".pypirc", ".pgpass", ".git-credentials", "*credentials*",
    "service-account*.json", "kaggle.json",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree's id; the environment in which git can read it; files that are not in it, "path (why)".

    `tracked` are the index's paths and `changed` those that differ from it, untracked ones that were taken included;
    `submodules` are the paths of commits.
    """

    tree: str
    env: dict[str, str] = field(repr=False)
    left_out: list[str]
    tracked: list[bytes]
    changed: list[bytes]
    submodules: list[str]


def write(git: Git, scratch: Path, own: Path | None) -> Tree:
    """Everything tracked as it is now, and untracked files up to the caps."""
    env = _place(git, scratch)
    index = Path(env["GIT_INDEX_FILE"])
    if git.index.is_file():
        # With its times: git trusts a file that is older than the index, so a younger copy would hide a late change.
        shutil.copy2(git.index, index)
    elif git.maybe("rev-parse", "-q", "--verify", "HEAD^{commit}"):
        git.run("read-tree", "HEAD", env=env)
    untracked = Later(lambda: _untracked(git, env, own))  # the index is changed meanwhile, its list of names is not
    listed = [line for line in git.run("ls-files", "-v", "-s", "-z", env=env).split(b"\0") if line]
    _unhide(git, env, listed)
    git.maybe("update-index", "-q", "--refresh", env=env)  # touched and unchanged is unchanged
    differ = ("diff-files", "--name-only", "--ignore-submodules=dirty", "-z")  # inside of submodules others look
    changed = [name for name in git.run(*differ, env=env).split(b"\0") if name]
    size = sum(_size(git.top, name) for name in changed)
    if size > _TRACKED:
        raise Trouble(
            f"tracked files with changes are {size >> 20} MB: commit them, or let .gitignore name what is no code"
        )
    taken, left_out = untracked.get()
    if changed or taken:
        update = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        git.run(*update, env=env, feed=b"\0".join([*changed, *taken]) + b"\0", config=_BYTES)
    tree = git.line("write-tree", env=env)
    submodules = [os.fsdecode(line.partition(b"\t")[2]) for line in listed if line[2:].startswith(b"160000 ")]
    tracked = [line.partition(b"\t")[2] for line in listed]
    return Tree(tree, env, left_out, tracked, changed + taken, list(dict.fromkeys(submodules)))


def based(git: Git, scratch: Path, base: str | None) -> dict[str, str]:
    """An index that holds a commit's tree (or nothing), made from the repository's own objects only."""
    env = _place(git, scratch)
    if base is not None:
        git.run("read-tree", base, env=env)
    return env


def patched(git: Git, env: dict[str, str], patch: bytes) -> str:
    """The id of the tree that a patch makes of such an index."""
    if patch:
        git.run("apply", "--cached", "--whitespace=nowarn", "--no-ignore-whitespace", "-", env=env, feed=patch)
    return git.line("write-tree", env=env)


def _place(git: Git, scratch: Path) -> dict[str, str]:
    """An index and an object folder of our own; the repository's objects can be read from there, not written."""
    info = scratch / "objects" / "info"
    info.mkdir(parents=True)
    told = git.environment.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")
    (info / "alternates").write_bytes(os.fsencode(git.objects.resolve()) + b"\n")
    env = {"GIT_INDEX_FILE": str(scratch / "index"), "GIT_OBJECT_DIRECTORY": str(scratch / "objects")}
    return env | ({"GIT_ALTERNATE_OBJECT_DIRECTORIES": told} if told else {})


def _unhide(git: Git, env: dict[str, str], listed: list[bytes]) -> None:
    """Files marked assume-unchanged or skip-worktree hide their changes: look at them, too, where they exist."""
    hidden: dict[str, list[bytes]] = {"--no-assume-unchanged": [], "--no-skip-worktree": []}
    for line in listed:
        tag = line[:1]
        if tag == b"S" or tag.islower():
            name = line.partition(b"\t")[2]
            if tag in b"Ss" and os.path.lexists(os.fsencode(git.top) + b"/" + name):
                hidden["--no-skip-worktree"].append(name)
            if tag.islower():
                hidden["--no-assume-unchanged"].append(name)
    for option, names in hidden.items():
        if names:
            git.run("update-index", option, "-z", "--stdin", env=env, feed=b"\0".join(names) + b"\0")


def _untracked(git: Git, env: dict[str, str], own: Path | None) -> tuple[list[bytes], list[str]]:
    """Untracked files that are taken, and those that are not with the reason."""
    taken: list[bytes] = []
    left_out: list[str] = []
    total = 0
    mine = None if own is None else os.fsencode(os.path.relpath(own, git.top)).rstrip(b"/") + b"/"
    for name in git.run("ls-files", "-o", "--exclude-standard", "-z", env=env).split(b"\0"):
        if not name or _is_bytecode(name) or (mine is not None and name.startswith(mine)):
            continue
        why = _refused(git.top, name, total)
        if why:
            left_out.append(f"{name.decode('utf-8', 'backslashreplace')} ({why})")
        else:
            total += _size(git.top, name)
            taken.append(name)
    return taken, left_out


def _is_bytecode(name: bytes) -> bool:
    """What Python writes beside the source on its own. It names times: in the tree, equal code would never be equal."""
    return b"__pycache__" in name.split(b"/")[:-1] and name.endswith(b".pyc")


def _refused(top: Path, name: bytes, total: int) -> str:
    """Why an untracked file is not taken; empty: it is."""
    if name.endswith(b"/"):
        return "a git repository of its own"
    last = os.fsdecode(name.rpartition(b"/")[2])
    example = last.lower().endswith((".example", ".sample", ".template"))
    if not example and not last.endswith(".py") and any(fnmatch.fnmatch(last.lower(), each) for each in _SECRET_FILES):
        return "named like a file of secrets"
    place = os.fsencode(top) + b"/" + name
    try:
        mode = os.lstat(place).st_mode
    except OSError:
        return "gone"
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        return "not a file"
    if stat.S_ISREG(mode) and not os.access(place, os.R_OK):
        return "not readable"
    size = _size(top, name)
    if size > _EACH:
        return f"untracked, {size} bytes, more than {_EACH}"
    return f"untracked, {size} bytes, more than {_ALL} in all" if total + size > _ALL else ""


def _size(top: Path, name: bytes) -> int:
    try:
        return os.lstat(os.fsencode(top) + b"/" + name).st_size
    except OSError:
        return 0
