"""Whatever is changed afterwards is found: every column of every row by the doctor, every byte that is handed out by
the stand-alone verifier. One change at a time, all of them under `make soak`, and how many there were is printed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from sqlmodel import Session, SQLModel
from sqlmodel.sql.sqltypes import UTCDateTime

from registry import doctor, keys, receipts, seal
from registry.db import connect, transaction
from registry.migrations import migrate
from registry.proofs import key_set, proof_of
from registry.tables import Run
from tests.api.scene import run_id
from tests.conftest import _database
from tests.doctor import ward
from tests.soak import count
from tests.threats.office import Office
from trackrecord import keyring
from trackrecord.errors import TrackrecordError
from trackrecord.receipt import Verified, verify

pytestmark = pytest.mark.soak


# What the doctor does not look at, and why nobody gains by changing it. A row named here may also be deleted.
NOT_EVIDENCE = {
    "outgoing": "what is still to be said in Slack; whatever is said is read from the evidence when it is sent",
    "slack_channel": "where it is said; nothing of a run is in it",
    "seen": "which of Slack's events were taken; nothing of a run is in it",
    "run.check_at": "when the checks look next; what they find then is evidence",
    "run.heard_at": "when it wrote last; it says something only while a run goes on",
    "checkpoint.at": "the signed note has no time; what counts is how long the log was",
    "checkpoint (deleted)": "others that are signed cover its entries, and whoever was handed it has it still",
    "correction.id": "nothing refers to it; the log's entry has the number that counts",
}
_FOR_NONE = {UTCDateTime: datetime(2026, 11, 24, 12, tzinfo=UTC), sa.Integer: 1, sa.Double: 0.5, sa.LargeBinary: b"1"}
# What is handed out, and the stored files, are the same bytes whatever the database.
ON_SQLITE = pytest.mark.parametrize("bench", ["sqlite"], indirect=True)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass
class Bench:
    """A registry in one open connection, where one value at a time is another and then again what it was."""

    office: Office
    run: str
    session: Session
    tried: int = 0
    missed: list[str] = field(default_factory=list)

    def change(self, what: str, statement: Any) -> None:
        """Do it, ask the doctor, undo it. What he does not find is kept in `missed`."""
        self.session.execute(statement)
        self.session.expire_all()
        self.tried += 1
        if not doctor.examine(self.session, self.office.scene.store).off:
            self.missed.append(what)
        self.session.rollback()
        _off_guard(self.session)

    @property
    def thin(self) -> bool:
        """Every second column is tried on SQLite; on PostgreSQL, where each takes longer, fewer; all under soak."""
        return self.session.get_bind().dialect.name == "postgresql"

    def well(self) -> bool:
        """Whether the doctor finds nothing while nothing is changed: else he would find every change."""
        self.session.expire_all()
        return not doctor.examine(self.session, self.office.scene.store).off

    def rows(self, table: sa.Table, column: str = "") -> list[sa.RowMapping]:
        """Every row under soak; else one, of the sealed run where the table has some of it."""
        rows = list(self.session.execute(sa.select(table)).mappings())
        if table.name in ("run", "placing"):  # what is left of the deleted run has a test of its own, below
            rows = [row for row in rows if row["id" if table.name == "run" else "run_id"] != run_id(4)]
        own = [row for row in rows if self.run in (row.get("run_id"), row["id"] if table.name == "run" else None)]
        chosen = own or rows
        return [random.Random(f"{table.name}.{column}").choice(chosen)] if rows and count(1, 0) else rows


def _off_guard(session: Session) -> None:
    """Whoever changes rows by hand is kept back by no constraint."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET session_replication_role = replica"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp(f"tamper-{request.param}")
    if request.param == "sqlite":
        yield from _bench(f"sqlite:///{folder}/registry.sqlite", folder)
        return
    with _database(request.getfixturevalue("_postgres_admin")) as url:
        yield from _bench(url, folder)


