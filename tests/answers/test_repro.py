"""The recipe: pasted into bash it rebuilds the tree, byte for byte; hostile values stay values; no secrets."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from registry.recipe import recipe, without_userinfo
from registry.tables import Dataset
from tests.answers.conftest import Ask
from tests.answers.team import Try, object_id, report_of, run_id
from trackrecord.answer import Code, Note
from trackrecord.report import CodeReport, CommandReport, PackageReport, RunReport

RUN = run_id("brave-otter-42")
GIT = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]


def git(folder: Path, *words: str) -> bytes:
    return subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True).stdout


def paste(script: str, folder: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """As somebody pastes it into a terminal: bash reads it from standard input."""
    environment = {"PATH": f"{path}:/usr/bin:/bin" if path else "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(["bash"], input=script, cwd=folder, env=environment, capture_output=True, text=True)


def dirty_clone(folder: Path) -> tuple[Path, CodeReport, Path]:
    """A pushed commit, and on top of it a changed binary, an untracked module and a deleted file."""
    origin, work = folder / "origin of it.git", folder / "work"
    git(folder, "init", "--quiet", "--bare", str(origin))
    git(folder, "init", "--quiet", "--initial-branch=main", str(work))
    (work / "train.py").write_text("print('x')\r\nno newline at the end")
    (work / "weights.bin").write_bytes(bytes(range(256)))
    (work / "old.txt").write_text("gone soon \n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "-m", "first")
    git(work, "push", "--quiet", str(origin), "main")
    base = git(work, "rev-parse", "HEAD").decode().strip()
    (work / "weights.bin").write_bytes(bytes(reversed(range(256))) * 3)
    (work / "new module.py").write_text("tail = 1  \n\n\n")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "old.txt").unlink()
    git(work, "add", "--all")
    tree = git(work, "write-tree").decode().strip()
    patch = folder / "patch"
    patch.write_bytes(git(work, "diff", "--binary", "--full-index", "--cached", base))
    code = CodeReport(commit=base, base=base, tree=tree, patch="ab" * 32, dirty=True, changed=["weights.bin"])
    return origin, code, patch


def fetching(folder: Path, files: Mapping[str, Path]) -> Path:
    """A `trackrecord` on the PATH whose `fetch` hands out these files; the real one is run by the demo's tests."""
    tools = folder / "bin"
    tools.mkdir()
    lines = [f'[ "$2" = {digest} ] && exec cp {shlex.quote(str(file))} "$4"' for digest, file in files.items()]
    (tools / "trackrecord").write_text("#!/bin/sh\n" + "\n".join(lines) + "\nexit 1\n")
    (tools / "trackrecord").chmod(0o755)
    return tools


def made(report: RunReport, repository: str = "", datasets: tuple[Dataset, ...] = ()) -> tuple[dict[str, Code], str]:
    found = recipe(report, RUN, repository, datasets)
    return {script.filename.rpartition("-")[2]: script for script in found.scripts}, "\n".join(found.gaps)


def test_pasted_it_rebuilds_the_tree(tmp_path: Path) -> None:
    origin, code, patch = dirty_clone(tmp_path)
    scripts, _ = made(report_of(Try(name="brave-otter-42", code=code), "milestone-1"), str(origin))
    tools = fetching(tmp_path, {"ab" * 32: patch})
    pasted = paste(scripts["code.sh"].text, tmp_path, tools)
    assert pasted.stdout == f"tree rebuilt: {code.tree}\n", pasted.stderr
    rebuilt = tmp_path / "brave-otter-42" / "code"
    git(rebuilt, "add", "--all")
    assert git(rebuilt, "write-tree").decode().strip() == code.tree
    for file in ("weights.bin", "new module.py", "train.py", "run.sh"):
        assert (rebuilt / file).read_bytes() == (tmp_path / "work" / file).read_bytes()
    assert not (rebuilt / "old.txt").exists()
    assert (rebuilt / "run.sh").stat().st_mode & 0o100


def test_it_stops_where_the_tree_differs_and_leaves_the_shell_open(tmp_path: Path) -> None:
    origin, code, patch = dirty_clone(tmp_path)
    wrong = replace(code, tree="1" * 40)
    scripts, _ = made(report_of(Try(name="brave-otter-42", code=wrong), "milestone-1"), str(origin))
    tools = fetching(tmp_path, {"ab" * 32: patch})
    pasted = paste(scripts["code.sh"].text + "\necho status $?\n", tmp_path, tools)
    assert "tree rebuilt" not in pasted.stdout
    assert pasted.stdout.endswith("status 1\n")
    assert "not the tree of the run" in pasted.stderr


