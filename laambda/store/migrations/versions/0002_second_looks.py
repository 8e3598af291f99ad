"""Apps whose cloud is looked at once more after a deploy that did not end clean."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "second_looks",
        sa.Column("app", sa.String(length=30), nullable=False),
        sa.Column("environment", sa.String(length=30), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["app", "environment"],
            ["apps.app", "apps.environment"],
            name=op.f("fk_second_looks_app_environment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("app", "environment", name=op.f("pk_second_looks")),
    )
