"""Run by alembic: migrates over the connection and inside the transaction that ``laambda.store.migrate`` opened."""

from __future__ import annotations

from alembic import context

from laambda.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
