"""Receipts, the log with its checkpoints and keys, boards, corrections, and what a project asks of its runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _log_and_keys()
    _corrections_and_boards()
    _predictions_and_receipts()
    _new_columns()
    # What was judged before has no place on a board and no receipt: it is judged again, by this version's checks.
    op.execute("UPDATE run SET check_at = sealed_at WHERE sealed_at IS NOT NULL")


def _log_and_keys() -> None:
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_checkpoint")),
        sqlite_strict=True,
    )
    op.create_table(
        "leaf",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("project_id", sa.String(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_leaf")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("leaf", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leaf_run_id"), ["run_id"], unique=False)

    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_head")),
        sqlite_strict=True,
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_node")),
        sqlite_strict=True,
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.String(), nullable=True),
        sa.Column("signature", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
        sqlite_strict=True,
    )


def _corrections_and_boards() -> None:
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("instead", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_correction_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_run_id"), ["run_id"], unique=False)

    op.create_table(
        "placing",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("metric_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("headline", sa.Double(), nullable=True),
        sa.Column("headline_step", sa.BigInteger(), nullable=True),
        sa.Column("recomputed", sa.Double(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "headline IS NULL OR (headline = headline AND abs(headline) <= 1.7976931348623157e308)",
            name=op.f("ck_placing_headline_finite"),
        ),
        sa.CheckConstraint(
            "recomputed IS NULL OR (recomputed = recomputed AND abs(recomputed) <= 1.7976931348623157e308)",
            name=op.f("ck_placing_recomputed_finite"),
        ),
        sa.ForeignKeyConstraint(["metric_id"], ["metric_definition.id"], name=op.f("fk_placing_metric_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_placing_run_id")),
        sa.PrimaryKeyConstraint("run_id", "metric_id", name=op.f("pk_placing")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("placing", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_placing_metric_id_verdict_headline"), ["metric_id", "verdict", "headline"], unique=False
        )


def _predictions_and_receipts() -> None:
    op.create_table(
        "prediction",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_prediction_run_id")),
        sa.PrimaryKeyConstraint("run_id", "metric", "digest", name=op.f("pk_prediction")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("prediction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_prediction_digest"), ["digest"], unique=False)

    op.create_table(
        "receipt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["signing_key.id"], name=op.f("fk_receipt_key_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_receipt_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_receipt_run_id_number")),
        sqlite_strict=True,
    )


def _new_columns() -> None:
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked", sa.Boolean(), server_default="1", nullable=False))

    with op.batch_alter_table("metric_definition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unit", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("evaluator", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("evaluator_digest", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("measure", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("labels", sa.String(), nullable=True))

    with op.batch_alter_table("project", schema=None) as batch_op:
        batch_op.add_column(sa.Column("checks", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("dirty_trees", sa.Boolean(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("minimum", sa.String(), server_default="verified", nullable=False))
        batch_op.add_column(sa.Column("rules_digest", sa.String(), server_default="", nullable=False))

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("record_digest", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("sealed_leaf", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("live", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("quarantined", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("withdrawn", sa.String(), server_default="", nullable=False))
        batch_op.create_index(
            batch_op.f("ix_run_project_id_params_digest_tree"), ["project_id", "params_digest", "tree"], unique=False
        )