def _bench(url: str, folder: Path) -> Iterator[Bench]:
    engine = connect(url)
    migrate(engine)
    office, run = ward.make(engine, folder)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            for pragma in ("foreign_keys=OFF", "ignore_check_constraints=ON"):
                cursor = connection.connection.cursor()  # outside of any transaction: only there it counts
                cursor.execute(f"PRAGMA {pragma}")
                cursor.close()
        with Session(connection) as session:
            _off_guard(session)
            yield Bench(office, run, session)
            session.rollback()
        connection.invalidate()  # its settings must not go back to the pool
    engine.dispose()


def other(value: Any, column: sa.Column[Any]) -> Any:
    """The smallest change that the column can hold and that says something else."""
    if value is None:
        return next((made for kind, made in _FOR_NONE.items() if isinstance(column.type, kind)), "1")
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + (1_000 if column.primary_key or column.name in ("version", "number") else 1)
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    if isinstance(value, datetime):
        return value + timedelta(milliseconds=1)
    if isinstance(value, bytes):
        middle = len(value) // 2
        return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
    if isinstance(value, list):
        return [*value, "x"]
    middle = len(value) // 2
    letter = "0" if value[middle : middle + 1] != "0" else "1"
    return value[:middle] + letter + value[middle + 1 :]


def here(table: sa.Table, row: sa.RowMapping) -> sa.ColumnElement[bool]:
    return sa.and_(*(column == row[column.name] for column in table.primary_key))


