"""`make bench`: what trackrecord costs beside what it is compared with; ratios travel, absolute times do not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests import postgres
from tests.bench import storage


def main() -> None:
    """Measure on databases of its own, thrown away afterwards."""
    server = postgres.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            storage.bench(Path(folder) / "bench.sqlite", server.url)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
