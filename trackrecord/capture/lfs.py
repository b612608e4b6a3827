"""Look for files that Git LFS keeps elsewhere: a tree has only pointers to them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from trackrecord.capture.gitprogram import Git
from trackrecord.capture.gittree import Tree

_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER = 1024
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Notes:
    """What to say about the run, and changed files of which the tree has a pointer only, "path (why)"."""

    said: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def notes(git: Git, made: Tree) -> Notes:
    """Files that are pointers where their content should be, and changed ones that only a pointer stands for."""
    if not _used(git, made.tracked):
        return Notes()
    feed = b"\0".join({*made.tracked, *made.changed}) + b"\0"
    told = git.run("check-attr", "-z", "--stdin", "filter", env=made.env, feed=feed).split(b"\0")
    ours = [name for name, value in zip(told[::3], told[2::3], strict=False) if value == b"lfs"]
    bare = [name for name in sorted(ours) if _is_pointer(git, name)]
    shown = ", ".join(_shown(name) for name in bare[:_SHOWN]) + (", …" if len(bare) > _SHOWN else "")
    count = "1 file is a Git LFS pointer" if len(bare) == 1 else f"{len(bare)} files are Git LFS pointers"
    said = [f"{count}, not the content ({shown}): `git lfs pull` fetches it"] if bare else []
    changed = set(made.changed).intersection(ours).difference(bare)
    if changed and git.maybe("config", "--get-regexp", r"^filter\.lfs\.(clean|process)$"):
        why = "changed; Git LFS keeps its content, the tree has a pointer"
        return Notes(said, [f"{_shown(name)} ({why})" for name in sorted(changed) if _exists(git, name)])
    return Notes(said)


def _used(git: Git, tracked: list[bytes]) -> bool:
    """Whether any attributes here speak of LFS: asking git about every file costs more."""
    top = os.fsencode(git.top) + b"/"
    places = [top + name for name in tracked if name == b".gitattributes" or name.endswith(b"/.gitattributes")]
    return any(b"filter=lfs" in _read(place) for place in [*places, os.fsencode(git.folder) + b"/info/attributes"])


def _is_pointer(git: Git, name: bytes) -> bool:
    place = os.fsencode(git.top) + b"/" + name
    try:
        return os.lstat(place).st_size <= _LARGEST_POINTER and _read(place).startswith(_POINTER)
    except OSError:
        return False


def _exists(git: Git, name: bytes) -> bool:
    return os.path.lexists(os.fsencode(git.top) + b"/" + name)


def _read(place: bytes) -> bytes:
    try:
        with open(place, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
