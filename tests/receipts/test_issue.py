"""What `issue` writes, and when it writes nothing; on both databases."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import rfc8785
from sqlmodel import col, func, select

from registry import facts, keys, log, receipts
from registry.db import transaction
from registry.proofs import key_set, proof_of, verified
from registry.tables import Leaf, MetricDefinition, Project, Receipt, SigningKey
from tests.receipts.making import ASKED, NOW, PROJECT, Maker, of_any_kind, record_of, run_id
from trackrecord.errors import TrackrecordError

LATER = NOW + timedelta(days=1)


def said(maker: Maker, number: int, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(maker.make(number, **changes).payload)
    return found


def rows(maker: Maker) -> tuple[int, int]:
    """How many receipts there are, and how many verdicts in the log."""
    with transaction(maker.engine) as session:
        verdicts = session.exec(select(func.count()).select_from(Leaf).where(Leaf.kind == "verdict")).one()
        return session.exec(select(func.count()).select_from(Receipt)).one(), verdicts


def test_a_receipt_says_what_holds_of_the_run(maker: Maker) -> None:
    made = maker.make(0)
    statement = json.loads(made.payload)
    assert made.payload == rfc8785.dumps(statement)
    assert made.id == hashlib.sha256(made.payload).hexdigest()
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert statement["subject"][0] == {
        "name": "run.json",
        "digest": {"sha256": hashlib.sha256(made.record).hexdigest()},
    }
    assert statement["subject"][-1] == {"name": "commit", "digest": {"gitCommit": "c" * 40}}
    predicate = statement["predicate"]
    assert predicate["verifier"]["id"] == "https://registry.example/verifier/v1"
    (policy,) = predicate["verifier"]["policies"]
    assert policy["name"] == PROJECT
    assert len(policy["digest"]["sha256"]) == 64
    assert predicate["timeCreated"] == "2026-11-24T12:00:00.000000Z"
    passed = {f"TRACKRECORD_{name.upper()}" for name in ASKED}
    assert set(predicate["properties"]) - passed <= {"TRACKRECORD_LIVE", "TRACKRECORD_RECOMPUTED"}
    assert passed <= set(predicate["properties"])
    ours = predicate["x_trackrecord"]
    assert (ours["run"], ours["name"], ours["project"]) == (run_id(0), "brave-otter-0", PROJECT)
    assert ours["notChecked"][-5:] == [
        "the test set",
        "the evaluator's correctness",
        "code outside the repository",
        "initial weights",
        "runs that were never registered",
    ]


def test_its_leaf_of_the_log_names_it(maker: Maker) -> None:
    made = maker.make(0)
    with transaction(maker.engine) as session:
        row = receipts.newest(session, run_id(0))
        assert row is not None
        entry = json.loads(log.entry(session, row.leaf) or b"")
    assert entry.pop("at")
    assert len(entry.pop("findings")) == 64
    value = json.loads(made.payload)["predicate"]["x_trackrecord"]["metric"]["value"]
    assert entry == {
        "kind": "verdict",
        "run": run_id(0),
        "project": PROJECT,
        "verdict": "verified",
        "record": hashlib.sha256(record_of(0)).hexdigest(),
        "receipt": made.id,
        "metric": "test/accuracy@1",
        "headline": value,
    }


def test_nothing_new_writes_nothing(maker: Maker) -> None:
    assert maker.issue(0) is not None
    before = rows(maker)
    assert maker.issue(0, LATER) is None
    assert rows(maker) == before == (1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "refuted"},
        {"tries": 501},
        {"asked": frozenset(ASKED[1:])},
        {"findings": dict.fromkeys((*ASKED, "no_secrets"), facts.passed("for another reason"))},
        {"metric": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_new_is_issued_anew(small: Maker, changes: dict[str, Any]) -> None:
    first = small.make(0)
    second = small.issue(0, LATER, **changes)
    assert second is not None
    assert (second.number, second.id == first.id, second.issued_at) == (2, False, LATER)
    assert rows(small) == (2, 2)
    assert small.issue(0, LATER, **changes) is None


def test_back_and_forth_at_one_time_makes_three_receipts(small: Maker) -> None:
    """A receipt's number is in its payload: equal words at an equal time are no equal id."""
    for verdict in ("verified", "refuted", "verified"):
        assert small.issue(0, NOW, verdict=verdict) is not None
    assert rows(small) == (3, 3)


