"""What a client remembers of the log, against the real server: it catches a registry whose past was changed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col

from registry.db import transaction
from registry.tables import Checkpoint, Leaf, LogHead, LogNode
from tests.api.scene import Scene, make_scene, report, run_id
from tests.flows.server import Server
from tests.log.test_log import rewrite
from trackrecord import folder, keyring, note, witness
from trackrecord.batches import Batches, encode
from trackrecord.client import Client
from trackrecord.config import Config
from trackrecord.errors import TrackrecordError
from trackrecord.upload import Uploader

ROOT = Path(__file__).parents[2]
SCRIPT = """
import trackrecord
with trackrecord.run("milestone-1", params={"lr": 0.1}) as run:
    run.log({"test/accuracy": 0.5})
"""


@dataclass
class Machine:
    """A client's machine: its home, and the registry that it speaks to."""

    scene: Scene
    url: str
    home: Path

    @property
    def client(self) -> Client:
        return Client(self.told)

    @property
    def told(self) -> Config:
        return Config(self.url, self.scene.token["runner"], self.home, "online", "the test")

    def look(self) -> witness.Looked:
        found = witness.look(self.home, self.client)
        assert found is not None
        return found

    @property
    def place(self) -> Path:
        [found] = (self.home / "checkpoints").iterdir()
        return found

    def kept(self) -> note.Signed:
        return note.read((self.place / "last.note").read_text())

    def happen(self, first: int, count: int = 1) -> None:
        for number in range(first, first + count):
            assert self.scene.send("PUT", f"/api/v1/runs/{run_id(number)}", report()).status_code == 201

    def program(self, *words: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("TRACKRECORD_")}
        env |= {"TRACKRECORD_URL": self.url, "TRACKRECORD_TOKEN": self.scene.token["runner"], "HOME": str(self.home)}
        env |= {"TRACKRECORD_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, *words], cwd=self.home, env=env, capture_output=True, text=True, timeout=60, check=False
        )


