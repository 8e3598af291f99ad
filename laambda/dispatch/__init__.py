"""Use cases of the queue: rows are the truth, Celery is the doorbell.

A row is enqueued, dispatched (its chain is sent), claimed by the first link that runs, beaten for while links run,
checkpointed after each, and ended once. Whatever dies, the reconciler finds the expired lease and sends the
chain again from the last checkpoint.
"""
