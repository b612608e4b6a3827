"""The rows: the only place with SQLModel classes. Shapes that come over the wire are in `trackrecord.report`.

Written for SQLite (STRICT tables) and PostgreSQL alike: no native enums, no JSON operators, no sequences as public ids.
JSON columns are for showing; whatever is filtered or sorted by stands in a column of its own.
"""

from registry.tables.histories import Batch, Chunk, Equivocation, Series
from registry.tables.judgements import Correction, Finding, Placing, Receipt
from registry.tables.log import Checkpoint, Leaf, LogHead, LogNode, SigningKey
from registry.tables.messages import Outgoing, Seen, SlackChannel
from registry.tables.projects import MetricDefinition, Project, Token
from registry.tables.runs import Artifact, Attachment, Attempt, Dataset, Param, Prediction, Remark, Run

__all__ = [
    "Artifact",
    "Attachment",
    "Attempt",
    "Batch",
    "Checkpoint",
    "Chunk",
    "Correction",
    "Dataset",
    "Equivocation",
    "Finding",
    "Leaf",
    "LogHead",
    "LogNode",
    "MetricDefinition",
    "Outgoing",
    "Param",
    "Placing",
    "Prediction",
    "Project",
    "Receipt",
    "Remark",
    "Run",
    "Seen",
    "Series",
    "SigningKey",
    "SlackChannel",
    "Token",
]