def test_what_did_not_pass_is_no_property_and_is_said(small: Maker) -> None:
    findings = {
        "commit_reachable": facts.unknown("the mirror did not answer", "Wait."),
        "tree_rebuilt": facts.refuted("another tree", "Tell why."),
        "metric_as_defined": facts.passed("as defined"),
        "no_secrets": facts.failed("a secret in params.key", "Revoke it."),
    }
    statement = said(small, 5, findings=findings, verdict="refuted", asked=frozenset({*ASKED} - {"artifacts_intact"}))
    predicate, ours = statement["predicate"], statement["predicate"]["x_trackrecord"]
    assert predicate["properties"] == ["TRACKRECORD_METRIC_AS_DEFINED"]
    assert ours["evidence"] == {"metric_as_defined": "as defined"}
    assert ours["failed"] == {"tree_rebuilt": "another tree"}
    assert ours["notChecked"][:-5] == [
        "commit_reachable: the mirror did not answer",
        "headline_recomputed: nobody has looked",
        "no_secrets: the project does not ask for it; it did not pass",
    ]


@pytest.mark.parametrize(("own", "has"), [(0.912, True), (0.5, False), (None, False)])
def test_recomputed_is_a_property_where_the_two_values_agree(small: Maker, own: float | None, has: bool) -> None:
    what = of_any_kind(0)["facts"]
    series = {"test/accuracy": replace(what.series["test/accuracy"], headline=0.912)}
    seen = replace(what, series=series, recomputed=None if own is None else facts.RecomputedFacts(own, 100))
    predicate = said(small, 0, facts=seen)["predicate"]
    assert ("TRACKRECORD_RECOMPUTED" in predicate["properties"]) is has
    assert predicate["x_trackrecord"]["metric"]["recomputed"] == (None if own is None else repr(own))


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 9007199254740993.0])
def test_values_come_back_bit_for_bit(small: Maker, value: float) -> None:
    what = of_any_kind(0)["facts"]
    series = {"test/accuracy": replace(what.series["test/accuracy"], headline=value, headline_step=2**63 - 1)}
    metric = said(small, 0, facts=replace(what, series=series))["predicate"]["x_trackrecord"]["metric"]
    assert float(metric["value"]).hex() == value.hex()
    assert metric["step"] == str(2**63 - 1)


def test_words_that_no_text_can_carry_are_signed_as_question_marks(small: Maker) -> None:
    findings = {"tree_rebuilt": facts.failed("half a \ud800 letter", "")}
    assert said(small, 0, findings=findings)["predicate"]["x_trackrecord"]["failed"] == {
        "tree_rebuilt": "half a ? letter"
    }


def test_a_project_without_a_metric_has_receipts_too(small: Maker) -> None:
    assert said(small, 0, metric=None)["predicate"]["x_trackrecord"]["metric"] is None


def test_a_receipt_that_does_not_verify_is_not_kept(small: Maker) -> None:
    """A published key that is not the file's: as after a bad restore."""
    small.make(0)
    stranger = keys.load(small.folder.parent / "stranger").receipt
    with transaction(small.engine) as session:
        for row in keys.published(session):
            if row.use == "receipt":
                row.public = stranger.public_pem
                session.add(row)
    before = rows(small)
    with pytest.raises(TrackrecordError, match="does not verify"):
        small.issue(1)
    assert rows(small) == before


def test_a_receipt_that_was_changed_in_the_database_does_not_count(maker: Maker) -> None:
    maker.make(0)
    with transaction(maker.engine) as session:
        row = receipts.newest(session, run_id(0))
        assert row is not None
        assert verified(session, row).said.run == run_id(0)
        row.bundle = row.bundle.replace("eyJ", "eyK", 1)
        with pytest.raises(TrackrecordError, match="signature does not hold"):
            verified(session, row)


def test_the_rules_of_the_project_are_named(small: Maker) -> None:
    with transaction(small.engine) as session:
        metric = session.exec(select(MetricDefinition).where(col(MetricDefinition.name) == "test/accuracy")).one()
    first = said(small, 0, metric=metric)["predicate"]["verifier"]["policies"]
    assert first == said(small, 1, metric=metric)["predicate"]["verifier"]["policies"]


