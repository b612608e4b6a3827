"""What is seen of packages, hardware, command and seeds is what is there."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy
import pytest

from registry.bodies import read
from registry.bounds import run_bounds
from trackrecord import capture, config
from trackrecord.batches import encode
from trackrecord.capture import command, hardware, packages, seeds
from trackrecord.report import RunReport


def _distribution(folder: Path, name: str, version: str, origin: object = None) -> None:
    place = folder / f"{name}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if origin is not None:
        (place / "direct_url.json").write_text(json.dumps(origin))


def test_every_package_has_its_version_and_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = "9fceb02d0ae598e95dc970b74767f19372d61af8"
    _distribution(tmp_path, "plain_one", "1.0+cu118")
    _distribution(
        tmp_path,
        "fromgit",
        "2",
        {"url": "https://u:p@example.org/x.git", "vcs_info": {"vcs": "git", "commit_id": commit}},
    )
    _distribution(tmp_path, "local", "3", {"url": "file:///home/ada/code/local", "dir_info": {"editable": True}})
    _distribution(tmp_path, "broken", "4", "not an object")
    (tmp_path / "empty-5.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {each.name: (each.version, each.origin) for each in packages.look()}
    assert found["plain_one"] == ("1.0+cu118", None)
    assert found["fromgit"] == ("2", f"git+https://example.org/x.git@{commit}")
    assert found["local"] == ("3", "editable file://…/local")
    assert found["broken"] == ("4", None)
    assert found["numpy"] == (importlib.metadata.version("numpy"), None)
    (tmp_path / "old-6.egg-info").write_text("Metadata-Version: 1.0\r\nName: old\r\nVersion: 6\r\n\r\nVersion: 7\r\n")
    monkeypatch.syspath_prepend(str(tmp_path / "zipped.egg"))
    with zipfile.ZipFile(tmp_path / "zipped.egg", "w") as archive:
        archive.writestr("EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\nName: zipped\nVersion: 8\n")
    found = {each.name: (each.version, each.origin) for each in packages.look()}
    assert (found["old"], found["zipped"]) == (("6", None), ("8", None))
    known = {each.metadata["Name"]: each.version for each in reversed(list(importlib.metadata.distributions()))}
    assert {name: version for name, (version, _) in found.items()} == {k: v for k, v in known.items() if k}
    assert list(found) == sorted(found, key=lambda name: name.lower().replace("_", "-").replace(".", "-"))


def test_what_conda_installed_is_named_with_its_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = "https://conda.example/conda-forge/linux-64"
    for name, told in {
        "libblas-3.9.0-26_openblas": {"build": "26_openblas", "channel": channel, "files": ["x" * 90] * 900},
        "nvidia-cuda-12.4-0": {
            "files": ["y" * 90] * 900,
            "channel": "https://conda.example/t/xy-1234/private/linux-64",
        },
        "numpy-9.9-py311_0": {"channel": channel},  # a Python distribution, too: the one that is imported counts
        "_openmp_mutex-4.5-2_gnu": {},
        "nonsense": {},
    }.items():
        (tmp_path / "conda-meta").mkdir(exist_ok=True)
        (tmp_path / f"conda-meta/{name}.json").write_text(json.dumps(told, indent=2))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    found = {each.name: (each.version, each.origin) for each in packages.look()}
    assert found["libblas"] == ("3.9.0", f"conda {channel}")
    assert found["nvidia-cuda"] == ("12.4", "conda https://conda.example/t/[redacted]/private/linux-64")
    assert found["_openmp_mutex"] == ("4.5", "conda")
    assert found["numpy"] == (importlib.metadata.version("numpy"), None)
    assert "nonsense" not in found


def test_lock_files_travel_unless_they_hold_a_secret(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/requirements.txt").write_text("numpy==2\n--index-url https://ada:q8Zt3nVb6Lm@index.example\n")
    found = packages.lock_files([tmp_path, tmp_path / "sub"], tmp_path)
    assert list(found.digests) == ["uv.lock"]
    assert found.files[found.digests["uv.lock"]] == b"version = 1\n"
    assert found.notes == ["sub/requirements.txt was not sent: line 2 looks like a password in a URL"]


def test_the_machine_is_named() -> None:
    assert platform.release() in hardware.system()
    assert hardware.cpu()
    assert hardware.cpu_count() == len(os.sched_getaffinity(0))
    total = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert abs((hardware.memory() or 0) - total) < 64 << 20
    assert isinstance(hardware.gpus().found, list)


def test_nvidia_smi_is_read_where_nvml_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of this name that prints what nvidia-smi prints: no GPU is here to ask."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559, 550.54.15'\necho 'NVIDIA H100 80GB HBM3, 81559, 550.54.15'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    seen = hardware.gpus()
    assert [(each.name, each.memory_bytes) for each in seen.found] == [("NVIDIA H100 80GB HBM3", 81559 << 20)]
    assert seen.driver == "550.54.15"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert hardware.gpus().found == []


def test_a_mac_is_asked_by_sysctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of this name that answers as macOS does: none is here to ask."""
    program = tmp_path / "sysctl"
    program.write_text(
        "#!/bin/sh\n[ $1 = -n ] && case $2 in hw.memsize) echo 17179869184;; machdep.*) echo 'Apple M2';; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    assert (hardware.cpu(), hardware.memory()) == ("Apple M2", 16 << 30)
    assert [(each.name, each.memory_bytes) for each in hardware.gpus().found] == [("Apple M2", None)]
    assert hardware.system().endswith("(macOS 15.1)")
    program.unlink()
    assert (hardware.memory(), hardware.cpu()) == (None, platform.processor() or "arm64")


def test_only_allowed_variables_are_read() -> None:
    environ = {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "OMP_NUM_THREADS": "8",
        "NCCL_DEBUG": "INFO",
        "AWS_SECRET_ACCESS_KEY": "x",
        "HF_TOKEN": "x",
        "TORCH_HUB_TOKEN": "x",
        "HOME": "/home/ada",
        "PYTHONHASHSEED": "0",
        "TF_DETERMINISTIC_OPS": "1",
        "TF_CLI_CONFIG_FILE": "/home/ada/.terraformrc",
        "TF_VAR_password": "x",
    }
    assert hardware.variables(environ) == {
        "CUDA_VISIBLE_DEVICES": "0,1",
        "NCCL_DEBUG": "INFO",
        "OMP_NUM_THREADS": "8",
        "PYTHONHASHSEED": "0",
        "TF_DETERMINISTIC_OPS": "1",
        "TORCH_HUB_TOKEN": "[redacted: TORCH_HUB_TOKEN]",
    }


def test_seeds_are_seen_and_a_state_is_not_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"seed": 3, "data": {"random_state": 4, "seed": "x"}, "seeds": [1], "seedling": 5}
    numpy.random.seed(77)
    found = seeds.look(params, {"PYTHONHASHSEED": "0"})
    assert found == {"seed": 3, "data.random_state": 4, "data.seed": "x", "PYTHONHASHSEED": "0", "numpy": 77}
    numpy.random.rand(2_000)
    assert "numpy" not in seeds.generators()  # the seed is gone from the state: it is not guessed
    numpy.random.seed(None)
    assert "numpy" not in seeds.generators()


