"""What this machine's trackrecord was told: variables TRACKRECORD_*, and the file that `trackrecord login` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trackrecord.errors import TrackrecordError

Mode = Literal["online", "offline", "disabled"]


@dataclass(frozen=True, slots=True)
class Config:
    """`url` and `token` are None where nobody said them; `home` is the folder of the journals."""

    url: str | None
    token: str | None = field(repr=False)
    home: Path
    mode: Mode
    source: str  # where url and token come from, for `doctor`
    system_metrics: bool = True
    console: bool = True  # whether the end of what a script prints is kept


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read the environment, then the file. A token in the file is used for the address it was made for only."""
    env = os.environ if environ is None else environ
    kept = _read(file(env))
    url, token = _address(env.get("TRACKRECORD_URL", "")), env.get("TRACKRECORD_TOKEN", "").strip()
    source = "the environment" if url else str(file(env))
    url = url or _address(kept.get("url", ""))
    if not token and url == _address(kept.get("url", "")):
        token = kept.get("token", "").strip()
    return Config(
        url or None,
        token or None,
        home(env),
        _mode(env),
        source,
        _on(env, "TRACKRECORD_SYSTEM_METRICS"),
        _on(env, "TRACKRECORD_CONSOLE"),
    )


def file(env: Mapping[str, str] | None = None) -> Path:
    """The file of `trackrecord login`."""
    env = os.environ if env is None else env
    return _base(env, "XDG_CONFIG_HOME", ".config") / "trackrecord" / "config.json"


def home(env: Mapping[str, str] | None = None) -> Path:
    """The folder that holds the journals and the cache of digests."""
    env = os.environ if env is None else env
    told = env.get("TRACKRECORD_HOME")
    return Path(told).expanduser().absolute() if told else _base(env, "XDG_STATE_HOME", ".local/state") / "trackrecord"


def save(url: str, token: str) -> Path:
    """Keep what `login` was told, readable by this user only."""
    path = file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump({"url": _address(url), "token": token}, handle)
    fresh.replace(path)
    return path


def need_url(config: Config) -> str:
    """The address, or an error that says how to give one."""
    if config.url is None:
        raise TrackrecordError(
            "No registry is configured.",
            "Run `trackrecord login ADDRESS`, or set TRACKRECORD_URL and TRACKRECORD_TOKEN.",
        )
    return config.url


def _address(text: str) -> str:
    text = text.strip().rstrip("/")
    return text if not text or "://" in text else f"http://{text}"


def _mode(env: Mapping[str, str]) -> Mode:
    if env.get("TRACKRECORD_DISABLED", "").strip().lower() in {"1", "true", "yes", "on"}:
        return "disabled"
    told = env.get("TRACKRECORD_MODE", "").strip().lower()
    return "offline" if told == "offline" else "disabled" if told == "disabled" else "online"


def _on(env: Mapping[str, str], variable: str) -> bool:
    return env.get(variable, "").strip().lower() not in {"0", "false", "no", "off"}


def _base(env: Mapping[str, str], variable: str, default: str) -> Path:
    told = env.get(variable, "")
    if told.startswith("/"):
        return Path(told)
    user = env.get("HOME")
    return (Path(user) if user else Path(os.path.expanduser("~"))) / default


def _read(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