def test_what_the_registry_keeps_of_a_receipt(small: Maker) -> None:
    made = small.make(0)
    with transaction(small.engine) as session:
        row = receipts.newest(session, run_id(0))
        assert row is not None
        assert (row.run_id, row.number, row.verdict, row.issued_at) == (run_id(0), 1, "verified", NOW)
        assert (row.id, row.key_id) == (made.id, keys.load(small.folder).receipt.id)
        assert row.leaf == log.size(session) - 1
        assert receipts.statement_of(row) == json.loads(made.payload)
        assert receipts.newest(session, run_id(1)) is None
    bundle = json.loads(made.bundle)
    assert (bundle["mediaType"], list(bundle)) == (
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        ["mediaType", "verificationMaterial", "dsseEnvelope"],
    )
    assert bundle["verificationMaterial"] == {"publicKey": {"hint": row.key_id}, "tlogEntries": []}
    assert made.bundle == json.dumps(bundle, indent=1)


def test_places_on_boards_are_in_the_log_and_another_place_is_issued_anew(small: Maker) -> None:
    place = {"metric": "test/accuracy@1", "headline": "0.912"}
    first = small.issue(0, places=[place])
    assert first is not None
    with transaction(small.engine) as session:
        assert json.loads(log.entry(session, first.leaf) or b"")["places"] == [place]
    assert small.issue(0, LATER, places=[place]) is None
    second = small.issue(0, LATER, places=[{**place, "headline": "0.913"}])
    assert second is not None
    assert second.number == 2
    with transaction(small.engine) as session:
        newest = receipts.newest(session, run_id(0))
        assert newest is not None
        assert newest.number == 2


def test_an_entry_that_is_gone_from_the_log_makes_the_same_words_worth_issuing(small: Maker) -> None:
    first = small.issue(0)
    assert first is not None
    with transaction(small.engine) as session:
        session.delete(session.get_one(Leaf, first.leaf))
    assert small.issue(0, LATER) is not None


def test_a_withdrawn_key_makes_the_same_words_worth_issuing(small: Maker) -> None:
    first = small.issue(0)
    assert first is not None
    with transaction(small.engine) as session:
        keys.withdraw(session, first.key_id, LATER, small.folder)
    second = small.issue(0, LATER)
    assert second is not None
    assert (second.number, second.key_id == first.key_id) == (2, False)


def test_a_clock_that_is_behind_signs_within_the_time_of_the_key(small: Maker) -> None:
    small.make(0)
    with transaction(small.engine) as session:
        keys.rotate(session, small.folder, "receipt", LATER)
    behind = small.issue(1, NOW)
    assert behind is not None
    assert behind.issued_at == LATER
    assert receipts.statement_of(behind)["predicate"]["timeCreated"] == "2026-11-25T12:00:00.000000Z"


def test_when_the_commit_was_last_seen_to_be_reachable(small: Maker) -> None:
    """By the newest of the receipts that vouched for it, of this run."""
    lost = {**of_any_kind(0)["findings"], "commit_reachable": facts.failed("on no branch", "Push.")}
    step = timedelta(hours=1)

    def at(number: int) -> Any:
        with transaction(small.engine) as session:
            return receipts.reachable_at(session, run_id(number))

    assert at(0) is None
    small.issue(0, NOW, findings=lost, verdict="unverified")
    assert at(0) is None
    small.issue(0, NOW + step)
    small.issue(0, NOW + 2 * step, tries=501)
    small.issue(0, NOW + 3 * step, findings=lost, verdict="unverified")
    assert (at(0), at(1)) == (NOW + 2 * step, None)


def test_a_metric_that_the_run_never_logged_has_no_value(small: Maker) -> None:
    what = of_any_kind(0)["facts"]
    metric = said(small, 0, facts=replace(what, series={}, recomputed=None))["predicate"]["x_trackrecord"]["metric"]
    assert (metric["name"], metric["version"]) == ("test/accuracy", 1)
    assert (metric["value"], metric["step"], metric["recomputed"]) == (None, None, None)
    none = said(small, 1, facts=replace(what, metric=None))["predicate"]["x_trackrecord"]["metric"]
    assert none is None
    with transaction(small.engine) as session:
        row = receipts.newest(session, run_id(1))
        assert row is not None
        entry = json.loads(log.entry(session, row.leaf) or b"")
    assert (entry["metric"], entry["headline"]) == (None, None)


