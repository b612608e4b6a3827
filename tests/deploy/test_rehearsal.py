"""The Dockerfile's steps without Docker: environment from the lock, wheel, server from its folder, /readyz."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv") or str(ROOT / ".tools/bin/uv")


def _run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the image has it: opt/venv and app/{registry,bot}, built by the same commands."""
    top = tmp_path_factory.mktemp("image")
    build, venv, app = top / "build", top / "opt/venv", top / "app"
    build.mkdir()
    python = venv / "bin/python"
    shutil.copytree(ROOT / "trackrecord", build / "trackrecord", ignore=shutil.ignore_patterns("__pycache__"))
    (build / "deploy/locks").mkdir(parents=True)
    for name in ("deploy/locks/run.txt", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, build / name)
    _run(UV, "venv", "-q", "--no-project", "-p", sys.executable, venv, cwd=build)
    lock = ("--require-hashes", "--only-binary", ":all:", "-p", python, "deploy/locks/run.txt")
    _run(UV, "pip", "sync", "-q", *lock, cwd=build)
    _run(UV, "build", "-q", "--wheel", "-o", "dist", ".", cwd=build)
    _run(UV, "pip", "install", "-q", "--no-deps", "-p", python, *(build / "dist").glob("*.whl"), cwd=build)
    for package in ("registry", "bot"):
        shutil.copytree(ROOT / package, app / package, ignore=shutil.ignore_patterns("__pycache__", "playground"))
    return top


def test_the_steps_are_the_dockerfiles() -> None:
    """Who changes the Dockerfile's steps is reminded to rehearse the new ones."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    for step in (
        "uv pip sync --require-hashes --only-binary :all: -p /opt/venv/bin/python deploy/locks/run.txt",
        "uv build -q --wheel -o dist .",
        "uv pip install --no-deps -p /opt/venv/bin/python dist/*.whl",
        "COPY registry registry",
        "COPY bot bot",
        'ENTRYPOINT ["python", "-m"]',
        'CMD ["registry"]',
    ):
        assert step in text, step


def test_the_wheel_is_the_client_only(image: Path) -> None:
    (wheel,) = (image / "build/dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"trackrecord"}
    assert "trackrecord/py.typed" in names
    base = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert {re.split(r"[<>=!~;\[ ]", line.split(": ")[1])[0] for line in base} == {"urllib3", "click"}


def test_the_client_stands_alone(image: Path) -> None:
    """Installed as a wheel, nothing of the server comes along with `import trackrecord`."""
    code = "import sys, trackrecord; print(trackrecord.__file__, *sorted({n.split('.')[0] for n in sys.modules}))"
    said = _run(image / "opt/venv/bin/python", "-c", code, cwd=image / "opt")
    assert "site-packages/trackrecord" in said
    assert not {"registry", "bot", "sqlmodel", "numpy", "git", "pydantic"} & set(said.split())
    assert "Usage" in _run(image / "opt/venv/bin/trackrecord", "--help", cwd=image / "opt")


@pytest.fixture
def served(image: Path, tmp_path: Path) -> Iterator[str]:
    environment = {
        "PATH": f"{image / 'opt/venv/bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRACKRECORD_DATA_DIR": str(tmp_path / "data"),
        "TRACKRECORD_PORT": "0",
    }
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["python", "-m", "registry"], cwd=image / "app", env=environment, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        end = time.monotonic() + 60
        while not (found := re.search(r"registry listening on (http://\S+)\n", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield found[1]
    finally:
        process.terminate()
        process.wait(20)


def test_the_server_is_ready_and_its_pages_are_there(served: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{served}/readyz", timeout=10) as answer:
        assert answer.status == 200
    with opener.open(f"{served}/login", timeout=10) as answer:
        assert b"<html" in answer.read().lower()
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(f"{served}/api/v1/whoami", timeout=10)
    assert refused.value.code == 401