def test_commits_on_no_remote_come_as_a_bundle(tmp_path: Path) -> None:
    _, code, patch = dirty_clone(tmp_path)
    bundle = tmp_path / "bundle"
    git(tmp_path / "work", "bundle", "create", "--quiet", str(bundle), "HEAD")
    unpushed = replace(code, base=None, bundle="cd" * 32)
    scripts, gaps = made(
        report_of(Try(name="brave-otter-42", code=unpushed), "milestone-1"), "https://unused.example/r"
    )
    tools = fetching(tmp_path, {"ab" * 32: patch, "cd" * 32: bundle})
    pasted = paste(scripts["code.sh"].text, tmp_path, tools)
    assert pasted.stdout == f"tree rebuilt: {code.tree}\n", pasted.stderr
    assert "no commit of it is on a remote" in gaps


def test_the_command_runs_where_and_as_it_ran(tmp_path: Path) -> None:
    command = CommandReport(argv=["/opt/python3.11", "t r.py", "--note", "it's $HOME `id`"], directory="a dir")
    report = report_of(Try(name="brave-otter-42", command=command), "milestone-1")
    scripts, _ = made(report)
    code = tmp_path / "brave-otter-42" / "code" / "a dir"
    code.mkdir(parents=True)
    (code / "t r.py").write_text("import sys, os; print(sys.argv[1:], os.environ['OMP_NUM_THREADS'], os.getcwd())")
    python = tmp_path / "brave-otter-42" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/usr/bin/python3")
    pasted = paste(scripts["run.sh"].text, tmp_path)
    assert pasted.stdout == f"""['--note', "it's $HOME `id`"] 4 {code}\n""", pasted.stderr


@pytest.mark.parametrize(
    "hostile",
    [
        "$(touch pwned)",
        "`touch pwned`",
        "a\ntouch pwned\n",
        "'; touch pwned; '",
        '"; touch pwned; "',
        "-x",
        "--upload-pack=touch pwned",
        "END_OF_REQUIREMENTS\ntouch pwned",
        "a\x00b",
    ],
)
def test_hostile_values_stay_values(tmp_path: Path, hostile: str) -> None:
    """Whatever a report says, pasting its recipe runs nothing of it. Scripts are run up to where their tools fail."""
    report = report_of(Try(name="brave-otter-42"), "milestone-1")
    report = replace(
        report,
        name=hostile,
        seeds={hostile: hostile},
        code=replace(report.code, branch=hostile, changed=[hostile], left_out=[hostile], remote=hostile, patch=hostile),
        command=CommandReport(argv=[hostile, hostile], directory=hostile, entry=hostile),
        environment=replace(
            report.environment,
            python=hostile,
            packages=[
                PackageReport(name=hostile, version=hostile),
                PackageReport(name="numpy", version="2.4.1", origin=hostile),
            ],
            variables={hostile: hostile, "OMP_NUM_THREADS": hostile},
        ),
    )
    dataset = Dataset(run_id=RUN, name=hostile, digest="a" * 64, split=hostile)
    found = recipe(report, RUN, hostile, [dataset])
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("git", "uv", "trackrecord", "python3", hostile.replace("/", "")[:20].replace("\0", "") or "x"):
        if "\n" not in tool:
            (tools / tool).write_text("#!/bin/sh\nexit 0\n")
            (tools / tool).chmod(0o755)
    for script in found.scripts:
        assert re.fullmatch(r"[a-z0-9.-]+", script.filename)
        subprocess.run(["bash", "-n"], input=script.text, text=True, check=True)
        paste(script.text, tmp_path, tools)
        (tmp_path / RUN.lower() / "code").mkdir(parents=True, exist_ok=True)
        paste(script.text, tmp_path, tools)
    assert not [path for path in tmp_path.rglob("*pwned*") if path.name == "pwned"]


