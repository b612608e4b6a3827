"""Save the best run's receipt as a developer would, verify it with no registry at hand, and change a byte of it. Then
have the registry's doctor recompute everything."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo import transcript
from examples.demo.parts import call

if TYPE_CHECKING:
    from examples.demo.once import Scene

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody answers there


def check(scene: Scene) -> None:
    """The receipt holds as it is, and does not with another record beside it."""
    best = scene.verified[0][1]
    developer = next(each for each in scene.developers if each.name == best.owner)
    offline = {**developer.environment, "TRACKRECORD_URL": NOWHERE}
    with tempfile.TemporaryDirectory(dir=scene.here.folder) as folder:
        place = Path(folder)
        developer.trackrecord("receipt", best.name, "-o", folder)
        (bundle,) = place.glob("*.receipt.sigstore.json")
        done = call(["trackrecord", "verify", str(bundle)], offline, place, may_fail=True)
        print(f"    {best.owner}, offline: trackrecord verify {bundle.name}")
        print(transcript.indent(done.stdout.rstrip()), flush=True)
        scene.check("the receipt holds without the registry", done.returncode == 0, f"status {done.returncode}")
        (record,) = place.glob("*.run.json")
        record.write_bytes(record.read_bytes().replace(b'"state":"finished"', b'"state":"Finished"', 1))
        changed = call(["trackrecord", "verify", str(bundle)], offline, place, may_fail=True)
        scene.check("with another record it does not", changed.returncode == 1, changed.stdout.strip()[-200:])
    doctor = call(
        [sys.executable, "-m", "registry", "doctor"], scene.here.environment, scene.here.folder, may_fail=True
    )
    scene.check("the doctor finds nothing off", doctor.returncode == 0, doctor.stdout.strip()[-400:])
    badge = "registry computes" in str(scene.facts[best.run]["findings"])
    scene.check("the registry computed the best value itself, from its predictions", badge, best.name)