def test_torch_is_asked_only_where_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(name.startswith("torch") for name in seeds.generators())
    cudnn = SimpleNamespace(deterministic=True, benchmark=False)
    torch = SimpleNamespace(
        initial_seed=lambda: 2**63 + 5,
        are_deterministic_algorithms_enabled=lambda: False,
        backends=SimpleNamespace(cudnn=cudnn),
        cuda=SimpleNamespace(is_initialized=lambda: False),
        version=SimpleNamespace(cuda="12.8"),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    found = seeds.generators()
    assert found["torch"] == str(2**63 + 5)
    assert (found["torch.cudnn.deterministic"], found["torch.cudnn.benchmark"]) == (True, False)
    assert "torch.cuda" not in found
    assert hardware.gpus().cuda == "12.8"


@pytest.mark.parametrize(
    ("environ", "rank"),
    [
        ({}, 0),
        ({"RANK": "0", "SLURM_PROCID": "3"}, 0),
        ({"RANK": "2"}, 2),
        ({"SLURM_PROCID": "3"}, 3),
        ({"RANK": "x"}, 0),
    ],
)
def test_the_rank_is_read_from_the_launcher(environ: dict[str, str], rank: int) -> None:
    assert command.rank(environ) == rank


def test_a_module_started_with_m_and_a_folder_below(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "pack").mkdir(parents=True)
    (top / "work").mkdir()
    (top / "pack/__init__.py").write_text("")
    (top / "pack/train.py").write_text(
        "import json, os, pathlib\nfrom dataclasses import asdict\nfrom trackrecord.capture import command\n"
        "print(json.dumps(asdict(command.look(pathlib.Path(os.environ['TOP']), {'SLURM_JOB_ID': '7', 'X': 'y'}))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pack.train", "--token", "x", "a b"],
        cwd=top / "work",
        env={**os.environ, "PYTHONPATH": str(top), "TOP": str(top)},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert seen["argv"][1:] == ["-m", "pack.train", "--token", "[redacted: token]", "a b"]
    assert (seen["directory"], seen["entry"]) == ("work", "pack/train.py")
    assert seen["launcher"] == {"SLURM_JOB_ID": "7"}


def test_the_whole_look_fits_the_registry(tmp_path: Path) -> None:
    seen = capture.look({"lr": 0.1}, tmp_path)
    report = RunReport(
        project="p", name="n", started_ms=1, code=seen.code, environment=seen.environment, command=seen.command
    )
    again = read(encode(report), RunReport, run_bounds)
    assert again.environment.python == platform.python_version()
    assert len(again.environment.packages) > 20
    assert str(Path.home()) not in json.dumps(again.environment.packages, default=str)


def test_configuration_comes_from_the_environment_then_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.load({"HOME": str(home)}) == config.Config(
        None, None, home / ".local/state/trackrecord", "online", str(home / ".config/trackrecord/config.json")
    )
    config.save("registry.example:8321/", "trk_file")
    told = config.load()
    assert (told.url, told.token) == ("http://registry.example:8321", "trk_file")
    assert "trk_file" not in repr(told)
    assert config.load({"HOME": str(home), "TRACKRECORD_URL": "http://registry.example:8321/"}).token == "trk_file"
    assert config.load({"HOME": str(home), "TRACKRECORD_URL": "http://other"}).token is None
    assert config.load({"HOME": str(home), "TRACKRECORD_TOKEN": " trk_env "}).token == "trk_env"
    assert config.load({"HOME": str(home), "XDG_STATE_HOME": "/state"}).home == Path("/state/trackrecord")
    assert config.load({"HOME": str(home), "TRACKRECORD_HOME": "~/x"}).home == home / "x"
    for word, mode in (("1", "disabled"), ("true", "disabled"), ("0", "online"), ("", "online")):
        assert config.load({"TRACKRECORD_DISABLED": word}).mode == mode
    (home / ".config/trackrecord/config.json").write_text("[1")
    assert config.load().url is None
