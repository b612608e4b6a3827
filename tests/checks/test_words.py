"""What the checks say is what words.txt says, to the letter: a changed sentence is read before it is committed."""

from __future__ import annotations

from tests.checks.words import FILE, render


def test_every_sentence_is_the_one_that_was_read() -> None:
    assert render().splitlines() == FILE.read_text().splitlines(), "read it and run: python -m tests.checks.words"
