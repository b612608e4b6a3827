"""Better numbers than there are: invented, selected, measured on something else, taken from another step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.api.scene import DATA, PROJECT, batch, body, milliseconds, report
from tests.soak import count
from tests.threats.office import METRIC, Office, a_verified_run, claims_no_more
from trackrecord.answer import SELF_REPORTED
from trackrecord.report import ArtifactReport, DatasetReport, PointsReport, PredictionsReport

NEVER = "It did not check the test set, the evaluator's correctness, or runs that were never registered."
UNCOUNTED = "Runs never registered cannot be counted."


def types_a_fake_number(office: Office) -> None:
    a_verified_run(office, 0.9999)
    best, shown, receipt = office.best(), office.ask("show", "brave-otter-1"), office.ask("receipt", "brave-otter-1")
    for text in (best, shown, receipt):
        assert SELF_REPORTED.rstrip(".") in text.replace("\n", " ")
    assert NEVER in receipt
    assert "recomputed |" not in shown
    claims_no_more(best, shown, receipt)


def types_a_fake_number_beside_predictions(office: Office) -> None:
    labels = office.upload(b"label\n0\n1\n1\n0\n", "maintainer")
    office.rules(replace(METRIC, measure="accuracy", labels=labels))
    said = b"prediction\n0\n1\n1\n1\n"
    digest = office.upload(said)
    told = PredictionsReport(metric="test/accuracy", digest=digest, format="csv")
    file = ArtifactReport(name="predictions.csv", digest=digest, size=len(said))
    run = office.train(sends=replace(batch(0.9999), predictions=[told], artifacts=[file]))
    office.look()
    assert office.verdict(run) == "refuted"
    assert "The run reports 0.9999, the registry computes 0.75" in office.ask("show", "brave-otter-1")


def reports_the_best_of_many_seeds(office: Office) -> None:
    many = count(9, 500)
    for seed in range(many):
        office.train(0.80 + 0.01 * (seed % 10), params={"lr": 0.1, "seed": seed})
    while office.look():
        pass
    best = office.best()
    assert f"Best of {many} runs of this configuration" in best
    assert "median 84.00 %" in best if many == 9 else "median" in best
    assert "the best of 5 such runs is expected at" in best
    assert UNCOUNTED in best
    assert f"One of {many} runs of this configuration" in office.ask("show", "brave-otter-1")


def deletes_bad_runs(office: Office) -> None:
    for seed, value in enumerate((0.91, 0.60, 0.61)):
        a_verified_run(office, value, params={"lr": 0.1, "seed": seed})
    failed = office.train(0.5, params={"lr": 0.1, "seed": 9}, state="failed")
    for run, who in ((2, "maintainer"), (3, "maintainer"), (failed, "admin")):
        path = f"runs/{run if isinstance(run, str) else f'01JD{run:022d}'}/corrections"
        assert office.send("POST", path, b'{"what": "deleted", "reason": "not good"}', who)[0] == 201
    assert office.send("POST", f"runs/{failed}/corrections", b'{"what": "deleted", "reason": "x"}')[0] == 403
    while office.look():
        pass
    best = office.best()
    assert "1 verified of 4 runs (3 deleted)" in best
    assert "Best of 4 runs of this configuration (1 verified and 3 deleted)" in best
    assert "deleted by someone-maintainer: not good" in office.ask("show", "brave-otter-2").lower()


def trains_on_the_test_set(office: Office) -> None:
    both = [DatasetReport(name=f"digits/{split}", digest=DATA, split=split) for split in ("train", "test")]
    a_verified_run(office, 0.999, sends=replace(batch(0.999), datasets=both))
    receipt = office.ask("receipt", "brave-otter-1")
    assert NEVER in receipt
    assert "the test set" in receipt.split("Not checked", 1)[-1].split("\n")
    claims_no_more(receipt, office.best(), office.ask("show", "brave-otter-1"))


def evaluates_on_other_data(office: Office) -> None:
    cases: dict[str, dict[str, Any]] = {
        "was declared as the split val, the project means test": {"split": "val"},
        "another split or version, this number cannot be compared": {"digest": "e" * 64},
        "does not cover all of it: the first 100 rows": {"partial": "the first 100 rows"},
        "The run did not declare digits/test; it declared digits/easy": {"name": "digits/easy"},
    }
    for words, change in cases.items():
        honest = DatasetReport(name="digits/test", digest=DATA, split="test")
        run = office.train(sends=replace(batch(0.99), datasets=[replace(honest, **change)]))
        office.look()
        assert office.verdict(run) == "unverified"
        assert words in office.found(run, "data_pinned").reason
        assert words in office.ask("show", f"brave-otter-{office.names}")
    assert "No verified run" in office.best()
    # A subset that is declared as the whole is not seen: the finding says what was declared, and no more.
    subset = DatasetReport(name="digits/test", digest=DATA, split="test", count=100)
    run = a_verified_run(office, 0.99, sends=replace(batch(0.99), datasets=[subset]))
    assert office.found(run, "data_pinned").reason.startswith("digits/test was declared with the pinned digest")
    assert " | 100 | " in office.ask("show", f"brave-otter-{office.names}"), "the example count is shown"


def renames_the_metric(office: Office) -> None:
    points = batch(0.99).points[0]
    run = office.train(sends=replace(batch(0.99), points=[replace(points, metric="val/accuracy")]))
    office.look()
    assert office.verdict(run) == "unverified"
    assert office.found(run, "metric_as_defined").reason == "The run has no test/accuracy; it has val/accuracy."
    run, _ = office.opened()
    for name in ("test/аccuracy", "test/accuracy\u200b", "test／accuracy"):
        sent = replace(batch(0.99), points=[replace(points, metric=name)])
        assert office.send("PUT", f"runs/{run}/batches/main/0", sent)[0] == 422
    flipped = body(report()).replace(b'"params"', b'"direction": "lower", "params"')
    assert office.send("PUT", "runs/01JD0000000000000000000099", flipped)[0] == 422
    for who in ("runner", "ben", "reader", "other"):
        rules = office.send("GET", f"projects/{PROJECT}", who="maintainer")[1]
        assert rules["metrics"][0]["direction"] == "higher"
        lower = b'{"metrics": [{"name": "test/accuracy", "split": "test", "dataset": "d", "direction": "lower"}]}'
        assert office.send("PUT", f"projects/{PROJECT}", lower, who)[0] in (403, 422)
        wanted = {"title": "", "metrics": []}
        assert office.send("PUT", f"projects/{PROJECT}", str(wanted).replace("'", '"').encode(), who)[0] == 403


def picks_the_best_step(office: Office) -> None:
    points = PointsReport(
        metric="test/accuracy", steps=[0, 1, 2], times=[milliseconds()] * 3, values=[0.70, 0.99, 0.80]
    )
    model = ArtifactReport(name="model.pt", digest=office.upload(b"weights"), size=7, step=2)
    sends = replace(batch(), points=[points], artifacts=[model])
    a_verified_run(office, sends=sends)
    best = office.best()
    assert "80.00 % test/accuracy (test split, last value)" in best
    assert "step | 2" in best
    office.rules(replace(METRIC, rule="best"))
    office.look()
    office.again("01JD0000000000000000000001")
    found = office.found("01JD0000000000000000000001", "headline_recomputed")
    assert found.reason == "test/accuracy is 0.99 at step 1, the best value; the last of 3 is 0.8 at step 2."
    best, shown = office.best(), office.ask("show", "brave-otter-1")
    assert "99.00 % test/accuracy (test split, best value)" in best
    assert "step | 1" in best
    assert "last value | 80.00 % at step 2" in best, "the last value stands beside it"
    assert "test/accuracy | 80.00 % @ 2" in shown
    assert "model.pt is of step 2; the value that counts is of step 1." in shown


def improves_by_a_hair_every_hour(office: Office) -> None:
    office.rules(replace(METRIC, margin=0.001))
    told = []
    for hour, value in enumerate((0.90, 0.90001, 0.90002, 0.903, 0.904)):
        office.train(value, params={"lr": 0.1, "seed": hour})
        office.look(timedelta(minutes=50))
        with office.scene.engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT payload, claimed_until FROM outgoing ORDER BY id")).all()
        told.append(len(rows))
    assert told == [1, 1, 1, 2, 3], "below the margin nobody is told"
    assert rows[-1].claimed_until is not None, "and of those above it once an hour"
    assert "±" in office.best(), "the spread over seeds stands beside the value"


def resumes_from_a_better_checkpoint(office: Office) -> None:
    a_verified_run(office, params={"resume": "runs/best.pt", "seed": 1})
    receipt = office.ask("receipt", "brave-otter-1")
    assert "initial weights" in receipt.split("\n")
    claims_no_more(receipt)


def is_lucky_once(office: Office) -> None:
    a_verified_run(office)
    best, shown = office.best(), office.ask("show", "brave-otter-1")
    assert "was tried once: how far seeds spread is not known" in best
    assert "was tried once: how far seeds spread is not known" in shown
    claims_no_more(best, shown)
