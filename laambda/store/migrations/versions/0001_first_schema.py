"""The first schema: apps, builds, refs, releases, configuration, access; ``production`` and the fencing counter."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DOCUMENT = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_api_tokens")),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "environments",
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=30), nullable=False),
        sa.Column("deploy_role", sa.Text(), nullable=False),
        sa.Column("subnets", _DOCUMENT, nullable=False),
        sa.Column("security_groups", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_environments")),
    )
    op.create_table(
        "ssh_keys",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_ssh_keys")),
    )
    op.create_table(
        "apps",
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("live", sa.Integer(), server_default="0", nullable=False),
        sa.Column("config_id", sa.BigInteger(), nullable=True),
        sa.Column("last_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["environment"], ["environments.name"], name=op.f("fk_apps_environment")),
        sa.PrimaryKeyConstraint("app", "environment", name=op.f("pk_apps")),
    )
    op.create_table(
        "config_bags",
        sa.Column("id", _ID, nullable=False),
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_config_bags_app_environment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_config_bags")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_config_bags_app_environment"), "config_bags", ["app", "environment"], unique=False)
    op.create_table(
        "functions",
        sa.Column("account", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=30), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_functions_app_environment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account", "region", "name", name=op.f("pk_functions")),
    )
    op.create_index(op.f("ix_functions_app_environment"), "functions", ["app", "environment"], unique=False)
    op.create_table(
        "packs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_packs_app_environment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packs")),
    )
    op.create_index("uq_packs_key", "packs", ["app", "environment", "key"], unique=True)
    op.create_table(
        "builds",
        sa.Column("id", _ID, nullable=False),
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("tree", sa.String(length=40), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("detached", sa.Boolean(), nullable=False),
        sa.Column("no_cache", sa.Boolean(), nullable=False),
        sa.Column("target_version", sa.Integer(), nullable=True),
        sa.Column("config_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("link_started", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("snapshot_id", sa.BigInteger(), nullable=True),
        sa.Column("published", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("results", _DOCUMENT, nullable=False),
        sa.Column("timings", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resend_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("phase IS NULL OR state = 'running'", name=op.f("ck_builds_phase_runs")),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_builds_app_environment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["config_id"], ["config_bags.id"], name=op.f("fk_builds_config_id")),
        sa.ForeignKeyConstraint(["snapshot_id"], ["config_bags.id"], name=op.f("fk_builds_snapshot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_builds")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_builds_app_environment_id"), "builds", ["app", "environment", "id"], unique=False)
    op.create_index(
        "ix_builds_unfinished",
        "builds",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_builds_building",
        "builds",
        ["app", "environment"],
        unique=True,
        sqlite_where=sa.text("phase = 'building'"),
        postgresql_where=sa.text("phase = 'building'"),
    )
    op.create_index(
        "uq_builds_deploying",
        "builds",
        ["app", "environment"],
        unique=True,
        sqlite_where=sa.text("phase = 'deploying'"),
        postgresql_where=sa.text("phase = 'deploying'"),
    )
    op.create_table(
        "build_refs",
        sa.Column("build_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("old", sa.String(length=40), nullable=False),
        sa.Column("new", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name=op.f("fk_build_refs_build_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("build_id", "name", name=op.f("pk_build_refs")),
    )
    op.create_index(op.f("ix_build_refs_new_name"), "build_refs", ["new", "name"], unique=False)
    op.create_table(
        "refs",
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("oid", sa.String(length=40), nullable=False),
        sa.Column("reserved_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_refs_app_environment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["reserved_by"], ["builds.id"], name=op.f("fk_refs_reserved_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("app", "environment", "name", name=op.f("pk_refs")),
    )
    op.create_index(op.f("ix_refs_reserved_by"), "refs", ["reserved_by"], unique=False)
    op.create_table(
        "releases",
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("build_id", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commit", sa.String(length=40), nullable=False),
        sa.Column("tree", sa.String(length=40), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("config_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_releases_app_environment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name=op.f("fk_releases_build_id")),
        sa.ForeignKeyConstraint(["config_id"], ["config_bags.id"], name=op.f("fk_releases_config_id")),
        sa.PrimaryKeyConstraint("app", "environment", "version", name=op.f("pk_releases")),
    )
    op.create_index(op.f("ix_releases_build_id"), "releases", ["build_id"], unique=False)
    op.create_table(
        "release_functions",
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("settings", _DOCUMENT, nullable=False),
        sa.Column("lambda_version", sa.Text(), nullable=False),
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app", "environment", "version"],
            ["releases.app", "releases.environment", "releases.version"],
            name=op.f("fk_release_functions_app_environment_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("app", "environment", "version", "process", name=op.f("pk_release_functions")),
    )

    environments = sa.table(
        "environments",
        sa.column("name"),
        sa.column("account"),
        sa.column("region"),
        sa.column("deploy_role"),
        sa.column("subnets", _DOCUMENT),
        sa.column("security_groups", _DOCUMENT),
    )
    production = {"name": "production", "account": "", "region": "us-east-1", "deploy_role": ""}
    op.execute(environments.insert().values(**production, subnets=[], security_groups=[]))
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.execute(counters.insert().values(name="fence", value=0))
