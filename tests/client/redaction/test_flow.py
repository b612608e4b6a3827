"""Secrets in every place that a run looks at, through the real client to the real registry: none of them is anywhere.

What an artifact of the user's own holds is the user's, and is not searched: none is planted there.
"""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import urllib3
import zstandard

from tests.client.conftest import Repository
from tests.client.redaction.kinds import KINDS, plant
from tests.client.served import served
from tests.client.test_cli import cli
from tests.slack.world import CHANNEL, eventually, running
from trackrecord import config
from trackrecord.client import Client

TRAIN = """
import os, sys, numpy, trackrecord
said = os.environ["PLANTED"].split(" ")
run = trackrecord.run("milestone-1", params={
    "lr": 0.1, "hub": {"api_key": said[0], "note": "with " + said[1]}, said[2]: 1, "list": [said[3], {"x": [said[4]]}]})
with run:
    print("logging in with", said[5], flush=True)
    print("WANDB_API_KEY=" + said[6], file=sys.stderr, flush=True)
    run.dataset("data/" + said[7], data=b"1 2 3", split="test-" + said[8])
    run.log({"test/accuracy": 0.5, "loss/" + said[9]: 0.1, "text " + said[10]: "no number"})
    open("model-" + said[11] + ".pt", "wb").write(b"weights")
    run.artifact("model-" + said[11] + ".pt")
    run.artifact("missing-" + said[12] + ".pt")
    run.predictions({"prediction": [1, 2]}, metric="test/" + said[13])
    run.finish("failed", "cannot reach the hub with " + said[14]) if "finish" in sys.argv else None
    raise ValueError("401 for token " + said[15] + " at https://ada:" + said[16] + "@hub.example.org/")
"""
SHAPED = [
    "Hugging Face",
    "GitHub classic",
    "Slack bot",
    "OpenAI project",
    "trackrecord",
    "Groq",
    "Stripe",
    "AWS key id",
]


class Planted:
    """Every secret by the place that it was put in."""

    def __init__(self, seed: int) -> None:
        self._lot, self.all = random.Random(seed), dict[str, str]()

    def one(self, place: str, kind: str = "") -> str:
        name = kind or self._lot.choice(SHAPED)
        of = next(each for each in KINDS if each.name == name)
        self.all[place] = plant(of, self._lot).value
        return self.all[place]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[tuple[str, str]]:
    with served(place) as told:
        yield told