def test_the_rules_are_named_by_their_digest_in_the_log(small: Maker) -> None:
    """Of a project from before there was a log, by the digest of the rules as they stand, which is the same."""
    with transaction(small.engine) as session:
        project = session.get_one(Project, PROJECT)
        body = session.exec(select(Leaf.body).where(Leaf.kind == "rules")).one()
        assert project.rules_digest == json.loads(body)["digest"]
        digest, project.rules_digest = project.rules_digest, "f" * 64
        session.add(project)
    (policy,) = said(small, 0)["predicate"]["verifier"]["policies"]
    assert policy == {"name": PROJECT, "digest": {"sha256": "f" * 64}}
    with transaction(small.engine) as session:
        project = session.get_one(Project, PROJECT)
        project.rules_digest = ""
        session.add(project)
    (policy,) = said(small, 1)["predicate"]["verifier"]["policies"]
    assert policy["digest"] == {"sha256": digest}


def test_a_receipt_that_does_not_verify_is_refused_in_whole_sentences(small: Maker) -> None:
    small.make(0)
    with transaction(small.engine) as session:
        row = session.get_one(SigningKey, keys.load(small.folder).receipt.id)
        row.public = keys.load(small.folder.parent / "stranger").receipt.public_pem
        session.add(row)
    with pytest.raises(TrackrecordError) as refused:
        small.issue(1)
    value = refused.value
    assert value.message == "A receipt that was just signed does not verify; nothing is kept."
    assert value.hint == "Look at the machine's memory and disk, and at data_dir/keys."
    assert value.status == 500


def test_the_keys_that_go_out(small: Maker) -> None:
    made = small.make(0)
    with transaction(small.engine) as session:
        keys.rotate(session, small.folder, "receipt", NOW + timedelta(hours=1))
        keys.withdraw(session, json.loads(made.bundle)["verificationMaterial"]["publicKey"]["hint"], LATER)
    with transaction(small.engine) as session:
        shown = key_set(session)
        rows = {row.id: row for row in keys.published(session)}
    assert shown["origin"] == f"trackrecord/{keys.load(small.folder).checkpoint.id[:16]}"
    assert [set(each) for each in shown["keys"]] == [
        {"id", "use", "public", "validFrom", "validUntil", "withdrawnAt", "signedBy", "signature"}
    ] * 3
    for each in shown["keys"]:
        row = rows[each["id"]]
        assert (each["use"], each["public"]) == (row.use, row.public)
        assert (each["signedBy"], each["signature"]) == (row.signed_by, row.signature)
    old, new = sorted((each for each in shown["keys"] if each["use"] == "receipt"), key=lambda each: each["validFrom"])
    times = ("validFrom", "validUntil", "withdrawnAt")
    hour = "2026-11-24T13:00:00.000000Z"
    assert [old[name] for name in times] == ["2026-11-24T12:00:00.000000Z", hour, "2026-11-25T12:00:00.000000Z"]
    assert [new[name] for name in times] == [hour, None, None]


def test_a_proof_names_the_entry_and_the_checkpoint(small: Maker) -> None:
    small.make(0)
    with transaction(small.engine) as session:
        row = receipts.newest(session, run_id(0))
        assert row is not None
        text, entry, checkpoint = proof_of(session, keys.load(small.folder), row, LATER)
        size = log.size(session)
        path = [base64.b64encode(each).decode() for each in log.inclusion(session, row.leaf, size)]
        assert entry == log.entry(session, row.leaf)
        encoded = base64.b64encode(entry).decode()
        head = ["c2sp.org/tlog-proof@v1", f"extra {encoded}", f"index {row.leaf}", *path]
        assert text == "\n".join(head) + "\n\n" + checkpoint.note
        assert (checkpoint.size, log.newest(session)) == (size, checkpoint)
        row.leaf = 99
        with pytest.raises(TrackrecordError) as refused:
            proof_of(session, keys.load(small.folder), row, LATER)
    value = refused.value
    assert value.message == "The log has no entry 99."
    assert (value.hint, value.status) == ("Tell the operator: python -m registry doctor.", 409)


def test_a_receipt_under_another_id_does_not_count(small: Maker) -> None:
    small.make(0)
    with transaction(small.engine) as session:
        row = receipts.newest(session, run_id(0))
        assert row is not None
        found = verified(session, row)
        assert (found.id, found.checked[1].how) == (row.id, f"{row.key_id[:16]}, this registry's")
        stranger = Receipt(**{**row.model_dump(), "id": "0" * 64})
        with pytest.raises(TrackrecordError) as refused:
            verified(session, stranger)
    assert refused.value.message == "The kept receipt has another id than its content."
    assert refused.value.status == 409
