"""Makes the golden receipts of this release: `python -m tests.receipts.golden`. They must verify for ever.

Made once for a release, by the registry's own code, and kept; what a later version cannot verify, it must not be.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from registry import keys
from registry.db import connect, transaction
from registry.migrations import migrate
from registry.proofs import key_set
from tests.receipts.making import NOW, Made, Maker
from trackrecord.statement import read
from trackrecord.version import __version__

FOLDER = Path(__file__).parent / "golden"


def make(place: Path) -> list[str]:
    """One receipt of each verdict, one without a metric, one signed before the keys were rotated; their names."""
    with tempfile.TemporaryDirectory() as scratch:
        engine = connect(f"sqlite:///{scratch}/registry.sqlite")
        migrate(engine)
        maker = Maker.over(engine, Path(scratch))
        maker.make(0)
        with transaction(engine) as session:
            for use in keys.USES:
                keys.rotate(session, maker.folder, use, NOW + timedelta(minutes=1))
        made: dict[str, Made] = {"before-rotation": maker.read(0)}
        for number, name in enumerate(("verified", "unverified", "refuted"), start=1):
            made[name] = maker.make(number, now=NOW + timedelta(hours=number), verdict=name)
        made["without-metric"] = maker.make(4, now=NOW + timedelta(hours=4), metric=None)
        with transaction(engine) as session:
            shown = json.dumps(key_set(session), indent=1)
        engine.dispose()
    for name, each in made.items():
        each.save(place, name)
        (place / f"{name}.keys.json").unlink()
    (place / "keys.json").write_text(f"{shown}\n")
    expected = {name: {"id": each.id, **_said(each)} for name, each in made.items()}
    (place / "expected.json").write_text(f"{json.dumps(expected, indent=1)}\n")
    return sorted(made)


def _said(made: Made) -> dict[str, str | None]:
    said = read(made.payload)
    return {"verdict": said.verdict, "run": said.run, "value": said.metric.value if said.metric else None}


if __name__ == "__main__":
    wanted = FOLDER / __version__
    if wanted.exists():
        sys.exit(f"{wanted} is there already: golden receipts are made once for a release and never again.")
    print(f"{wanted}: {', '.join(make(wanted))}")
