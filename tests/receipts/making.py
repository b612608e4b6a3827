"""Receipts of many kinds, made by the registry's own `issue` over a real database, for the tests of this folder."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlmodel import Session, select

from registry import facts, keys, log, receipts, tokens
from registry.db import transaction
from registry.keys import Keys
from registry.projects import set_rules
from registry.proofs import key_set, proof_of
from registry.tables import MetricDefinition, Receipt, Run
from registry.tables import Token as TokenRow
from tests.checks import sound
from trackrecord.report import MetricRules, ProjectRules, RunReport

PROJECT = "milestone-1"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ASKED = ("artifacts_intact", "commit_reachable", "headline_recomputed", "metric_as_defined", "tree_rebuilt")
RULES = ProjectRules(
    title="Milestone 1",
    metrics=[
        MetricRules(
            name="test/accuracy",
            split="test",
            dataset="digits/test",
            dataset_digest=sound.DATA,
            rule="last",
            percent=True,
        )
    ],
)


@dataclass(frozen=True, slots=True)
class Made:
    """What `trackrecord receipt` would save of a run."""

    bundle: str
    record: bytes
    proof: str
    keys: str
    id: str
    payload: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bundle)["dsseEnvelope"]
        return found

    def save(self, folder: Path, name: str = "brave-otter-42") -> Path:
        """The four files; where the bundle is."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.run.json").write_bytes(self.record)
        (folder / f"{name}.tlog-proof").write_text(self.proof)
        (folder / f"{name}.keys.json").write_text(self.keys)
        (folder / f"{name}.receipt.sigstore.json").write_text(self.bundle)
        return folder / f"{name}.receipt.sigstore.json"


@dataclass(frozen=True, slots=True)
class Maker:
    """A project with a metric, over a database that nothing else uses."""

    engine: sa.Engine
    folder: Path

    @classmethod
    def over(cls, engine: sa.Engine, folder: Path) -> Maker:
        with transaction(engine) as session:
            given = tokens.give(session, owner="ada", role="admin", project=None, label="", expires_at=None, now=NOW)
            admin = tokens.find(session, given, NOW)
            assert admin is not None
            set_rules(session, admin, PROJECT, RULES, NOW)
        return cls(engine, folder / "keys")

    def run(self, session: Session, number: int) -> Run:
        """A run that has ended."""
        found = session.get(Run, run_id(number))
        if found is not None:
            return found
        made = Run(
            id=run_id(number),
            project_id=PROJECT,
            name=f"brave-otter-{number}",
            owner="ada",
            token_id=session.exec(select(TokenRow.id)).first() or 0,
            state="finished",
            report="{}",
            report_digest="0" * 64,
            params_digest="1" * 64,
            config_digest="2" * 64,
            started_at=NOW,
            received_at=NOW,
            heard_at=NOW,
            sealed_at=NOW,
        )
        session.add(made)
        session.flush()
        return made

    def issue(self, number: int, now: datetime | None = None, **changes: Any) -> Receipt | None:
        """A receipt for that run: what is in it depends on the number, and on what the test changes."""
        with transaction(self.engine) as session:
            return self.issue_in(session, number, now, **changes)

    def issue_in(self, session: Session, number: int, now: datetime | None = None, **changes: Any) -> Receipt | None:
        run = self.run(session, number)
        run.live = number % 2 == 0
        metric = session.exec(select(MetricDefinition).where(MetricDefinition.project_id == PROJECT)).first()
        what = {**of_any_kind(number), "metric": metric, **changes}
        return receipts.issue(
            session,
            keys.load(self.folder),
            run,
            record=record_of(number),
            base_url="https://registry.example",
            now=now or NOW + timedelta(seconds=number),
            **what,
        )

    def read(self, number: int, now: datetime | None = None) -> Made:
        """The newest receipt of the run, with all that goes with it."""
        with transaction(self.engine) as session:
            receipt = receipts.newest(session, run_id(number))
            assert receipt is not None
            found = keys.load(self.folder)
            proof, _, _ = proof_of(session, found, receipt, now or NOW)
            return Made(
                receipt.bundle,
                record_of(number),
                proof,
                json.dumps(key_set(session), indent=1),
                receipt.id,
                receipts.payload_of(receipt),
            )

    def make(self, number: int, **changes: Any) -> Made:
        assert self.issue(number, **changes) is not None
        return self.read(number)


def run_id(number: int) -> str:
    return f"01JD{number:022d}"


def record_of(number: int) -> bytes:
    """Bytes as of a sealed record; the receipt only has their digest."""
    return rfc8785.dumps({"version": "trackrecord.run/1", "run": run_id(number), "name": f"brave-otter-{number}"})


def of_any_kind(number: int) -> dict[str, Any]:
    """Reports, findings and verdicts that differ in everything that a receipt has."""
    dice = random.Random(number)
    outcomes = [
        facts.passed("as it should be: ü, 数, “quoted” \\ \x07"),
        facts.failed("not pushed", "Push it."),
        facts.unknown("no answer", ""),
    ]
    findings = {name: dice.choice(outcomes) for name in (*ASKED, "no_secrets")}
    verdict = dice.choice(("verified", "unverified", "refuted"))
    if number == 0 or verdict == "verified":
        verdict, findings = "verified", dict.fromkeys(findings, outcomes[0])
    value = dice.choice(
        (0.912, -0.0, 1e-300, 1.7976931348623157e308, 0.1 + 0.2, float(dice.randrange(2**53)), dice.random())
    )
    series = replace(sound.ACCURACY, headline=value, headline_step=dice.choice((0, 19, 2**62)))
    files = tuple(
        facts.ArtifactFacts(f"weights/{n}.pt", hashlib.sha256(bytes([n])).hexdigest(), n, n, True)
        for n in range(dice.randrange(4))
    )
    commit = dice.choice((None, "c" * 40, "c" * 64)) if number else "c" * 40
    recomputed = dice.choice((None, facts.RecomputedFacts(value, 100)))
    return {
        "report": replace(sound.REPORT, code=replace(sound.REPORT.code, commit=commit)),
        "facts": replace(sound.FACTS, series={"test/accuracy": series}, artifacts=files, recomputed=recomputed),
        "findings": findings,
        "asked": frozenset(ASKED),
        "verdict": verdict,
        "tries": dice.randrange(1, 500),
    }


@contextmanager
def grown(maker: Maker, entries: int) -> Iterator[None]:
    """The log with so many further entries: proofs of what is in it get longer."""
    with transaction(maker.engine) as session:
        for each in range(entries):
            log.append(session, "rules", NOW, project=PROJECT, number=each)
    yield


__all__ = ["Keys", "Made", "Maker", "RunReport"]
