"""Writes .env.example from the settings: `.venv/bin/python -m tests.env_example`. A test says when it is stale."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from registry.settings import Settings

FILE = Path(__file__).resolve().parents[1] / ".env.example"
HEAD = """\
# Every setting of the registry and the bot, with its default. Copy this file to .env and take the # away where you
# want something else; a variable of the environment wins over the file. Written by `python -m tests.env_example`.
"""


def render() -> str:
    """The whole file: a sentence and a commented-out default for every setting; secrets have none."""
    lines = [HEAD]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"#TRACKRECORD_{name.upper()}={_default(field)}", ""]
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if SecretStr in get_args(field.annotation) or get_origin(field.annotation) is SecretStr or field.default is None:
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


if __name__ == "__main__":
    FILE.write_text(render())
