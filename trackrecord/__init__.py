"""What training scripts import: `with trackrecord.run("milestone-1", params=…) as run: run.log({"loss": 0.3})`.

Importing it opens no connection and loads the standard library only.
"""

from __future__ import annotations

from trackrecord.errors import TrackrecordError
from trackrecord.run import Run, run
from trackrecord.version import __version__

__all__ = ["Run", "TrackrecordError", "__version__", "run"]
