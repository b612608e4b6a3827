"""Rewriting what was: through the API, in the database, from a backup, by another clock or under another name."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.api.scene import OTHER, PROJECT, batch, body, ended, milliseconds, report
from tests.flows.repository import git
from tests.flows.server import Server
from tests.threats.office import Office, a_verified_run
from trackrecord import witness
from trackrecord.client import Client
from trackrecord.config import Config


def edits_through_the_api(office: Office) -> None:
    run = a_verified_run(office)
    tries = [
        office.send("PUT", f"runs/{run}", report(name="brave-otter-1", params={"lr": 9})),
        office.send("PUT", f"runs/{run}/finish", ended({}, state="failed")),
        office.send("PUT", f"runs/{run}/batches/main/1", batch(0.99)),
        office.send("PATCH", f"runs/{run}", b"{}"),
        office.send("DELETE", f"runs/{run}"),
        office.send("PUT", f"runs/{run}/headline", b"0.99"),
    ]
    assert [status for status, _ in tries] == [409, 409, 409, 405, 405, 404]
    office.again(run)
    assert "91.00 %" in office.best()
    assert "99.00 %" not in office.best()


def edits_by_sql(office: Office) -> None:
    run, other = a_verified_run(office, 0.80), a_verified_run(office, 0.99)
    assert office.leader() == "brave-otter-2"
    series = "SELECT id FROM series WHERE run_id = :run AND metric = 'test/accuracy'"
    packed = f"SELECT packed FROM chunk WHERE series_id = ({series.replace(':run', ':other')})"
    edit = f"UPDATE chunk SET packed = ({packed}) WHERE series_id = ({series})"
    assert office.sql(edit, run=run, other=other) == 1
    office.again(run)
    found = office.found(run, "sealed")
    assert (office.verdict(run), found.outcome, found.refutes) == ("refuted", "fail", True)
    assert found.reason == "The seal is broken: what the registry keeps of the run is not what was sealed."
    assert "sealed: failed and contradicts the report." in office.ask("show", "brave-otter-1")
    assert "refuted" in office.ask("receipt", "brave-otter-1")
    # Whoever also edits the digest has the log against him.
    office.sql("UPDATE run SET record_digest = :digest WHERE id = :run", digest="0" * 64, run=other)
    office.again(other)
    assert office.verdict(other) == "refuted"
    # Edited results are taken from the history again.
    third = a_verified_run(office, 0.85)
    for table, key in (("run", "id"), ('"placing"', "run_id")):
        assert office.sql(f"UPDATE {table} SET headline = 0.999 WHERE {key} = :run", run=third) >= 1
    office.again(third)
    assert "85.00 %" in office.best()


def edits_by_a_backup(office: Office) -> None:
    """He restores a backup of before a run that he does not like. A colleague's machine has seen the log after it."""
    file, home = Path(str(office.scene.engine.url.database)), office.repository.clone.with_name("home")
    home.mkdir()
    a_verified_run(office)
    with sqlite3.connect(file) as backup:
        backup.execute("VACUUM INTO ?", (str(home / "backup"),))
    backup.close()
    a_verified_run(office, 0.95)
    with Server(office.scene.app) as server:
        told = Config(server.url, office.scene.token["reader"], home, "online", "the test")
        seen = witness.look(home, Client(told))
        assert seen is not None
        assert seen.well
        office.scene.engine.dispose()
        for left in file.parent.glob(f"{file.name}-*"):
            left.unlink()
        shutil.copyfile(home / "backup", file)
        assert "brave-otter-2" not in office.ask("recent", PROJECT)
        a_verified_run(office, 0.92)
        again = witness.look(home, Client(told))
    assert again is not None
    assert not again.well
    assert "somebody changed its past, or it was restored from an older backup" in again.said


def re_sends_a_step(office: Office) -> None:
    run, opening = office.opened()
    first = body(batch(0.91))
    assert office.send("PUT", f"runs/{run}/batches/main/0", first)[0] == 200
    status, refusal = office.send("PUT", f"runs/{run}/batches/main/0", batch(0.99))
    assert status == 409
    assert "This batch was sent before with other content; that is kept as evidence." in str(refusal)
    office.end(run, opening, first)
    office.look()
    found = office.found(run, "writer_known")
    assert (office.verdict(run), found.refutes) == ("refuted", True)
    assert "A batch that was already here came again with other content, once" in office.ask("show", "brave-otter-1")
    assert "No verified run" in office.best()


def back_dates(office: Office) -> None:
    a_verified_run(office, who="ben")
    git(office.repository.clone, "commit", "-q", "--amend", "--no-edit", "--date=2001-01-01T00:00:00")
    git(office.repository.clone, "push", "-q", "--force", "origin", "HEAD:main")
    long_ago = datetime.now(UTC) - timedelta(days=900)
    a_verified_run(office, started_ms=milliseconds(long_ago))
    assert office.leader() == "brave-otter-1", "of two equal values the registry's time decides"
    shown = office.ask("show", "brave-otter-2")
    assert f"{long_ago:%Y-%m-%d}" in shown
    assert "by its own clock" in shown
    assert f"received | {datetime.now(UTC):%Y-%m-%d}" in shown
    assert "late | its points did not arrive while it ran" in shown
    assert "live |" not in shown


def uses_a_colleagues_name(office: Office) -> None:
    owned = body(report()).replace(b'"params"', b'"owner": "ben", "params"')
    assert office.send("PUT", "runs/01JD0000000000000000000001", owned)[0] == 422
    run, _ = office.opened()
    assert office.send("PUT", f"runs/{run}/batches/main/0", batch(), "ben")[0] == 403
    assert office.send("GET", f"runs/{run}", who="reader")[1]["owner"] == "ada"
    assert office.send("GET", f"runs/{run}", who="other")[0] == 404, OTHER


def signs_a_false_receipt(office: Office) -> None:
    a_verified_run(office)
    receipt = office.ask("receipt", "brave-otter-1")
    assert "a registry that shows a forged receipt can show forged keys with it" in receipt
