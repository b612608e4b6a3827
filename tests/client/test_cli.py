"""The program `trackrecord`, run as a program: questions, login, files, and errors without a trace."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import trackrecord
from tests.client.wire import TOKEN, WireRegistry
from trackrecord.answer import Answer, Code, FollowUp, Note, Table
from trackrecord.cli import joined

Done = subprocess.CompletedProcess[str]


def cli(*words: str, feed: str = "", **variables: str) -> Done:
    program = Path(sys.executable).with_name("trackrecord")
    done = subprocess.run(
        [str(program), *words],
        input=feed,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_questions_go_to_the_registry_as_they_are(registry: WireRegistry) -> None:
    registry.answer = Answer(
        "Best of milestone-1",
        "brave-otter-42 has 91.2 %.",
        (
            Table(("run", "value"), (("brave-otter-42", "91.2 %"),), align=("left", "right")),
            Note("12 of 31 runs.", "warn"),
        ),
        follow_ups=(FollowUp("Repeat it", "repro", "brave-otter-42"),),
    )
    done = cli("best", "milestone-1", "top=3", "where=lr<0.01", "--since", "two words")
    assert done.returncode == 0
    assert registry.asked == ("best", 'milestone-1 top=3 where=lr<0.01 --since "two words"')  # type: ignore[attr-defined]
    assert done.stdout == (
        "Best of milestone-1\n\nrun              value\nbrave-otter-42  91.2 %\n\n! 12 of 31 runs.\n\n"
        "next: trackrecord repro brave-otter-42  (Repeat it)\n"
    )
    data = json.loads(cli("best", "--json", "milestone-1").stdout)
    assert data == json.loads(json.dumps(registry.answer.as_json()))


def test_a_script_of_an_answer_can_be_piped_into_a_shell(registry: WireRegistry) -> None:
    registry.answer = Answer("r", "r", (Code("echo 'a  b'\necho \"$HOME\"\n", title=""),))
    done = cli("repro", "x")
    assert done.stdout.endswith("echo 'a  b'\necho \"$HOME\"\n")


def test_an_unknown_question_and_bad_words_say_what_to_do(registry: WireRegistry) -> None:
    done = cli("bset")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'There is no question "bset".\nDid you mean: trackrecord best\n'
    assert cli("fetch").returncode == 2
    assert cli("--nonsense").returncode == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["a", "b"], "a b"),
        (["a b"], '"a b"'),
        (["key=a b"], 'key="a b"'),
        (['say "x y"'], '“say "x y"”'),
        ([""], '""'),
        (["lr<0.01"], "lr<0.01"),
    ],
)
def test_words_are_quoted_where_the_registry_needs_it(words: list[str], line: str) -> None:
    assert joined(words) == line


def test_login_keeps_the_token_private_and_is_used(
    registry: WireRegistry, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKRECORD_URL")
    monkeypatch.delenv("TRACKRECORD_TOKEN")
    done = cli("whoami")
    assert (done.returncode, "trackrecord login" in done.stderr) == (1, True)
    done = cli("login", registry.url, "--token-stdin", feed=f"trk_{'x' * 36}\n")
    assert (done.returncode, "not known" in done.stderr) == (1, True)
    assert not (home / ".config").exists()
    done = cli("login", registry.url, "--token-stdin", feed=f"{TOKEN}\n")
    assert done.returncode == 0
    place = home / ".config/trackrecord/config.json"
    assert done.stdout == f"ada, maintainer of every project. Kept in {place}.\n"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert cli("whoami").stdout == "ada, maintainer of every project.\n"
    # A token is for the address that it was made for.
    other = cli("whoami", TRACKRECORD_URL="http://127.0.0.1:9")
    assert (other.returncode, TOKEN in other.stderr + other.stdout) == (1, False)


def test_define_sends_a_toml_file(registry: WireRegistry, tmp_path: Path) -> None:
    file = tmp_path / "project.toml"
    file.write_text(
        'project = "milestone-1"\nrepository = "https://example.org/code.git"\n[[metrics]]\nname = "test/accuracy"\n'
        f'split = "test"\ndataset = "digits"\ndataset_digest = "{"0" * 64}"\npercent = true\n'
    )
    assert cli("define", str(file)).stdout == "milestone-1 is defined, with 1 metric.\n"
    assert json.loads(registry.projects["milestone-1"])["metrics"][0]["percent"] is True
    file.write_text('project = "milestone-1"\ncolour = "red"\n')
    done = cli("define", str(file))
    assert (done.returncode, "colour" in done.stderr) == (1, True)
    file.write_text("not toml")
    assert cli("define", str(file)).returncode == 1
    assert cli("define", str(tmp_path / "nothing.toml")).returncode == 1


def test_fetch_checks_the_digest(registry: WireRegistry, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    digest = hashlib.sha256(content).hexdigest()
    registry.artifacts[digest] = content
    done = cli("fetch", digest, "-o", str(tmp_path / "got"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == content
    registry.artifacts[digest] = content[:-1] + bytes([content[-1] ^ 1])
    done = cli("fetch", digest, "-o", str(tmp_path / "bad"))
    assert (done.returncode, "the digest differs" in done.stderr) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got", "home"]
    assert cli("fetch", "abc", "-o", str(tmp_path / "x")).returncode == 1


def test_sync_says_what_became_of_every_run(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as offline:
        offline.setenv("TRACKRECORD_MODE", "offline")
        with trackrecord.run("milestone-1") as first:
            first.log({"loss": 1.0})
        with trackrecord.run("nowhere") as second:
            second.log({"loss": 1.0})
    done = cli("sync")
    assert done.returncode == 1
    assert f"{first.name} of milestone-1: delivered, finished" in done.stdout
    assert f"{second.name} of nowhere: refused: There is no project nowhere." in done.stdout
    assert "2 runs" not in cli("doctor").stdout


def test_doctor_names_what_is_ill(registry: WireRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert [line[:3] for line in done.stdout.splitlines()] == ["ok "] * 5
    registry.stop()
    done = cli("doctor")
    assert (done.returncode, "ill  The registry at" in done.stdout) == (1, True)
    monkeypatch.delenv("TRACKRECORD_URL")
    assert "ill  no registry is configured" in cli("doctor").stdout


def test_digest_is_what_a_dataset_reports(registry: WireRegistry, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("a")
    with trackrecord.run("milestone-1") as run:
        run.dataset("data", path=tmp_path / "data")
    [declared] = registry.run.listed("datasets")
    assert cli("digest", str(tmp_path / "data")).stdout == declared["digest"] + "\n"


def test_a_server_that_is_no_registry_is_said_so(registry: WireRegistry) -> None:
    registry.fault = lambda _method, _path: (200, b"<html>hello</html>")
    done = cli("best")
    assert (done.returncode, "not a trackrecord registry" in done.stderr) == (1, True)
    registry.fault = lambda _method, _path: (302, b"")
    assert "redirect" in cli("best").stderr
    registry.stop()
    done = cli("best")
    assert (done.returncode, "does not answer" in done.stderr) == (1, True)


def test_escapes_in_an_answer_or_error_do_not_reach_the_terminal(registry: WireRegistry) -> None:
    registry.answer = Answer(
        "\x1b[2Jtitle", "x", (Note("\x1b]0;owned\x07 \u202eevil"), Table(("a\x9b31m",), (("b\nc\x1b",),)))
    )
    body = json.dumps({"error": {"message": "\x1b[31mno", "hint": "\x07hint", "passing": False}}).encode()
    good = cli("best").stdout
    registry.fault = lambda _method, _path: (400, body)
    bad = cli("best").stderr
    for text in (good, bad):
        assert not set(text) & set("\x1b\x07\x9b\u202e"), repr(text)
    assert "\\x1b[2Jtitle" in good


def test_help_lists_the_commands_of_this_machine() -> None:
    done = cli("--help")
    assert done.returncode == 0
    for name in ("login", "define", "rules", "sync", "fetch", "digest", "doctor", "whoami", "trackrecord help"):
        assert name in done.stdout
    for name in ("supersede", "invalidate", "delete"):
        assert name in done.stdout


def test_proxies_of_the_environment_are_used(registry: WireRegistry) -> None:
    """The stand-in answers as a proxy would: the request for another host arrives at it."""
    seen: list[Any] = []
    registry.fault = lambda method, path: (
        seen.append((method, path)) or (200, b'{"owner": "p", "role": "reader", "project": null}')
    )  # type: ignore[func-returns-value]
    done = cli("whoami", TRACKRECORD_URL="http://registry.example", http_proxy=registry.url)
    assert (done.returncode, done.stdout) == (0, "p, reader of every project.\n")
    assert seen
    done = cli(
        "whoami", TRACKRECORD_URL="http://registry.invalid", http_proxy=registry.url, no_proxy="registry.invalid"
    )
    assert done.returncode == 1
