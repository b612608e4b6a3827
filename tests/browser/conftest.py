"""A Chromium, and pages that must not complain: an error in the console fails the test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bot.playground import Playground, Shortcut, start
from tests.browser.ensure import ensure
from tests.playground.small_app import by_socket, make_app


@pytest.fixture(scope="module")  # not longer: another test in this process may start its own
def chromium() -> Iterator[Browser]:
    found = ensure()
    expect.set_options(timeout=20_000)  # two slow cores are shared by many
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.program, args=list(found.flags), env={**os.environ, **found.environment}
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a fresh context; complaints of the page are collected and must be none at the end."""
    complaints: list[str] = []
    contexts = []

    def opened(url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        page.wait_for_selector(".intro")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def slack() -> Iterator[Playground]:
    """A workspace with a small real Bolt app in it."""
    shortcuts = (Shortcut("Check this claim", "check_claim"),)
    with start(file_delay_s=0.2, shortcuts=shortcuts) as workspace, by_socket(make_app(workspace, []), workspace):
        yield workspace
