"""Who is compared: what is installed, how it is kept on this machine, and how many calls it can take."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENTS = Path(".tools/bench").absolute()
MANY, FEW = 20_000, 1_000  # calls of log() in one process; five processes make 100,000 and 5,000


@dataclass(frozen=True, slots=True)
class Peer:
    """One row. `{store}` is a folder that only this row writes into; `{port}` a free port of this machine."""

    name: str
    tool: str  # what subject.py calls it
    env: str  # the environment below .tools/bench that it is installed in
    requirements: tuple[str, ...] = ()
    statement: str = ""  # its import
    calls: int = MANY
    variables: dict[str, str] = field(default_factory=dict)
    server: tuple[str, ...] = ()  # a program of its environment that has to run beside it


_QUIET = {"DO_NOT_TRACK": "1"}
_MLFLOW = {**_QUIET, "MLFLOW_DISABLE_TELEMETRY": "true"}

OURS = Peer(
    "trackrecord, offline",
    "trackrecord",
    "trackrecord",
    (".",),
    "import trackrecord",
    variables={"TRACKRECORD_MODE": "offline", "TRACKRECORD_HOME": "{store}"},
)
FLOOR = Peer("floor: `os.write` of the same bytes", "write", "trackrecord", variables={"STORE": "{store}"})
PEERS = (
    Peer(
        "wandb, offline",
        "wandb",
        "wandb",
        ("wandb==0.31.0",),
        "import wandb",
        variables={
            **_QUIET,
            "WANDB_MODE": "offline",
            "WANDB_DIR": "{store}",
            "WANDB_SILENT": "true",
            "WANDB_ERROR_REPORTING": "false",
        },
    ),
    Peer(
        "MLflow, local files",
        "mlflow",
        "mlflow",
        ("mlflow==3.17.2",),
        "import mlflow",
        FEW,
        {**_MLFLOW, "MLFLOW_TRACKING_URI": "file://{store}", "MLFLOW_ALLOW_FILE_STORE": "true"},
    ),
    Peer(
        "MLflow, local SQLite",
        "mlflow",
        "mlflow",
        ("mlflow==3.17.2",),
        "import mlflow",
        FEW,
        {**_MLFLOW, "MLFLOW_TRACKING_URI": "sqlite:///{store}/mlflow.db"},
    ),
    Peer(
        "MLflow, server on loopback",
        "mlflow",
        "mlflow",
        ("mlflow==3.17.2",),
        "import mlflow",
        FEW,
        {**_MLFLOW, "MLFLOW_TRACKING_URI": "http://127.0.0.1:{port}"},
        (
            "mlflow",
            "server",
            "--host=127.0.0.1",
            "--port={port}",
            "--backend-store-uri=sqlite:///{store}/mlflow.db",
            "--artifacts-destination={store}/artifacts",
        ),
    ),
    Peer(
        "Trackio",
        "trackio",
        "trackio",
        ("trackio==0.43.0",),
        "import trackio",
        variables={**_QUIET, "TRACKIO_DIR": "{store}", "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"},
    ),
    Peer(
        "Aim",
        "aim",
        "aim",
        ("aim==3.29.1",),
        "from aim import Run",
        FEW,
        {**_QUIET, "STORE": "{store}"},
    ),
    # Sacred imports pkg_resources, which newer setuptools no longer have.
    Peer(
        "Sacred, local files",
        "sacred",
        "sacred",
        ("sacred==0.8.7", "setuptools==80.9.0"),
        "import sacred, sacred.observers",
        variables={**_QUIET, "STORE": "{store}"},
    ),
)
