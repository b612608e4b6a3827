"""Where a play fails, the answer that was given is shown."""

import pytest

for _name in ("code", "numbers", "office", "rewriting"):
    pytest.register_assert_rewrite(f"tests.threats.{_name}")
