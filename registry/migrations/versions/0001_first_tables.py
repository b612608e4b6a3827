"""The first tables: projects and their metrics, tokens, runs with their histories, findings, owed messages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _outgoing()
    _project()
    _seen()
    _metric_definition()
    _slack_channel()
    _token()
    _run()
    _artifact()
    _attachment()
    _batch()
    _dataset()
    _equivocation()
    _finding()
    _param()
    _remark()
    _series()
    _chunk()


def _finite(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        f"{column} IS NULL OR ({column} = {column} AND abs({column}) <= 1.7976931348623157e308)",
        name=op.f(f"ck_{table}_{column}_finite"),
    )


def _outgoing() -> None:
    op.create_table(
        "outgoing",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sending", sa.Boolean(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ts", sa.String(), nullable=True),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing"),
        sa.UniqueConstraint("key", name="uq_outgoing_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_outgoing_sent_at_id", "outgoing", ["sent_at", "id"])


def _project() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("repository", sa.String(), nullable=False),
        sa.Column("allowed_refs", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sqlite_strict=True,
    )


def _seen() -> None:
    op.create_table(
        "seen",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_seen"),
        sqlite_strict=True,
    )
    op.create_index("ix_seen_at", "seen", ["at"])


def _metric_definition() -> None:
    op.create_table(
        "metric_definition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("main", sa.Boolean(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("dataset_digest", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("rule_metric", sa.String(), nullable=True),
        sa.Column("percent", sa.Boolean(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=False),
        sa.Column("tolerance", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_metric_definition_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_metric_definition"),
        sa.UniqueConstraint("project_id", "name", "version", name="uq_metric_definition_project_id_name_version"),
        sqlite_strict=True,
    )


def _slack_channel() -> None:
    op.create_table(
        "slack_channel",
        sa.Column("team_id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("announcements", sa.Boolean(), nullable=False),
        sa.Column("claims", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_slack_channel_project_id"),
        sa.PrimaryKeyConstraint("team_id", "channel_id", name="pk_slack_channel"),
        sqlite_strict=True,
    )


def _token() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_token_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("digest", name="uq_token_digest"),
        sqlite_strict=True,
    )


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.String(26), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("report_digest", sa.String(), nullable=False),
        sa.Column("params_digest", sa.String(), nullable=False),
        sa.Column("config_digest", sa.String(), nullable=False),
        sa.Column("commit_id", sa.String(), nullable=True),
        sa.Column("tree", sa.String(), nullable=True),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finish", sa.Text(), nullable=True),
        sa.Column("finish_digest", sa.String(), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("metric_id", sa.Integer(), nullable=True),
        sa.Column("headline", sa.Double(), nullable=True),
        sa.Column("headline_step", sa.BigInteger(), nullable=True),
        _finite("run", "headline"),
        sa.ForeignKeyConstraint(["metric_id"], ["metric_definition.id"], name="fk_run_metric_id"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_run_project_id"),
        sa.ForeignKeyConstraint(["token_id"], ["token.id"], name="fk_run_token_id"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sqlite_strict=True,
    )
    op.create_index("ix_run_check_at", "run", ["check_at"])
    op.create_index(
        "ix_run_project_id_metric_id_verdict_headline", "run", ["project_id", "metric_id", "verdict", "headline"]
    )
    op.create_index("ix_run_project_id_name", "run", ["project_id", "name"])
    op.create_index("ix_run_project_id_received_at", "run", ["project_id", "received_at"])


def _artifact() -> None:
    op.create_table(
        "artifact",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_artifact_run_id"),
        sa.PrimaryKeyConstraint("run_id", "name", "digest", name="pk_artifact"),
        sqlite_strict=True,
    )
    op.create_index("ix_artifact_digest", "artifact", ["digest"])


def _attachment() -> None:
    op.create_table(
        "attachment",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_attachment_run_id"),
        sa.PrimaryKeyConstraint("run_id", "digest", name="pk_attachment"),
        sqlite_strict=True,
    )
    op.create_index("ix_attachment_digest", "attachment", ["digest"])


def _batch() -> None:
    op.create_table(
        "batch",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tail", sa.LargeBinary(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_batch_run_id"),
        sa.PrimaryKeyConstraint("run_id", "writer", "sequence", name="pk_batch"),
        sqlite_strict=True,
    )


def _dataset() -> None:
    op.create_table(
        "dataset",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
        sa.Column("partial", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_dataset_run_id"),
        sa.PrimaryKeyConstraint("run_id", "name", "digest", name="pk_dataset"),
        sqlite_strict=True,
    )


def _equivocation() -> None:
    op.create_table(
        "equivocation",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_equivocation_run_id"),
        sa.PrimaryKeyConstraint("run_id", "writer", "sequence", "digest", name="pk_equivocation"),
        sqlite_strict=True,
    )


def _finding() -> None:
    op.create_table(
        "finding",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("check_name", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("refutes", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("mend", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_finding_run_id"),
        sa.PrimaryKeyConstraint("run_id", "check_name", name="pk_finding"),
        sqlite_strict=True,
    )


def _param() -> None:
    op.create_table(
        "param",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_param_run_id"),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_param"),
        sqlite_strict=True,
    )
    op.create_index("ix_param_project_id_key_number", "param", ["project_id", "key", "number"])
    op.create_index("ix_param_project_id_key_text", "param", ["project_id", "key", "text"])


def _remark() -> None:
    op.create_table(
        "remark",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_remark_run_id"),
        sa.PrimaryKeyConstraint("run_id", "text", name="pk_remark"),
        sqlite_strict=True,
    )


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_step", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("last_time", sa.BigInteger(), nullable=True),
        sa.Column("last_kind", sa.String(), nullable=False),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("best_high", sa.Double(), nullable=True),
        sa.Column("best_high_step", sa.BigInteger(), nullable=True),
        sa.Column("best_low", sa.Double(), nullable=True),
        sa.Column("best_low_step", sa.BigInteger(), nullable=True),
        sa.Column("not_finite", sa.Integer(), nullable=False),
        _finite("series", "best_high"),
        _finite("series", "best_low"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_series_run_id"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("run_id", "metric", name="uq_series_run_id_metric"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_series_project_id_metric_best_high_run_id", "series", ["project_id", "metric", "best_high", "run_id"]
    )


def _chunk() -> None:
    op.create_table(
        "chunk",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_chunk_series_id"),
        sa.PrimaryKeyConstraint("series_id", "number", name="pk_chunk"),
        sqlite_strict=True,
    )
