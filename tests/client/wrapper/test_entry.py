"""What of a command line is the script, behind any launcher."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackrecord.wrapper import entry


@pytest.mark.parametrize(
    ("line", "script", "flags"),
    [
        ("python train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("python3.11 -X dev -W ignore src/train.py a.py", "src/train.py", "a.py"),
        ("python -u -m package.train --lr 0.1", "package.train", "--lr 0.1"),
        ("python -c pass --lr 0.1", "pass", "--lr 0.1"),
        ("torchrun --nproc_per_node 2 --master-port=29500 train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("torchrun --nproc_per_node 2 -m package.train --lr 0.1", "package.train", "--lr 0.1"),
        ("python -m torch.distributed.run --nproc_per_node 2 train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("accelerate launch --config_file acc.yaml train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("accelerate launch -m package.train --lr 0.1", "package.train", "--lr 0.1"),
        ("uv run --with numpy train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("uv run python -m package.train --lr 0.1", "package.train", "--lr 0.1"),
        ("poetry run python train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("env CUDA_VISIBLE_DEVICES=0 A=x.py python train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("nice -n 5 mpirun -n 4 python train.py --lr 0.1", "train.py", "--lr 0.1"),
        ("bash -e train.sh --lr 0.1", "train.sh", "--lr 0.1"),
        ("./train --lr 0.1", "./train", "--lr 0.1"),
        ("env A=b ./train --lr 0.1", "./train", "--lr 0.1"),
        ("python -m coverage run train.py --lr 0.1", "train.py", "--lr 0.1"),
    ],
)
def test_launchers_are_looked_through(line: str, script: str, flags: str) -> None:
    words = line.split()
    found = entry.find(words)
    assert words[found.at] == script
    assert list(entry.flags(words, found)) == flags.split()


@given(st.lists(st.text(max_size=20), min_size=1, max_size=10))
def test_any_command_has_an_entry(words: list[str]) -> None:
    assert 0 <= entry.find(words).at < len(words)


def test_the_script_is_a_file_and_the_python_is_the_one_that_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package" / "inner").mkdir(parents=True)
    for name in ("train.py", "package/train.py", "package/inner/__main__.py"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> entry.Command:
        return entry.command(words, entry.find(words))

    made = command(sys.executable, "train.py")
    assert (made.words[0], made.script, made.python) == (Path(sys.executable).name, tmp_path / "train.py", None)
    assert command(sys.executable, "-m", "package.train").script == tmp_path / "package" / "train.py"
    assert command(sys.executable, "-m", "package.inner").script == tmp_path / "package" / "inner" / "__main__.py"
    assert command(sys.executable, "-c", "pass").script is None
    assert command("ls", "-l").script is None
    other = Path(sys.base_prefix) / "bin" / "python3"
    told = command("env", "A=b", str(other), "train.py").python
    assert told is not None
    assert (told.prefix, told.version) == (sys.base_prefix, ".".join(map(str, sys.version_info[:3])))
    assert told.path
    program = tmp_path / "launcher"
    program.write_text(f"#!{other}\n")
    program.chmod(0o755)
    told = command(str(program), "train.py").python
    assert told is not None
    assert told.prefix == sys.base_prefix
    broken = command("env", "/nowhere/python", "train.py").python
    assert broken == entry.Python("", "", (), "")
