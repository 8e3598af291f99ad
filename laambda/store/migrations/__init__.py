"""The schema's history. Add a revision to ``versions/``, and name it here: what starts compares with ``HEAD``
before it imports alembic."""

HEAD = "0002"