@pytest.mark.timeout(count(180, 7_200))
def test_every_column_of_every_row(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.well()
    columns = 0
    for table in SQLModel.metadata.sorted_tables:
        for column in table.c:
            columns += 1
            if {table.name, f"{table.name}.{column.name}"} & NOT_EVIDENCE.keys():
                continue
            if count(columns % (12 if bench.thin else 2), 0):
                continue
            for row in bench.rows(table, column.name):
                old = row[column.name]
                emptied = column.nullable and old is not None and count(columns % 3, 0) == 0
                values = [other(old, column), *([None] if emptied else [])]
                for value in values:
                    change = sa.update(table).where(here(table, row)).values({column.name: value})
                    bench.change(f"{table.name}.{column.name}: {str(old)[:40]!r} -> {str(value)[:40]!r}", change)
    with capsys.disabled():
        print(f"\n  {bench.tried:,} values of {columns} columns changed, {len(bench.missed)} not found")
    assert bench.missed == []
    assert bench.well()


@ON_SQLITE
def test_every_column_of_what_is_left_of_a_deleted_run(bench: Bench) -> None:
    """Its places on boards are not looked at: they have no value any more, and no board shows them."""
    no_evidence = {*NOT_EVIDENCE, "run.checked_at"}  # when it was looked at last: of a deleted run nobody is told
    table = SQLModel.metadata.tables["run"]
    row = bench.session.execute(sa.select(table).where(table.c.id == run_id(4))).mappings().one()
    assert bench.well()
    bench.tried = 0
    bench.missed.clear()
    for column in table.c:
        if f"run.{column.name}" not in no_evidence:
            old = row[column.name]
            change = sa.update(table).where(here(table, row)).values({column.name: other(old, column)})
            bench.change(f"run.{column.name}: {str(old)[:40]!r}", change)
    assert bench.missed == []
    assert bench.tried > 30


@pytest.mark.timeout(count(180, 7_200))
def test_every_row_that_is_deleted(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.well()
    bench.tried = 0
    bench.missed.clear()
    for number, table in enumerate(SQLModel.metadata.sorted_tables):
        if table.name in NOT_EVIDENCE or f"{table.name} (deleted)" in NOT_EVIDENCE:
            continue
        if bench.thin and count(number % 4, 0):
            continue
        for row in bench.rows(table):
            bench.change(f"a row of {table.name}", sa.delete(table).where(here(table, row)))
    with capsys.disabled():
        print(f"\n  {bench.tried:,} rows deleted, {len(bench.missed)} not found")
    assert bench.missed == []
    assert bench.well()


@dataclass(frozen=True)
class Bundle:
    """What somebody was handed of the sealed run, byte for byte."""

    receipt: bytes
    record: bytes
    proof: bytes
    keys: bytes

    def look(self, **changed: bytes) -> Verified:
        parts = {name: changed.get(name, getattr(self, name)) for name in ("receipt", "record", "proof", "keys")}
        trusted = keyring.read(parts["keys"], "the registry's")
        files = {"weights.bin": hashlib.sha256(changed.get("artifact", ward.WEIGHTS)).hexdigest()}
        return verify(parts["receipt"], [trusted], record=parts["record"], proof=parts["proof"], artifacts=files)


@pytest.fixture(scope="module")
def handed(bench: Bench) -> Bundle:
    engine, settings = bench.office.scene.engine, bench.office.scene.settings
    bench.session.rollback()
    with transaction(engine) as session:
        receipt = receipts.newest(session, bench.run)
        assert receipt is not None
        proof, _, _ = proof_of(session, keys.load(settings.data_dir / "keys"), receipt, bench.office.now)
        record = seal.record_of(session, session.get_one(Run, bench.run))
        return Bundle(receipt.bundle.encode(), record, proof.encode(), json.dumps(key_set(session)).encode())


def flipped(content: bytes, sample: int) -> Iterator[bytes]:
    """The content with one bit of one byte turned: of every byte each bit under soak, else of some bytes one."""
    places = range(len(content)) if not count(1, 0) else random.Random(7).sample(range(len(content)), sample)
    for place in places:
        for bit in range(8) if not count(1, 0) else (place % 8,):
            yield content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


@ON_SQLITE
@pytest.mark.timeout(count(180, 7_200))
@pytest.mark.parametrize("part", ["receipt", "record", "proof", "keys"])
def test_every_byte_that_is_handed_out(handed: Bundle, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused, or it says the same of the run as before: by what is signed, and by nothing beside it."""
    true, refused, same = handed.look(), 0, 0
    assert true.said.verdict == "verified"
    for content in flipped(getattr(handed, part), 300):
        try:
            found = handed.look(**{part: content})
        except TrackrecordError:
            refused += 1
        else:
            assert (found.id, found.said) == (true.id, true.said)
            assert part != "record"
            same += 1
    with capsys.disabled():
        print(f"\n  {refused + same:,} changes of the {part}: {refused:,} refused, {same:,} say the same as before")
    assert refused > 0.5 * (refused + same)


@ON_SQLITE
def test_the_other_form_of_a_signature_is_the_same_receipt(handed: Bundle) -> None:
    bundle = json.loads(handed.receipt)
    signature = bundle["dsseEnvelope"]["signatures"][0]
    r, s = decode_dss_signature(base64.b64decode(signature["sig"]))
    signature["sig"] = base64.b64encode(encode_dss_signature(r, _P256_ORDER - s)).decode()
    found, true = handed.look(receipt=json.dumps(bundle).encode()), handed.look()
    assert (found.id, found.said) == (true.id, true.said)


@ON_SQLITE
@pytest.mark.timeout(count(180, 7_200))
def test_every_byte_of_stored_files(bench: Bench, handed: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    store, tried = bench.office.scene.store, 0
    for name, content, sample in (
        ("artifact", ward.WEIGHTS, 8),
        ("labels", ward.LABELS, 3),
        ("lock file", ward.LOCK, 3),
    ):
        place = store.path(ward.digest(content))
        assert place is not None
        for other_content in flipped(content, sample):
            tried += 1
            place.write_bytes(other_content)
            try:
                assert doctor.examine(bench.session, store).off, f"a byte of the {name}"
                if name == "artifact":
                    with pytest.raises(TrackrecordError, match="none of the"):
                        handed.look(artifact=other_content)
            finally:
                place.write_bytes(content)
    for content in (ward.WEIGHTS[:-1], b""):
        place = store.path(ward.digest(ward.WEIGHTS))
        assert place is not None
        place.write_bytes(content)
        assert doctor.examine(bench.session, store).off
        place.write_bytes(ward.WEIGHTS)
    with capsys.disabled():
        print(f"\n  {tried:,} changes of stored files, all found")
    assert bench.well()
