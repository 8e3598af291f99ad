"""The tables. Everything an app owns is keyed by (app, environment) and goes when the app goes; audit stays.

What the database itself must hold, whatever a process believes: an app has at most one row in each phase, a phase
belongs to a running row, a function's name belongs to one app per account and region. A change here needs a
migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

from laambda.store.columns import Document, Id, Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _scope(*, key: bool = True) -> tuple[Column[str], Column[str]]:
    return (
        Column("app", String(30), primary_key=key, nullable=False),
        Column("environment", String(30), primary_key=key, nullable=False),
    )


def _of_app() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["app", "environment"], ["apps.app", "apps.environment"], ondelete="CASCADE")


environments = Table(
    "environments",
    metadata,
    Column("name", String(30), primary_key=True),
    Column("account", String(12), nullable=False),
    Column("region", String(30), nullable=False),
    Column("deploy_role", Text, nullable=False),
    Column("subnets", Document, nullable=False),
    Column("security_groups", Document, nullable=False),
)

apps = Table(
    "apps",
    metadata,
    Column("app", String(30), primary_key=True),
    Column("environment", String(30), ForeignKey("environments.name"), primary_key=True),
    Column("role", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default="0"),
    Column("live", Integer, nullable=False, server_default="0"),
    # No foreign key: config_bags points here already, and a circle of keys can't be made on SQLite.
    Column("config_id", BigInteger),
    Column("last_start", Moment),
    Column("created_at", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
)

functions = Table(
    "functions",
    metadata,
    Column("account", String(12), primary_key=True),
    Column("region", String(30), primary_key=True),
    Column("name", String(64), primary_key=True),
    *_scope(key=False),
    _of_app(),
    Index(None, "app", "environment"),
)

config_bags = Table(
    "config_bags",
    metadata,
    Column("id", Id, primary_key=True),
    *_scope(key=False),
    Column("sealed", LargeBinary, nullable=False),
    _of_app(),
    Index(None, "app", "environment"),
    sqlite_autoincrement=True,
)

builds = Table(
    "builds",
    metadata,
    Column("id", Id, primary_key=True),
    *_scope(key=False),
    Column("kind", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("commit", String(40), nullable=False),
    Column("tree", String(40), nullable=False),
    Column("source", Text, nullable=False),
    Column("detached", Boolean, nullable=False),
    Column("no_cache", Boolean, nullable=False),
    Column("target_version", Integer),
    Column("config_id", BigInteger, ForeignKey("config_bags.id")),
    Column("state", String(16), nullable=False),
    Column("step", String(16), nullable=False),
    Column("phase", String(16)),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("token", BigInteger, nullable=False, server_default="0"),
    Column("node", Text, nullable=False),
    Column("lease_until", Moment),
    Column("link_started", Boolean, nullable=False, server_default=false()),
    Column("version", Integer),
    Column("snapshot_id", BigInteger, ForeignKey("config_bags.id")),
    Column("published", Boolean, nullable=False, server_default=false()),
    Column("error", Text, nullable=False),
    Column("results", Document, nullable=False),
    Column("timings", Document, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("claimed_at", Moment),
    Column("ended_at", Moment),
    # Sent and not claimed until then: in flight.
    Column("resend_at", Moment),
    _of_app(),
    CheckConstraint("phase IS NULL OR state = 'running'", name="phase_runs"),
    Index(None, "app", "environment", "id"),
    sqlite_autoincrement=True,
)


def _one_per_app(phase: str) -> Index:
    here = text(f"phase = '{phase}'")
    return Index(
        f"uq_builds_{phase}",
        builds.c.app,
        builds.c.environment,
        unique=True,
        sqlite_where=here,
        postgresql_where=here,
    )


_one_per_app("building")
_one_per_app("deploying")
_unfinished = text("state IN ('queued', 'running')")
Index("ix_builds_unfinished", builds.c.id, sqlite_where=_unfinished, postgresql_where=_unfinished)

build_refs = Table(
    "build_refs",
    metadata,
    Column("build_id", BigInteger, ForeignKey("builds.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("old", String(40), nullable=False),
    Column("new", String(40), nullable=False),
    Index(None, "new", "name"),
)

refs = Table(
    "refs",
    metadata,
    *_scope(),
    Column("name", Text, primary_key=True),
    # All zero: does not exist, and a build has reserved the name.
    Column("oid", String(40), nullable=False),
    Column("reserved_by", BigInteger, ForeignKey("builds.id", ondelete="SET NULL")),
    _of_app(),
    Index(None, "reserved_by"),
)

packs = Table(
    "packs",
    metadata,
    Column("id", Id, primary_key=True),
    *_scope(key=False),
    Column("key", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    _of_app(),
    Index("uq_packs_key", "app", "environment", "key", unique=True),
)

releases = Table(
    "releases",
    metadata,
    *_scope(),
    Column("version", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("build_id", BigInteger, ForeignKey("builds.id"), nullable=False),
    Column("description", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("commit", String(40), nullable=False),
    Column("tree", String(40), nullable=False),
    Column("slug", Text, nullable=False),
    Column("config_id", BigInteger, ForeignKey("config_bags.id")),
    _of_app(),
    Index(None, "build_id"),
)

release_functions = Table(
    "release_functions",
    metadata,
    *_scope(),
    Column("version", Integer, primary_key=True),
    Column("process", Text, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("settings", Document, nullable=False),
    Column("lambda_version", Text, nullable=False),
    Column("code_sha256", Text, nullable=False),
    ForeignKeyConstraint(
        ["app", "environment", "version"],
        ["releases.app", "releases.environment", "releases.version"],
        ondelete="CASCADE",
    ),
)

second_looks = Table(
    "second_looks",
    metadata,
    *_scope(),
    Column("asked_at", Moment, nullable=False),
    Column("held_until", Moment),
    Column("token", BigInteger, nullable=False, server_default="0"),
    _of_app(),
)

ssh_keys = Table(
    "ssh_keys",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("user", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("blob", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("added_at", Moment, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("user", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(30), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
