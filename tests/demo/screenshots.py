"""Pictures of the running demo for the README: `python -m tests.demo.screenshots` writes examples/demo/*.png."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.ensure import ensure

ROOT = Path(__file__).resolve().parents[2]


def ready(process: subprocess.Popen[bytes], out: Path, seconds: float = 300) -> tuple[str, str]:
    """The addresses of workspace and registry, once a demo that says everything to `out` waits for visitors."""
    end = time.monotonic() + seconds
    while "Ctrl-C ends everything" not in out.read_text():
        assert process.poll() is None, out.read_text()
        assert time.monotonic() < end, out.read_text()
        time.sleep(0.3)
    found = re.search(r"registry (http\S+) · workspace (http\S+)", out.read_text())
    assert found, out.read_text()
    return found[2], found[1]


@contextmanager
def running_demo(folder: Path) -> Iterator[tuple[str, str]]:
    """`python -m examples.demo` until it is ready: the addresses of workspace and registry that it printed."""
    out = folder / "said"
    with out.open("wb") as said:
        command = [sys.executable, "-m", "examples.demo", "--folder", str(folder)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield ready(process, out)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, out.read_text()
    finally:
        process.kill()
        process.wait()


@contextmanager
def chromium_page(*, width: int, height: int) -> Iterator[Page]:
    """A page that must not complain."""
    found = ensure()
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.program, args=list(found.flags), env={**os.environ, **found.environment}
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def ask_best(page: Page, workspace: str, words: str = "/best milestone-1") -> None:
    """Ask for the best run in the channel as a newcomer does, and wait for table and chart."""
    expect.set_options(timeout=30_000)
    page.goto(workspace)
    page.fill("#composer-text", words)
    page.press("#composer-text", "Enter")
    expect(page.locator("table.table").last).to_contain_text("test/accuracy")
    expect(page.locator(".picture img").last).to_have_js_property("naturalWidth", 900)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as (workspace, registry):
        with chromium_page(width=1180, height=1560) as page:
            ask_best(page, workspace, "/best milestone-1 top=3")
            page.locator(".picture img").last.scroll_into_view_if_needed()
            page.wait_for_timeout(600)
            page.screenshot(path=str(ROOT / "examples/demo/workspace.png"))
        with chromium_page(width=1180, height=1250) as page:
            page.goto(f"{registry}/answers/best?words=milestone-1")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=str(ROOT / "examples/demo/page.png"))


if __name__ == "__main__":
    main()
