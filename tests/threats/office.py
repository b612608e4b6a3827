"""A team's registry with a real repository: what its members do there goes through the API, and so do the answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from registry.examine import examine_due
from tests.api.scene import DATA, PROJECT, Scene, batch, body, ended, head_of, make_scene, report, run_id
from tests.flows.repository import Repository, git
from trackrecord.report import BatchReport, CodeReport, MetricRules, ProjectRules, WriterEnd

METRIC = MetricRules(
    name="test/accuracy", split="test", dataset="digits/test", dataset_digest=DATA, rule="last", percent=True
)


@dataclass(frozen=True)
class Finding:
    """What a check said, over HTTP."""

    outcome: str
    refutes: bool
    reason: str


@dataclass
class Office:
    """`train` is a whole run; `look` lets the checks look; `ask` is what everybody is answered."""

    scene: Scene
    repository: Repository
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    names: int = 0

    @classmethod
    def open(cls, engine: sa.Engine, folder: Path) -> Office:
        office = cls(make_scene(engine, folder, git_protocols="file"), Repository(folder / "code"))
        office.rules()
        return office

    def rules(self, metric: MetricRules = METRIC, **changes: Any) -> None:
        wanted = ProjectRules(repository=self.repository.address, metrics=[metric])
        assert self.send("PUT", f"projects/{PROJECT}", replace(wanted, **changes), "maintainer")[0] == 200

    def send(self, method: str, path: str, content: Any = None, who: str = "runner", **headers: str) -> tuple[int, Any]:
        answer = self.scene.send(method, f"/api/v1/{path}", content, who, **headers)
        return answer.status_code, answer.json() if answer.headers.get("content-type") == "application/json" else None

    def opened(self, who: str = "runner", **changes: Any) -> tuple[str, bytes]:
        """A run that begins: its id, and what was sent."""
        self.names += 1
        sent = body(report(**{"name": f"brave-otter-{self.names}", "code": self.repository.report(), **changes}))
        run = run_id(self.names)
        status, said = self.send("PUT", f"runs/{run}", sent, who)
        assert status == 201, said
        return run, sent

    def train(
        self,
        value: float = 0.91,
        *,
        who: str = "runner",
        sends: BatchReport | None = None,
        state: Any = "finished",
        **changes: Any,
    ) -> str:
        """A run to its end, in one batch; its id."""
        run, opening = self.opened(who, **changes)
        sent = body(sends or batch(value))
        status, said = self.send("PUT", f"runs/{run}/batches/main/0", sent, who)
        assert status == 200, said
        self.end(run, opening, sent, who=who, state=state)
        return run

    def end(self, run: str, *sent: bytes, who: str = "runner", state: Any = "finished") -> None:
        end = ended({"main": WriterEnd(batches=len(sent) - 1, head=head_of(*sent))}, state=state)
        assert self.send("PUT", f"runs/{run}/finish", end, who)[0] == 200

    def changed(self, name: str, text: str) -> tuple[CodeReport, bytes]:
        """The code as it is with a file that nobody committed, and the patch that a client would send of it."""
        clone, code = self.repository.clone, self.repository.report()
        (clone / name).write_text(text)
        git(clone, "add", "-A")
        tree = git(clone, "write-tree")
        patch = git(clone, "diff", "--cached", "--binary", "--full-index", "HEAD").encode() + b"\n"
        git(clone, "reset", "-q", "--hard")
        digest = hashlib.sha256(patch).hexdigest()
        return replace(code, tree=tree, patch=digest, dirty=True, changed=[name]), patch

    def upload(self, content: bytes, who: str = "runner") -> str:
        digest = hashlib.sha256(content).hexdigest()
        status, _ = self.send("PUT", f"artifacts/{digest}", content, who, **{"Content-Type": "application/x"})
        assert status in (200, 201)
        return digest

    def look(self, later: timedelta = timedelta(0)) -> int:
        """Time goes on by `later`; then the checks look at every run that is due; how many those were."""
        self.now = max(self.now + later, datetime.now(UTC))
        return examine_due(self.scene.engine, self.scene.store, self.scene.settings, self.now)

    def again(self, run: str) -> None:
        """Somebody asks for another look, and it is done."""
        assert self.send("POST", f"runs/{run}/recheck", who="reader")[0] == 202
        assert self.look(timedelta(seconds=1)) >= 1

    def verdict(self, run: str) -> str:
        return str(self.send("GET", f"runs/{run}", who="reader")[1]["verdict"])

    def found(self, run: str, check: str) -> Finding:
        rows = self.send("GET", f"runs/{run}", who="reader")[1]["findings"]
        (row,) = [row for row in rows if row["check"] == check]
        return Finding(row["outcome"], row["refutes"], row["reason"])

    def ask(self, question: str, *words: str) -> str:
        """The whole answer as text: every word that anybody is shown."""
        path = f"/api/v1/answers/{question}"
        answer = self.scene.client.get(
            path, params={"words": " ".join(words)}, headers={"Authorization": f"Bearer {self.scene.token['reader']}"}
        )
        assert answer.status_code == 200, answer.text
        return "\n".join(_words(answer.json()))

    def best(self) -> str:
        return self.ask("best", PROJECT)

    def leader(self) -> str:
        """The name in best's first sentence."""
        return self.best().split("\n", 2)[1].split(" ", 1)[0]

    def sql(self, statement: str, **values: Any) -> int:
        """What somebody does who can write to the database."""
        with self.scene.engine.begin() as connection:
            return connection.execute(sa.text(statement), values).rowcount


def a_verified_run(office: Office, value: float = 0.91, **changes: object) -> str:
    run = office.train(value, **changes)  # type: ignore[arg-type]
    office.look()
    assert office.verdict(run) == "verified"
    return run


def claims_no_more(*answers: str) -> None:
    """No answer says more than was seen."""
    for text in answers:
        for word in ("proved", "proven", "reproduced", "true value", "guaranteed"):
            assert word not in text.lower().replace("not reproduced", ""), word


def _words(value: Any, key: str = "") -> list[str]:
    """Title and text first; then every string of the parts, a row of a table in one line."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        if value and all(isinstance(each, (str, int, float)) for each in value):
            return [" | ".join(str(each) for each in value)]
        return [word for each in value for word in _words(each)]
    if isinstance(value, dict):
        order = sorted(value, key=lambda name: ("title", "text").index(name) if name in ("title", "text") else 2)
        return [word for name in order for word in _words(value[name], name)]
    return [] if value is None else [json.dumps(value)]