@pytest.fixture
def machine(sqlite_engine: sa.Engine, tmp_path: Path) -> Iterator[Machine]:
    scene = make_scene(sqlite_engine, tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    with Server(scene.app) as server:
        yield Machine(scene, server.url, home)


def forge(scene: Scene, number: int = 0) -> None:
    """Rewrite an entry and forget every checkpoint, as somebody would who wants the registry to sign it."""
    with transaction(scene.engine) as session:
        rewrite(session, number, '{"kind":"nothing"}')
        session.execute(sa.delete(Checkpoint))


def shorten(scene: Scene, size: int) -> None:
    with transaction(scene.engine) as session:
        session.execute(sa.delete(Checkpoint))
        session.execute(sa.delete(Leaf).where(col(Leaf.number) >= size))
        session.execute(sa.delete(LogNode).where((col(LogNode.number) + 1) * sa.func.pow(2, col(LogNode.level)) > size))
        session.execute(sa.update(LogHead).values(size=size))


def test_it_remembers_and_follows_the_log(machine: Machine) -> None:
    first = machine.look()
    assert (first.well, first.said.endswith("is kept in mind from now on; signed")) == (True, True), first.said
    size = machine.kept().size
    machine.happen(0, 3)
    second = machine.look()
    assert (second.well, f"has {size + 3} entries and continues what this machine saw" in second.said) == (True, True)
    assert machine.kept().size == size + 3
    assert machine.look().well
    assert sorted(each.name for each in machine.place.iterdir()) == ["last.note", "lock"]
    assert machine.place.stat().st_mode & 0o077 == 0


def test_a_rewritten_log_is_caught_and_both_notes_are_kept(machine: Machine) -> None:
    machine.look()
    seen = (machine.place / "last.note").read_text()
    forge(machine.scene)
    found = machine.look()
    assert not found.well
    assert "entries are others now" in found.said
    assert "somebody changed its past, or it was restored from an older backup" in found.said
    [evidence] = machine.place.glob("evidence-*")
    assert str(evidence) in found.said
    assert (evidence / "seen.note").read_text() == seen == (machine.place / "last.note").read_text()
    shown = note.read((evidence / "shown.note").read_text())
    assert (shown.size, shown.origin) == (note.read(seen).size, note.read(seen).origin)
    assert shown.root != note.read(seen).root
    machine.happen(7)
    again = machine.look()
    assert (again.well, list(machine.place.glob("evidence-*"))) == (False, [evidence])


def test_a_shortened_log_is_caught_also_when_it_has_grown_again(machine: Machine) -> None:
    machine.happen(0, 3)
    machine.look()
    size = machine.kept().size
    shorten(machine.scene, size - 2)
    assert f"it has {size - 2} entries now and had {size}" in machine.look().said
    machine.happen(10, 5)
    assert f"its first {size} entries are others now" in machine.look().said
    assert machine.kept().size == size


def test_another_log_at_the_same_address_is_caught(machine: Machine) -> None:
    machine.look()
    with transaction(machine.scene.engine) as session:
        session.execute(sa.delete(Checkpoint))
        session.execute(sa.update(LogHead).values(origin="trackrecord/0000000000000000"))
    found = machine.look()
    assert (found.well, "it is trackrecord/0000000000000000 now and was" in found.said) == (False, True)
    witness.forget(machine.home, machine.url)
    with pytest.raises(TrackrecordError, match="other keys"):
        keyring.keep(machine.home, machine.url, machine.client.text("/.well-known/trackrecord/keys.json").encode())
    keyring.keep(
        machine.home, machine.url, machine.client.text("/.well-known/trackrecord/keys.json").encode(), anew=True
    )
    assert machine.look().well


def test_a_log_is_known_again_at_another_address(machine: Machine) -> None:
    machine.happen(0)
    machine.look()
    forge(machine.scene)
    moved = Machine(machine.scene, machine.url.replace("127.0.0.1", "localhost"), machine.home)
    found = moved.look()
    assert (found.well, "entries are others now" in found.said) == (False, True)


def test_a_note_that_another_key_signed_is_caught(machine: Machine) -> None:
    machine.look()
    machine.happen(0)
    for file in (machine.scene.settings.data_dir / "keys").glob("checkpoint*"):
        file.unlink()
    with transaction(machine.scene.engine) as session:
        session.execute(sa.delete(Checkpoint))
        session.execute(sa.text("DELETE FROM signing_key WHERE use = 'checkpoint'"))
    found = machine.look()
    assert (found.well, "other keys than this machine knows" in found.said) == (False, True), found.said
    assert list(machine.place.glob("evidence-*/shown.note"))


def test_without_cryptography_it_compares_and_says_what_it_did_not(machine: Machine) -> None:
    code = """
import sys
sys.modules["cryptography"] = None
sys.modules["cryptography.exceptions"] = None
from pathlib import Path
from trackrecord import config, witness
from trackrecord.client import Client
told = config.load()
print(witness.look(told.home, Client(told)))
"""
    done = machine.program("-c", code)
    assert "well=True" in done.stdout, done.stderr
    assert "signature not checked: pip install 'trackrecord[verify]'" in done.stdout
    forge(machine.scene)
    assert "well=False" in machine.program("-c", code).stdout


def test_several_at_once_keep_one_whole_note(machine: Machine) -> None:
    trouble: list[object] = []

    def work(who: int) -> None:
        try:
            for turn in range(4):
                machine.happen(100 * who + turn)
                found = machine.look()
                if not found.well:
                    trouble.append(found)
        except BaseException as problem:  # noqa: BLE001 - shown by the test's own thread
            trouble.append(problem)

    workers = [threading.Thread(target=work, args=(who,)) for who in range(1, 5)]
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    assert not trouble, trouble
    size = machine.kept().size
    assert machine.look().well
    assert machine.kept().size == size, "the last one looked after everything had happened"
    assert sorted(each.name for each in machine.place.iterdir()) == ["last.note", "lock"]


def test_a_run_and_doctor_say_what_they_saw(machine: Machine) -> None:
    """The real programs: doctor remembers; a training script is delivered all the same, and warns in one line."""
    well = machine.program("-c", DOCTOR)
    assert "ok   the registry's log has" in well.stdout, well.stdout + well.stderr
    seen = machine.kept()
    forge(machine.scene)
    done = machine.program("-c", SCRIPT)
    assert done.returncode == 0
    warned = [line for line in done.stderr.splitlines() if "somebody changed its past" in line]
    assert len(warned) == 1, done.stderr
    assert not list((machine.home / "runs").iterdir()), "it was delivered"
    ill = machine.program("-c", DOCTOR)
    assert ill.returncode == 1
    assert "ill  the registry's log is not the one this machine saw on" in ill.stdout
    [evidence] = machine.place.glob("evidence-*")
    assert note.read((evidence / "seen.note").read_text()) == machine.kept() == seen
    synced = machine.program("-c", DOCTOR.replace("doctor", "sync"))
    assert (synced.returncode, "somebody changed its past" in synced.stderr) == (0, True), synced.stderr


def test_a_training_remembers_the_log_once_it_has_delivered(machine: Machine) -> None:
    """The background of a run, without its script."""
    place = folder.make(machine.home, run_id(5), encode(report()), folder.identity(os.getpid()))
    batches = Batches(place)
    uploader = Uploader(place, batches, machine.told, place.lock())
    uploader.start()
    Server.wait_until(lambda: (machine.home / "checkpoints").is_dir() and (machine.place / "last.note").is_file())
    batches.seal("finished", None, None)
    assert uploader.finish(20)
    assert machine.look().well


DOCTOR = "import sys; sys.argv = ['trackrecord', 'doctor']; from trackrecord.cli import main; main()"


def test_a_registry_that_is_down_or_without_a_log_breaks_nothing(machine: Machine, tmp_path: Path) -> None:
    away = Client(Config("http://127.0.0.1:9", machine.scene.token["runner"], tmp_path / "b", "online", "the test"))
    with pytest.raises(TrackrecordError) as said:
        witness.look(tmp_path / "b", away)
    assert said.value.passing
    witness.warn(tmp_path / "b", away)
    assert not (tmp_path / "b").exists()
