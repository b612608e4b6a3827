"""The store: the digest decides, a name never becomes a path, what is cut short leaves nothing behind."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from registry.artifacts import Store
from trackrecord.errors import TrackrecordError

BYTES = b"weights" * 1000
DIGEST = hashlib.sha256(BYTES).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "artifacts")


def files(tmp_path: Path) -> list[Path]:
    return sorted(path for path in tmp_path.rglob("*") if path.is_file())


def pieces(content: bytes, size: int = 100) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def test_what_is_put_is_there(store: Store, tmp_path: Path) -> None:
    assert store.put(pieces(BYTES), DIGEST, 10**6) == len(BYTES)
    assert store.size(DIGEST) == len(BYTES)
    assert store.intact(DIGEST)
    assert store.read(DIGEST, 10**6) == BYTES
    path = store.path(DIGEST)
    assert path is not None
    assert path.name == DIGEST
    assert path.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == [path]
    assert store.put(pieces(BYTES), DIGEST, 10**6) == len(BYTES)  # again is fine
    assert files(tmp_path) == [path]


def test_an_empty_file_is_a_file(store: Store) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert store.put(iter(()), empty, 10) == 0
    assert (store.size(empty), store.intact(empty), store.read(empty, 10)) == (0, True, b"")


def test_other_bytes_are_refused_and_nothing_stays(store: Store, tmp_path: Path) -> None:
    with pytest.raises(TrackrecordError, match="nothing was kept") as caught:
        store.put(pieces(BYTES[:-1]), DIGEST, 10**6)
    assert caught.value.status == 422
    assert files(tmp_path) == []
    assert store.path(DIGEST) is None


def test_too_many_bytes_are_refused_while_they_come(store: Store, tmp_path: Path) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1000
            yield bytes(1000)

    with pytest.raises(TrackrecordError) as caught:
        store.put(endless(), DIGEST, 5_500)
    assert caught.value.status == 413
    assert taken == 6_000
    assert files(tmp_path) == []


def test_a_sender_that_breaks_off_leaves_nothing(store: Store, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield BYTES[:100]
        raise ConnectionResetError(104, "gone")

    with pytest.raises(ConnectionResetError):
        store.put(broken(), DIGEST, 10**6)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../../etc/passwd",
        "/etc/passwd",
        "//proc/self/root/etc/passwd",
        "..%2f..%2fetc",
        "*",
        DIGEST.upper(),
        DIGEST[:-1],
        DIGEST + "\n",
        "\0" * 64,
        "a/../" + DIGEST[:59],
        "é" * 64,
    ],
)
def test_what_is_no_digest_is_nothing(store: Store, tmp_path: Path, name: str) -> None:
    with pytest.raises(TrackrecordError) as caught:
        store.put(iter([b"x"]), name, 10)
    assert caught.value.status == 422
    assert (store.path(name), store.size(name), store.intact(name), store.read(name, 10)) == (None, None, False, None)
    assert files(tmp_path) == []


def test_a_file_that_was_changed_is_not_intact_and_is_not_handed_out(store: Store) -> None:
    store.put(pieces(BYTES), DIGEST, 10**6)
    path = store.path(DIGEST)
    assert path is not None
    path.write_bytes(b"other" + BYTES[5:])  # the same size
    assert store.size(DIGEST) == len(BYTES)
    assert not store.intact(DIGEST)
    assert store.read(DIGEST, 10**6) is None
    store.put(pieces(BYTES), DIGEST, 10**6)  # sending it again mends it
    assert store.intact(DIGEST)


def test_a_file_that_is_too_large_to_read_is_not_read(store: Store) -> None:
    store.put(pieces(BYTES), DIGEST, 10**6)
    assert store.read(DIGEST, len(BYTES) - 1) is None


def test_many_may_put_the_same_file_at_once(store: Store, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: store.put(pieces(BYTES), DIGEST, 10**6), range(32))) == {len(BYTES)}
    assert len(files(tmp_path)) == 1
    assert store.intact(DIGEST)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda _to, data: real_write(full, data))
    with pytest.raises(TrackrecordError, match="No space left") as caught:
        store.put(pieces(BYTES), DIGEST, 10**6)
    monkeypatch.undo()
    os.close(full)
    assert (caught.value.status, caught.value.passing) == (507, True)
    assert files(tmp_path) == []
