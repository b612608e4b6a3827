"""Settings come from where their docstring says, a mounted secret included."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.settings import Settings


def test_a_secret_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACKRECORD_SLACK_BOT_TOKEN", raising=False)
    (tmp_path / "trackrecord_slack_bot_token").write_text("xoxb-1\n")
    token = Settings(_env_file=None, _secrets_dir=tmp_path).slack_bot_token
    assert token is not None
    assert token.get_secret_value() == "xoxb-1"
    assert "xoxb-1" not in repr(token)
