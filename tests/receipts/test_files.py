"""`trackrecord receipt`, `trackrecord verify` and the question `receipt`, against the real server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from registry import keys, receipts, seal
from registry.ask import ask
from registry.asker import Asker
from registry.db import reading, transaction
from registry.kept import report_of
from registry.tables import MetricDefinition, Run
from tests.api.scene import PROJECT, RUN, Scene, batch, body, ended, head_of, make_scene, report
from tests.flows.server import Server
from tests.receipts.making import of_any_kind
from trackrecord import keyring
from trackrecord.answer import Answer, Code, Facts, Note, Table
from trackrecord.cli import commands
from trackrecord.report import WriterEnd

NAME = "brave-otter-42"
FILES = [f"{NAME}.{end}" for end in ("keys.json", "receipt.sigstore.json", "run.json", "tlog-proof")]


@dataclass(frozen=True)
class Office:
    """A registry in which a run has ended, and a machine that is told its address."""

    scene: Scene
    server: Server
    folder: Path

    def issue(self, verdict: str = "verified") -> None:
        with transaction(self.scene.engine) as session:
            run = session.get_one(Run, RUN)
            record = seal.record_of(session, run)
            run.verdict = verdict
            what = {**of_any_kind(0), "report": report_of(run), "verdict": verdict}
            metric = session.execute(
                sa.select(MetricDefinition).where(MetricDefinition.project_id == PROJECT)
            ).scalar_one()
            made = receipts.issue(
                session,
                keys.load(self.keys),
                run,
                record=record,
                metric=metric,
                base_url=self.scene.settings.base_url,
                now=datetime.now(UTC),
                **what,
            )
            assert made is not None

    @property
    def keys(self) -> Path:
        return self.scene.settings.data_dir / "keys"

    def login(self, *words: str) -> Result:
        return self.say("login", self.server.url, "--token-stdin", *words, feed=self.scene.token["runner"])

    def say(self, *words: str, feed: str = "") -> Result:
        done = CliRunner().invoke(commands, words, input=feed)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def verify(self, *words: str) -> Result:
        return self.say("verify", str(self.folder / f"{NAME}.receipt.sigstore.json"), *words)


@pytest.fixture
def office(sqlite_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    home = tmp_path / "home"
    for name in ("TRACKRECORD_URL", "TRACKRECORD_TOKEN", "TRACKRECORD_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    scene = make_scene(sqlite_engine, tmp_path)
    opening, sent = body(report()), body(batch())
    assert scene.send("PUT", f"/api/v1/runs/{RUN}", opening).status_code == 201
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/batches/main/0", sent).status_code == 200
    end = ended({"main": WriterEnd(batches=1, head=head_of(opening, sent))})
    assert scene.send("PUT", f"/api/v1/runs/{RUN}/finish", end).status_code == 200
    with Server(scene.app) as server:
        yield Office(scene, server, tmp_path / "saved")


def save(office: Office) -> None:
    office.issue()
    assert office.login().exit_code == 0
    done = office.say("receipt", NAME, "-o", str(office.folder))
    assert done.exit_code == 0, done.output
    assert sorted(each.name for each in office.folder.iterdir()) == FILES


def test_saved_and_verified_without_the_registry(office: Office) -> None:
    save(office)
    office.server.__exit__(None, None, None)
    try:
        done = office.verify()
    finally:
        office.server.__init__(office.scene.app)  # type: ignore[misc]
        office.server.__enter__()
    assert done.exit_code == 0, done.output
    lines = done.output.split("\n")
    assert lines[0] == f"{NAME} of {PROJECT}: verified"
    assert any(line.startswith("value") and "test/accuracy = " in line for line in lines)
    assert any(line.startswith("commit") and "a" * 40 in line for line in lines)
    for row in ("signature     ok", "run record    ok", "log entry     ok", "checkpoint    ok", "inclusion     ok"):
        assert any(line.startswith(row) for line in lines), (row, done.output)
    assert "The number is the run's own report" in done.output
    assert "runs that were never registered" in done.output


def test_the_run_is_named_by_its_id_or_the_start_of_it(office: Office) -> None:
    save(office)
    for word in (RUN, RUN[:24]):
        assert office.say("receipt", word, "-o", str(office.folder / word)).exit_code in (0, 1)
    assert office.say("receipt", RUN, "-o", str(office.folder / "x")).exit_code == 0


def test_keys_that_lie_beside_a_receipt_are_not_trusted(office: Office) -> None:
    save(office)
    for file in (Path.home() / ".local/state/trackrecord/trust").iterdir():
        file.unlink()
    done = office.verify()
    assert done.exit_code == 1
    assert "trusts no registry yet" in done.output
    assert office.verify("--key", str(office.folder / f"{NAME}.keys.json")).exit_code == 0
    pem = office.folder / "key.pem"
    pem.write_text(keys.load(office.keys).receipt.public_pem)
    assert "signature was not checked" in office.verify("--key", str(pem)).output
    pem.write_text(keys.load(office.folder / "strangers").receipt.public_pem)
    done = office.verify("--key", str(pem))
    assert done.exit_code == 1
    assert "nobody here trusts" in done.output


@pytest.mark.parametrize(
    ("name", "old", "new", "row"),
    [
        ("run.json", "otter", "eagle", "run record"),
        ("tlog-proof", "index ", "index 1", "inclusion"),
        ("receipt.sigstore.json", '"payload": "', '"payload": "AAAA', "signature"),
        ("receipt.sigstore.json", "{", "", "receipt"),
    ],
)
def test_what_was_changed_is_pointed_at(office: Office, name: str, old: str, new: str, row: str) -> None:
    save(office)
    file = office.folder / f"{NAME}.{name}"
    file.write_text(file.read_text().replace(old, new, 1))
    done = office.verify()
    assert done.exit_code == 1
    assert any(line.startswith(row) and " NO " in line for line in done.output.split("\n")), done.output
    assert "This receipt does not hold." in done.output


def test_a_receipt_that_says_refuted_holds_and_does_not_pass(office: Office) -> None:
    office.issue()
    office.issue("refuted")
    assert office.login().exit_code == 0
    assert office.say("receipt", RUN, "-o", str(office.folder)).exit_code == 0
    done = office.verify()
    assert done.exit_code == 3
    assert "what it says is: refuted" in done.output


def test_artifacts_are_compared(office: Office) -> None:
    save(office)
    file = office.folder / "model.pt"
    file.write_bytes(b"another model")
    done = office.verify("--artifact", str(file))
    assert done.exit_code == 1
    assert "none of the" in done.output
    done = office.verify("--artifact", str(file.with_name("gone.pt")))
    assert done.exit_code == 1
    assert "No such file" in done.output


def test_without_cryptography_the_extra_is_named(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    save(office)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    done = office.verify()
    assert done.exit_code == 1
    assert "trackrecord[verify]" in done.output
    assert office.login().exit_code == 0  # the same keys as before need no signature


def test_a_registry_with_other_keys_is_not_logged_in_to(office: Office) -> None:
    save(office)
    office.keys.rename(office.keys.with_name("lost"))
    with transaction(office.scene.engine) as session:
        keys.rotate(session, office.keys, "receipt", datetime.now(UTC), lost=True)
    done = office.login()
    assert done.exit_code == 1
    assert "shows other keys" in done.output
    assert "--new-registry" in done.output
    assert office.login("--new-registry").exit_code == 0
    assert office.login().exit_code == 0
    assert len(keyring.kept(Path.home() / ".local/state/trackrecord")) == 1


def test_a_run_without_a_receipt_says_so(office: Office) -> None:
    assert office.login().exit_code == 0
    done = office.say("receipt", RUN)
    assert done.exit_code == 1
    assert "no receipt yet" in done.output
    assert asked(office).tone == "warn"


def test_the_content_of_a_hidden_run_is_not_given_out(office: Office) -> None:
    office.issue()
    with transaction(office.scene.engine) as session:
        session.get_one(Run, RUN).quarantined = True
    shown = office.scene.send("GET", f"/api/v1/runs/{RUN}/receipt", who="reader").json()
    assert shown["record"] is None
    assert office.login().exit_code == 0
    assert office.say("receipt", RUN, "-o", str(office.folder)).exit_code == 0
    assert office.verify().exit_code == 0


def test_the_api_shows_it_to_those_who_may_read(office: Office) -> None:
    office.issue()
    status = {
        who: office.scene.send("GET", f"/api/v1/runs/{RUN}/receipt", who=who).status_code
        for who in ("reader", "ben", "admin", "other", "wrong")
    }
    assert status == {"reader": 200, "ben": 200, "admin": 200, "other": 404, "wrong": 401}
    shown = office.scene.send("GET", f"/api/v1/runs/{RUN}/receipt", who="reader").json()
    assert json.loads(shown["entry"])["receipt"] == shown["receipt"]
    keyset = office.scene.send("GET", "/.well-known/trackrecord/keys.json", who=None)
    assert keyset.status_code == 200
    assert "PRIVATE" not in keyset.text


def asked(office: Office) -> Answer:
    with reading(office.scene.engine) as session:
        return ask(session, "receipt", NAME, Asker(owner="ada", prefix="/"), datetime.now(UTC))


def test_the_question_shows_what_the_receipt_says(office: Office) -> None:
    office.issue()
    office.scene.send("GET", f"/api/v1/runs/{RUN}/receipt")  # signs a checkpoint
    answer = asked(office)
    assert Answer.from_json(answer.as_json()) == answer
    assert answer.title == f"Receipt of {NAME}: verified"
    facts = dict(next(part for part in answer.parts if isinstance(part, Facts)).pairs)
    assert facts["checkpoint"].startswith("size ")
    assert facts["log"].startswith("leaf ")
    assert facts["commit"] == "a" * 40
    tables = [part for part in answer.parts if isinstance(part, Table)]
    assert [table.title for table in tables] == ["Checked", "Not checked"]
    assert ("runs that were never registered",) in tables[1].rows
    code = next(part for part in answer.parts if isinstance(part, Code)).text
    assert f"trackrecord verify receipts/{NAME}.receipt.sigstore.json" in code
    said = " ".join(part.text for part in answer.parts if isinstance(part, Note))
    assert "It did not check the test set, the evaluator's correctness, or runs that were never registered." in said


@pytest.mark.parametrize("change", ["withdrawn", "verdict", "key"])
def test_the_question_says_what_happened_since(office: Office, change: str) -> None:
    office.issue()
    with transaction(office.scene.engine) as session:
        run = session.get_one(Run, RUN)
        if change == "withdrawn":
            run.withdrawn = "invalidated"
        elif change == "verdict":
            run.verdict = "unverified"
        else:
            keys.withdraw(session, keys.load(office.keys).receipt.id, datetime.now(UTC), office.keys)
    said = " ".join(part.text for part in asked(office).parts if isinstance(part, Note))
    wanted = {"withdrawn": "was invalidated since", "verdict": "is unverified now", "key": "does not count"}
    assert wanted[change] in said
