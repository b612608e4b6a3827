"""What training scripts import: `with trackrecord.run("milestone-1", params=…) as run: run.log({"loss": 0.3})`.

Importing it opens no connection and loads almost nothing: what a script uses is loaded when it is used, so that a
spawned worker, which imports the script and records nothing, does not pay for it.
"""

from __future__ import annotations

import importlib

from trackrecord.version import __version__

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` for it would cost more than all the rest
if TYPE_CHECKING:
    from trackrecord.errors import TrackrecordError
    from trackrecord.recording import Run, join, run
    from trackrecord.session import finish, recorded, start

__all__ = ["Run", "TrackrecordError", "__version__", "finish", "join", "recorded", "run", "start"]

_ROOMS = {
    "Run": "recording",
    "TrackrecordError": "errors",
    "finish": "session",
    "join": "recording",
    "recorded": "session",
    "run": "recording",
    "start": "session",
}


if not TYPE_CHECKING:  # or every name would be one to them

    def __getattr__(name: str) -> object:
        if name not in _ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(importlib.import_module(f"trackrecord.{_ROOMS[name]}"), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
