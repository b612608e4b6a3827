"""A running stand-in workspace for each test, and Slack's own client for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slack_sdk import WebClient

from bot.playground import Playground, start


@pytest.fixture
def slack() -> Iterator[Playground]:
    with start(file_delay_s=0.3, retry_delays_s=(0.0, 0.2, 0.4)) as workspace:
        yield workspace


@pytest.fixture
def client(slack: Playground) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
