"""A digest of files covers all of their data, and nothing but the data."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from trackrecord.capture import data
from trackrecord.capture.content import Content
from trackrecord.capture.data import Digests, of_path
from trackrecord.capture.values import of_value


def _digests(tmp_path: Path) -> Digests:
    return Digests(tmp_path / "digests.json")


def _folder(top: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    return top


def test_a_file_has_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc" * 1000)
    found = of_path(tmp_path / "x", _digests(tmp_path))
    assert found == Content(hashlib.sha256(b"abc" * 1000).hexdigest(), 3000, 1)
    assert of_value(b"abc" * 1000).digest == found.digest
    assert of_value("abc" * 1000).digest == found.digest


def test_a_folder_is_the_format_that_is_written_down(tmp_path: Path) -> None:
    top = _folder(tmp_path / "d", {"b/two.txt": b"22", "a.txt": b"1", "übung.txt": b""})
    lines = sorted(
        f"{len(content)} {hashlib.sha256(content).hexdigest()} {name}\n".encode()
        for name, content in (("b/two.txt", b"22"), ("a.txt", b"1"), ("übung.txt", b""))
    )
    found = of_path(top, _digests(tmp_path))
    assert found.digest == hashlib.sha256(b"trackrecord-folder-1\n" + b"".join(lines)).hexdigest()
    assert (found.size, found.count, found.partial) == (3, 3, None)


FOLDER = {"a.bin": b"1" * 50, "b/c.bin": b"2" * 50, "b/d.bin": b"3" * 50}


@pytest.mark.parametrize(
    "changed",
    [
        {**FOLDER, "b/d.bin": b"3" * 49 + b"4"},
        {**FOLDER, "b/e.bin": b""},
        {name: content for name, content in FOLDER.items() if name != "a.bin"},
        {**{name: content for name, content in FOLDER.items() if name != "a.bin"}, "A.bin": b"1" * 50},
        {"a.bin": b"2" * 50, "b/c.bin": b"1" * 50, "b/d.bin": b"3" * 50},
    ],
)
def test_any_change_of_a_folder_is_seen(tmp_path: Path, changed: dict[str, bytes]) -> None:
    one = of_path(_folder(tmp_path / "one", FOLDER), _digests(tmp_path)).digest
    same = of_path(_folder(tmp_path / "same", FOLDER), _digests(tmp_path)).digest
    other = of_path(_folder(tmp_path / "other", changed), _digests(tmp_path)).digest
    assert one == same != other


def test_links_loops_and_what_cannot_be_read(tmp_path: Path) -> None:
    top = _folder(tmp_path / "d", FOLDER)
    plain = of_path(top, _digests(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.bin").write_bytes(b"x")
    (top / "linked").symlink_to(tmp_path / "elsewhere")
    (top / "b/loop").symlink_to(top)
    linked = of_path(top, _digests(tmp_path))
    assert (linked.count, linked.partial) == (4, None)
    assert linked.digest != plain.digest
    (top / "broken").symlink_to("nowhere")
    os.mkfifo(top / "pipe")
    assert of_path(top, _digests(tmp_path)).partial == "1 files could not be read"
    with pytest.raises(OSError, match="nowhere"):
        of_path(tmp_path / "nowhere", _digests(tmp_path))


def test_large_files_are_remembered_until_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "_WORTH_KEEPING", 10)
    path = tmp_path / "large"
    path.write_bytes(b"x" * 1000)
    old = time.time() - 3600
    os.utime(path, (old, old))
    first = of_path(path, _digests(tmp_path))
    assert (tmp_path / "digests.json").stat().st_mode & 0o777 == 0o600
    opened: list[object] = []
    whole_open = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *rest, **more: opened.append(self) or whole_open(self, *rest, **more)
    )
    assert of_path(path, _digests(tmp_path)) == first
    assert path not in opened
    path.write_bytes(b"y" * 1000)
    os.utime(path, (old, old))  # the time is set back: the change of the inode gives it away
    assert of_path(path, _digests(tmp_path)).digest == hashlib.sha256(b"y" * 1000).hexdigest()


def test_a_damaged_memory_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "digests.json").write_bytes(b"{torn")
    (tmp_path / "x").write_bytes(b"abc")
    assert of_path(tmp_path / "x", _digests(tmp_path)).size == 3
