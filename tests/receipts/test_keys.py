"""The signing keys: made once by many, rotated, withdrawn, lost; nothing that was signed before is lost with them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlmodel import Session, select

from registry import keys, log, receipts
from registry.__main__ import main
from registry.db import transaction
from registry.tables import Leaf, Run, SigningKey
from tests.receipts.judges import Case, ours
from tests.receipts.making import NOW, Made, Maker, run_id
from trackrecord import keyring, receipt
from trackrecord.errors import TrackrecordError

ROOT = Path(__file__).resolve().parents[2]
LATER = NOW + timedelta(days=30)
RACE = """
import os, sys
from pathlib import Path
from registry import keys
go, say = os.pipe(), os.pipe()
children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        os.close(go[1])
        os.read(go[0], 1)  # until all are there
        found = keys.load(Path(sys.argv[1]))
        os.write(say[1], f"{found.receipt.id} {found.checkpoint.id}\\n".encode())
        os._exit(0)
    children.append(child)
os.close(go[1])
print([os.waitpid(child, 0)[1] for child in children])
os.close(say[1])
print(os.read(say[0], 8_000).decode())
"""


def holds(made: Made, trusted: Made | None = None) -> str:
    """By the keys that are shown with it (or with another): empty, or why not."""
    keyset = keyring.read((trusted or made).keys.encode(), "the registry's")
    try:
        receipt.verify(made.bundle.encode(), [keyset], record=made.record, proof=made.proof.encode())
    except TrackrecordError as problem:
        return problem.message
    return ""


def rotate(maker: Maker, use: keys.Use = "receipt", **more: bool) -> keys.Keys:
    with transaction(maker.engine) as session:
        return keys.rotate(session, maker.folder, use, LATER, **more)


def kinds(maker: Maker) -> list[str]:
    with transaction(maker.engine) as session:
        return [leaf for leaf in session.exec(select(Leaf.kind).order_by(Leaf.number)) if leaf.startswith("key")]  # type: ignore[arg-type]


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RACE, str(tmp_path / "keys")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    ended, *said = done.stdout.split("\n")
    assert ended == str([0] * 8), done.stderr
    assert len([line for line in said if line]) == 8
    assert len({line for line in said if line}) == 1, said
    found = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert len(found) == 4, found  # two keys, two pointers: what the losers made is gone


def test_private_keys_are_for_this_user_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = keys.load(tmp_path / "keys")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert (tmp_path / "keys" / f"receipt-{made.receipt.id[:16]}.pem").is_file()
    assert "PRIVATE" not in repr(made)
    assert keys.load(tmp_path / "keys").receipt.id == made.receipt.id


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_broken_key_file_is_said_in_words(tmp_path: Path, content: bytes) -> None:
    made = keys.load(tmp_path / "keys")
    (tmp_path / "keys" / f"receipt-{made.receipt.id[:16]}.pem").write_bytes(content)
    with pytest.raises(TrackrecordError, match="cannot be used"):
        keys.load(tmp_path / "keys")
    (tmp_path / "keys" / "receipt.current").write_bytes(content or b"../../etc/passwd")
    with pytest.raises(TrackrecordError, match="cannot be used"):
        keys.load(tmp_path / "keys")


def test_both_are_published_once(maker: Maker) -> None:
    own = keys.load(maker.folder)
    for _ in range(3):
        with transaction(maker.engine) as session:
            assert keys.publish(session, own, NOW) == own
    with transaction(maker.engine) as session:
        rows = keys.published(session)
    assert {(row.id, row.use) for row in rows} == {(own.receipt.id, "receipt"), (own.checkpoint.id, "checkpoint")}
    assert kinds(maker) == ["key", "key"]


@pytest.mark.parametrize("use", keys.USES)
def test_after_a_rotation_old_and_new_receipts_hold(maker: Maker, use: keys.Use) -> None:
    old = maker.make(0)
    before = keys.load(maker.folder).id_of(use)
    after = rotate(maker, use).id_of(use)
    assert after != before
    new = maker.make(1, now=LATER + timedelta(hours=1))
    assert (holds(old, trusted=new), holds(new)) == ("", "")
    assert (after in new.bundle) is (use == "receipt")
    with transaction(maker.engine) as session:
        rows = {row.id: row for row in keys.published(session)}
    assert (rows[before].valid_until, rows[after].valid_from, rows[after].signed_by) == (LATER, LATER, before)
    keyring.continues(keyring.read(old.keys.encode(), ""), keyring.read(new.keys.encode(), ""))
    assert kinds(maker) == ["key", "key", "key"]
    assert maker.issue(0, LATER + timedelta(days=1)) is None  # what the old key said still stands


def test_a_process_that_has_not_heard_of_a_rotation_signs_with_the_new_key(small: Maker) -> None:
    asleep = keys.load(small.folder)
    small.make(0)
    awake = rotate(small)
    with transaction(small.engine) as session:
        assert keys.publish(session, asleep, NOW).receipt.id == awake.receipt.id


def test_an_issuer_whose_clock_is_behind_signs_within_the_keys_time(small: Maker) -> None:
    small.make(0)
    rotate(small)
    made = small.make(1, now=LATER - timedelta(seconds=5))
    assert holds(made) == ""


def test_what_was_signed_by_a_clock_ahead_still_holds_after_a_rotation(small: Maker) -> None:
    made = small.make(0, now=LATER + timedelta(seconds=5))
    rotate(small)
    assert holds(made, trusted=small.make(1, now=LATER + timedelta(days=1))) == ""


def test_a_rotation_that_was_not_kept_is_made_up_for(maker: Maker) -> None:
    """The process dies after the file has changed and before the rows are kept."""
    first = maker.make(0)
    with Session(maker.engine) as session:
        keys.rotate(session, maker.folder, "receipt", LATER)
        session.rollback()
    second = maker.make(1, now=LATER)
    assert holds(first, trusted=second) == holds(second) == ""
    keyring.continues(keyring.read(first.keys.encode(), ""), keyring.read(second.keys.encode(), ""))


def test_withdrawing_the_key_that_signs_rotates_first_and_has_its_runs_looked_at(maker: Maker) -> None:
    old = maker.make(0)
    maker.make(1)
    gone = keys.load(maker.folder).receipt.id
    with transaction(maker.engine) as session:
        keys.withdraw(session, gone[:16], LATER, maker.folder)
    with transaction(maker.engine) as session:
        assert {run.check_at for run in session.exec(select(Run))} == {LATER}
        row = session.get_one(SigningKey, gone)
        assert (row.valid_until, row.withdrawn_at) == (LATER, LATER)
    anew = maker.make(0, now=LATER)  # the same is said again, with a key that counts
    assert holds(anew) == ""
    assert "withdrawn" in holds(old, trusted=anew)
    assert kinds(maker) == ["key", "key", "key", "key_withdrawn"]
    with transaction(maker.engine) as session, pytest.raises(TrackrecordError, match="already"):
        keys.withdraw(session, gone, LATER, maker.folder)


def test_only_runs_whose_newest_receipt_it_signed_are_looked_at(small: Maker) -> None:
    small.make(0)
    small.make(1)
    old = keys.load(small.folder).receipt.id
    rotate(small)
    small.make(1, now=LATER, verdict="refuted")
    with transaction(small.engine) as session:
        keys.withdraw(session, old, LATER)
        assert session.get_one(Run, run_id(0)).check_at == LATER
        assert session.get_one(Run, run_id(1)).check_at is None


def test_a_withdrawn_checkpoint_key_signs_no_proof_that_holds(small: Maker) -> None:
    old = small.make(0)
    with transaction(small.engine) as session:
        keys.withdraw(session, keys.load(small.folder).checkpoint.id, LATER, small.folder)
    anew = small.read(0, LATER)
    assert holds(anew) == ""
    assert "not signed with a key that is trusted" in holds(old, trusted=anew)


@pytest.mark.parametrize("word", ["", "abc", "0" * 64, "not-a-key"])
def test_what_is_no_key_is_not_withdrawn(small: Maker, word: str) -> None:
    small.make(0)
    with transaction(small.engine) as session, pytest.raises(TrackrecordError, match="keys start with that"):
        keys.withdraw(session, word, LATER, small.folder)


@pytest.fixture
def emptied(small: Maker) -> Maker:
    """A registry whose key folder is gone."""
    small.make(0)
    small.folder.rename(small.folder.with_name("taken away"))
    return small


def test_without_its_keys_a_registry_signs_nothing(emptied: Maker) -> None:
    with pytest.raises(TrackrecordError, match="is not there") as refused:
        emptied.issue(1)
    assert "--lost" in refused.value.hint


def test_an_older_backup_of_the_keys_is_noticed(small: Maker) -> None:
    small.make(0)
    pointer = (small.folder / "receipt.current").read_text()
    rotate(small)
    (small.folder / "receipt.current").write_text(pointer)
    with pytest.raises(TrackrecordError, match="retired"):
        small.issue(1)


def test_lost_keys_are_replaced_on_request_and_nobody_takes_the_new_ones_for_the_old(emptied: Maker) -> None:
    old_keys = emptied.folder.with_name("taken away")
    with transaction(emptied.engine) as session:
        old = keys.published(session)
    rotate(emptied, lost=True)
    new = emptied.make(1, now=LATER)
    assert holds(new) == ""
    assert old_keys.is_dir()
    shown = keyring.read(new.keys.encode(), "")
    known = keyring.KeySet(shown.origin, tuple(key for key in shown.keys if key.id in {row.id for row in old}), "")
    with pytest.raises(TrackrecordError, match="no key that was known signed"):
        keyring.continues(known, shown)


def test_the_newest_is_the_one_with_the_highest_number(small: Maker) -> None:
    small.make(0)
    last = small.make(0, verdict="refuted")
    with transaction(small.engine) as session:
        found = receipts.newest(session, run_id(0))
        assert found is not None
        assert (found.id, found.number, log.size(session) > found.leaf) == (last.id, 2, True)
    assert ours(Case.of(last)) == ""


def test_the_operators_commands(small: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    old = small.make(0)
    monkeypatch.setenv("TRACKRECORD_DATA_DIR", str(small.folder.parent))
    monkeypatch.setenv("TRACKRECORD_DATABASE_URL", small.engine.url.render_as_string(hide_password=False))

    def say(*words: str) -> str:
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    before = keys.load(small.folder).receipt.id
    assert say("keys").count("signs now") == 2
    after = say("rotate-key", "receipt").split()[4]
    assert after == keys.load(small.folder).receipt.id != before
    assert say("keys").count("signs now") == 2
    assert before in say("withdraw-key", before[:12])
    assert "withdrawn 20" in say("keys")
    assert "withdrawn" in holds(old, trusted=small.make(1))
    assert isinstance(CliRunner().invoke(main, ["withdraw-key", "nothing"]).exception, TrackrecordError)
