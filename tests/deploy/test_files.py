"""What stands in deploy/ is well formed: linted by the tools that know the formats, without a container engine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from registry.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
YAMLLINT = "{extends: default, rules: {line-length: {max: 121}}}"


def _said(*command: str | Path, code: int = 0) -> str:
    done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    return said


def test_dockerfile() -> None:
    assert _said(BIN / "hadolint", DEPLOY / "Dockerfile") == ""


def test_the_dockerfile_linter_sees_faults(tmp_path: Path) -> None:
    faulty = tmp_path / "Dockerfile"
    faulty.write_text((DEPLOY / "Dockerfile").read_text().replace("# hadolint ignore=DL3008\n", ""))
    assert "DL3008" in _said(BIN / "hadolint", faulty, code=1)


def test_compose_follows_the_specification(tmp_path: Path) -> None:
    check = (BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    _said(*check, DEPLOY / "compose.yaml")
    faulty = tmp_path / "compose.yaml"
    faulty.write_text((DEPLOY / "compose.yaml").read_text().replace("depends_on:", "depend_on:", 1))
    assert "depend_on" in _said(*check, faulty, code=1)


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yaml")), ids=lambda path: path.name)
def test_yaml_is_tidy(path: Path) -> None:
    _said(BIN / "yamllint", "--strict", "-d", YAMLLINT, path)


def test_compose_waits_for_health_and_keeps_what_it_must() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["registry"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["bot"]["depends_on"]["registry"]["condition"] == "service_healthy"
    assert services["database"]["volumes"] == ["database:/var/lib/postgresql"]  # not …/data, since PostgreSQL 18
    assert not any("latest" in service["image"] for service in services.values())


def test_settings_that_deploy_names_exist() -> None:
    known = {f"TRACKRECORD_{name.upper()}" for name in Settings.model_fields}
    texts = [DEPLOY / "Dockerfile", DEPLOY / "compose.yaml", DEPLOY / "README.md", *UNITS]
    client_side = {"TRACKRECORD_URL", "TRACKRECORD_TOKEN"}
    for path in texts:
        unknown = set(re.findall(r"TRACKRECORD_[A-Z_]+", path.read_text())) - known - client_side
        assert not unknown, f"{path.name}: {unknown}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_units(unit: Path, tmp_path: Path) -> None:
    for other in UNITS:
        text = other.read_text().replace("/opt/trackrecord/.venv/bin/python", sys.executable)
        (tmp_path / other.name).write_text(text)
    assert _said("systemd-analyze", "verify", "--man=no", tmp_path / unit.name).strip() == ""
    security = _said("systemd-analyze", "security", "--offline=true", "--threshold=30", tmp_path / unit.name)
    assert "Overall exposure level" in security


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_manifests_are_what_the_bot_registers(mode: str) -> None:
    file = DEPLOY / f"slack-manifest.{mode}.json"
    address = ("--url", "https://bot.example.org/slack/events") if mode == "http" else ()
    fresh = _said(sys.executable, "-m", "bot", "manifest", "--mode", mode, *address)
    again = f"`.venv/bin/python -m bot manifest --mode {mode} {' '.join(address)} > {file.relative_to(ROOT)}`"
    assert file.read_text() == fresh, f"stale: run {again}"
    assert json.loads(fresh)["settings"]["socket_mode_enabled"] is (mode == "socket")