def test_no_planted_secret_is_anywhere_afterwards(
    server: tuple[str, str], place: Path, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.SystemRandom().getrandbits(64)
    planted = Planted(seed)
    told = {"URL": server[0], "TOKEN": server[1], "HOME": str(tmp_path / "journals"), "CONSOLE": "1"}
    for name, value in told.items():
        monkeypatch.setenv(f"TRACKRECORD_{name}", value)
    _prepare(repository, tmp_path, planted)
    said = [_train(repository, planted, "--lr=0.1")]
    _dirty(repository, planted)
    said.append(_train(repository, planted, "finish"))
    assert "the code was not sent: " in said[1]
    assert "looks like" in said[1]
    runs = _answers(said)
    assert [run["state"] for run in runs] == ["failed", "failed"]
    of_secrets = [each for run in runs for each in run["findings"] if each["check"] == "no_secrets"]
    assert {each["outcome"] for each in of_secrets} == {"pass"}, of_secrets
    said += _in_slack(place, runs, tmp_path / "slack")
    seen = {f"what the client says, {number}": text.encode() for number, text in enumerate(said)}
    for folder in (tmp_path / "journals", place):
        seen |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    seen |= dict(_rows(place))
    for name, content in list(seen.items()):
        seen |= {f"{name}, unpacked {number}": text for number, text in enumerate(_unpacked(content))}
    _was_recorded(seen)
    assert len(planted.all) >= 30
    found = [
        f"{where}: in {name}: …{content[max(0, content.find(secret.encode()) - 60) :][:60]!r}"
        for where, secret in planted.all.items()
        for name, content in seen.items()
        if secret.encode() in content
    ]
    assert not found, f"{seed}: " + "\n".join(found)


def _prepare(repository: Repository, tmp_path: Path, planted: Planted) -> None:
    """A pushed script; a lock file that git does not know; a remote and a branch that say too much."""
    repository.write("train.py", TRAIN)
    repository.write(".gitignore", "requirements.txt\nmodel-*\n")
    repository.push("a training script")
    (tmp_path / "project.toml").write_text(
        f'project = "milestone-1"\nrepository = "{repository.origin.as_uri()}"\n'
        f'[[metrics]]\nname = "test/accuracy"\nsplit = "test"\ndataset = "digits/test"\ndataset_digest = "{"a" * 64}"\n'
    )
    done = cli("define", str(tmp_path / "project.toml"))
    assert done.returncode == 0, done.stderr
    index = (
        f"--index-url https://ci:{planted.one('lock file', 'MLflow password')}@index.example.org/simple\nnumpy==2.3\n"
    )
    repository.write("requirements.txt", index)
    remote = f"https://x-access-token:{planted.one('remote', 'GitHub app')}@git.example.org/team/code.git"
    repository.git("remote", "set-url", "origin", remote)
    repository.git("checkout", "-qb", f"try/{planted.one('branch')}")


def _dirty(repository: Repository, planted: Planted) -> None:
    """Uncommitted: a script, a notebook, a folder and a file whose names are secrets, a key over several lines."""
    token = planted.one("patch, over two lines", "OpenAI old")
    repository.write("config.py", f'KEY = ("{token[:20]}"\n    "{token[20:]}")\nHUB = "{planted.one("patch")}"\n')
    source = [f'os.environ["WANDB_API_KEY"] = "{planted.one("notebook", "W&B")}"\n']
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    repository.write("look.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}, indent=1))
    repository.write(f"{planted.one('name of a folder')}/{planted.one('name of a file')}.txt", "1\n")
    repository.write("deploy.pem", planted.one("PEM", "PEM, RSA") + "\n")
    repository.write(f"large-{planted.one('name of a file that is left out')}.bin", os.urandom(6 << 20))


def _train(repository: Repository, planted: Planted, *words: str) -> str:
    """What the client says beside the script. Every start has secrets of its own."""
    number = len(planted.all)
    said = [planted.one(f"{number}, script {each}", _KIND.get(each, "")) for each in range(17)]
    variables = {
        "PLANTED": " ".join(said),
        "HF_TOKEN": planted.one(f"{number}, environment", "Hugging Face"),
        "NCCL_NOTE": planted.one(f"{number}, variable that is recorded", "GitLab personal"),
        "OMP_AUTH_TOKEN": planted.one(f"{number}, variable by name", "Cohere"),
        "SLURM_ARRAY_JOB_ID": planted.one(f"{number}, launcher", "Postman"),
    }
    flags = [
        "--api-key",
        planted.one(f"{number}, --k v", "Mistral"),
        f"--db-password={planted.one(f'{number}, --k=v', 'a password of a person')}",
    ]
    flags += [f"HUB_SECRET={planted.one(f'{number}, K=v', 'Comet')}", planted.one(f"{number}, word")]
    flags += [f"--url=redis://:{planted.one(f'{number}, address', 'MLflow password')}@cache/0"]
    command = [
        str(Path(sys.executable).with_name("trackrecord")),
        "run",
        "--",
        sys.executable,
        "train.py",
        *words,
        *flags,
    ]
    done = subprocess.run(
        command,
        cwd=repository.path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "trackrecord" in line]
    assert "milestone-1" in "\n".join(ours), done.stderr
    return "\n".join(ours)


_KIND = {6: "W&B", 16: "MLflow password", 0: "Snyk"}


def _answers(said: list[str]) -> list[dict[str, Any]]:
    """Every run as the registry shows it: as JSON, to a terminal and as a page; the answers are kept in `said`."""
    door = Client(config.load())
    ids = dict.fromkeys(re.findall(r"/runs/([0-9A-Z]{26})", "\n".join(said)))
    runs = [dict(door.ask("GET", f"/api/v1/runs/{run}")) for run in ids]
    for run in runs:
        asked = [("show", run["name"]), ("repro", run["name"]), ("best", "milestone-1"), ("recent", "")]
        answers = [door.ask("GET", f"/api/v1/answers/{name}", query={"words": words}) for name, words in asked]
        said += [json.dumps([run, answers]), cli("show", run["name"]).stdout]
        token = {"Authorization": f"Bearer {os.environ['TRACKRECORD_TOKEN']}"}
        page = urllib3.request("GET", f"{os.environ['TRACKRECORD_URL']}/runs/{run['run']}", headers=token)
        said.append(page.data.decode())
    return runs


def _in_slack(place: Path, runs: list[dict[str, Any]], folder: Path) -> list[str]:
    """What people in the stand-in workspace see, and all that was sent to them, once they asked for the runs."""
    folder.mkdir()
    with running(folder, "socket", f"sqlite:///{place / 'data' / 'registry.sqlite'}") as world:
        for run in runs:
            for question in (f"/show {run['name']}", "/recent milestone-1"):
                world.do("command", user="UADA", channel=CHANNEL, text=question)
        eventually(lambda: all(run["name"] in json.dumps(world.state()) for run in runs))
        return [json.dumps(world.state()), *(json.dumps(world.journal(kind)) for kind in ("call", "respond"))]


def _was_recorded(seen: dict[str, bytes]) -> None:
    """Else there would be nothing to find: what was taken out says what it was."""
    rows = b"".join(content for name, content in seen.items() if name.startswith("row run"))
    for marker in (
        b'"NCCL_NOTE":"[redacted: a GitLab token]"',
        b'"OMP_AUTH_TOKEN":"[redacted: OMP_AUTH_TOKEN]"',
        b'"--api-key","[redacted: api-key]","--db-password=[redacted: db-password]",',
        b'"HUB_SECRET=[redacted: HUB_SECRET]"',
        b'"api_key":"[redacted: api_key]"',
        b'"remote":"https://git.example.org/team/code.git"',
        b"401 for token [redacted: ",
        b"cannot reach the hub with [redacted: ",
    ):
        assert marker in rows, marker
    everything = b"".join(seen.values())
    assert b"logging in with [redacted: " in everything  # the console's end
    assert b"requirements.txt was not sent" in everything


def _rows(place: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table."""
    for file in place.rglob("*"):
        if file.is_file() and file.read_bytes()[:15] == b"SQLite format 3":
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as base:
                for (table,) in base.execute("select name from sqlite_master where type = 'table'").fetchall():
                    for number, row in enumerate(base.execute(f'select * from "{table}"')):
                        for column, value in enumerate(row):
                            raw = value if isinstance(value, bytes) else str(value).encode()
                            yield f"row {table}.{number}.{column}", raw


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What is in zstd or zlib, from any byte on at which it may begin."""
    at = content.find(b"\x28\xb5\x2f\xfd")
    while at >= 0:
        with suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(content[at:])
        at = content.find(b"\x28\xb5\x2f\xfd", at + 1)
    if content[:1] == b"\x78":
        with suppress(zlib.error):
            yield zlib.decompress(content)
