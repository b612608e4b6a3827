"""`python -m registry` as a process of its own, the way it is deployed: killed, stopped and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
import urllib3

from tests.api.scene import PROJECT, RULES, body, report

ROOT = Path(__file__).parents[2]


class Registry:
    """The process. `lines` is what it printed; `url` is where the last one that was started listens."""

    def __init__(self, engine: sa.Engine, folder: Path, **settings: str) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRACKRECORD_")},
            "TRACKRECORD_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "TRACKRECORD_DATA_DIR": str(folder / "data"),
            "TRACKRECORD_PORT": "0",
            "TRACKRECORD_GIT_PROTOCOLS": "file:https:ssh",
            **{f"TRACKRECORD_{name.upper()}": value for name, value in settings.items()},
        }
        self.lines: list[str] = []
        self.url = ""
        self._http = urllib3.PoolManager(retries=False)
        self._opening: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()

    def start(self) -> None:
        """Start it, and wait for its line that it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "registry"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        watchdog = threading.Timer(60, self._process.kill)
        watchdog.start()
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            found = re.fullmatch(r"registry listening on (http://\S+)", self.lines[-1])
            if found:
                self.url = found[1]
                break
        watchdog.cancel()
        assert self._process.poll() is None, self._process.communicate()[1]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def stop(self, seconds: float = 20) -> str:
        """Ask it to stop, wait, and return what it said on stderr."""
        self._process.send_signal(signal.SIGTERM)
        out, err = self._process.communicate(timeout=seconds)
        self.lines += out.splitlines()
        return err

    @property
    def tokens(self) -> list[str]:
        return [line.removeprefix("admin token: ") for line in self.lines if line.startswith("admin token: ")]

    @property
    def admin_token(self) -> str:
        return self.tokens[0]

    @property
    def admin_token_printed(self) -> int:
        return len(self.tokens)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`python -m registry …` on the same database."""
        line = [sys.executable, "-m", "registry", *words]
        return subprocess.run(line, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=60)

    def send(self, method: str, path: str, token: str, content: bytes | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = self._http.request(method, self.url + path, body=content, headers=headers)
        return answer.status, answer.json() if answer.data else None

    def make_project(self, token: str) -> None:
        assert self.send("PUT", f"/api/v1/projects/{PROJECT}", token, body(RULES))[0] == 201

    def open_run(self, token: str, run: str) -> bool:
        content = self._opening.setdefault(run, body(report()))
        return self.send("PUT", f"/api/v1/runs/{run}", token, content)[0] in (200, 201)