def test_secrets_are_left_out() -> None:
    command = CommandReport(
        argv=[
            "python",
            "t.py",
            "--api-key",
            "hunter2",
            "--hf_token=hunter2",
            "--max-tokens",
            "512",
            "--tokenizer",
            "bert",
            "--url=https://u:hunter2@h.example/x",
            "postgresql://u:hunter2@db/x",
        ]
    )
    report = report_of(Try(name="brave-otter-42", command=command), "milestone-1")
    report = replace(
        report,
        code=replace(report.code, remote="https://ada:hunter2@git.example/r.git"),
        environment=replace(
            report.environment,
            variables={"HF_TOKEN": "hunter2", "OMP_NUM_THREADS": "4"},
            packages=[PackageReport(name="x", version="1", origin="git+https://u:hunter2@h.example/x.git")],
        ),
    )
    scripts, gaps = made(report)
    whole = "\n".join(script.text for script in scripts.values())
    assert "hunter2" not in whole + gaps
    assert "--max-tokens 512 --tokenizer bert" in whole
    assert "https://git.example/r.git" in whole
    assert "looked like a secret" in gaps
    assert without_userinfo("ssh://git@h.example/r.git") == "ssh://git@h.example/r.git"
    assert without_userinfo("git@h.example:r.git") == "git@h.example:r.git"


def test_gaps_are_named() -> None:
    report = report_of(Try(name="brave-otter-42"), "milestone-1")
    packages = [
        PackageReport(name="torch", version="2.9.0+cu128"),
        PackageReport(name="mine", version="0.1", origin="file:///home/ada/mine"),
        PackageReport(name="theirs", version="0.2", origin="git+https://h.example/t.git@" + "a" * 40),
    ]
    report = replace(
        report,
        seeds={},
        code=replace(report.code, left_out=["big.bin (larger than 10 MB)"]),
        environment=replace(report.environment, packages=packages, lock_files={}),
    )
    partial = Dataset(run_id=RUN, name="web", digest="a" * 64, partial="the first 1,000 of 90,000 files")
    scripts, gaps = made(report, "https://git.example/r.git", (partial,))
    for gap in (
        "torch 2.9.0+cu128",
        "mine 0.1",
        "no lock file",
        "web (the first 1,000",
        "no seeds",
        "big.bin",
        "NVIDIA L4",
    ):
        assert gap in gaps
    lines = scripts["environment.sh"].text.splitlines()
    assert "theirs @ git+https://h.example/t.git@" + "a" * 40 in lines
    assert "/home/ada" not in "\n".join(lines)


def test_without_code_there_is_no_code_script() -> None:
    report = report_of(Try(name="brave-otter-42", code=CodeReport(problem="No git here.")), "milestone-1")
    scripts, gaps = made(report)
    assert "code.sh" not in scripts
    assert "code: No git here" in gaps
    assert "cannot be rebuilt" in gaps


def test_the_answer_says_the_verdict_first(put: Ask) -> None:
    answer = put("repro", "shy-badger-21")
    first = answer.parts[0]
    assert isinstance(first, Note)
    assert first.text == "Unverified: 15 of 16 checks passed."
    assert "never pushed" in str(answer.parts[1])
    assert [part.filename for part in answer.parts if isinstance(part, Code)] == [
        "shy-badger-21-code.sh",
        "shy-badger-21-environment.sh",
        "shy-badger-21-run.sh",
    ]
    assert object_id("tree") in str(answer)
    assert "Nobody has run this recipe" in str(answer)


def test_places_on_the_old_machine_are_told_and_not_set() -> None:
    report = report_of(Try(name="brave-otter-42"), "milestone-1")
    environment = replace(
        report.environment,
        variables={"CUDA_HOME": "/usr/local/cuda", "OMP_NUM_THREADS": "4"},
        lock_files={"uv.lock": "e" * 64},
    )
    scripts, gaps = made(replace(report, environment=environment))
    assert "# it had CUDA_HOME=/usr/local/cuda" in scripts["run.sh"].text
    assert "export OMP_NUM_THREADS=4" in scripts["run.sh"].text
    assert f"# its lock file uv.lock: trackrecord fetch {'e' * 64}" in scripts["environment.sh"].text
    assert "lock file" not in gaps


def test_what_conda_installed_is_told_and_not_asked_of_an_index() -> None:
    report = report_of(Try(name="brave-otter-42"), "milestone-1")
    channel = "conda https://conda.example/conda-forge/linux-64"
    packages = [PackageReport(name="_openmp_mutex", version="4.5", origin=channel)]
    scripts, gaps = made(replace(report, environment=replace(report.environment, packages=packages)))
    assert f"\n# _openmp_mutex 4.5: {channel}\n" in scripts["environment.sh"].text
    assert "from conda, not from an index, install by hand: _openmp_mutex 4.5" in gaps
