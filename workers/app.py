"""The Celery application of a worker node.

The rows are the truth; Celery only rings. The settings keep it from being clever: nothing is prefetched, a
redelivered message is harmless, and a lost broker is waited for. Why each: docs/adr/0002-celery-settings.md.
"""

from __future__ import annotations

from celery import Celery

from laambda.bootstrap import settings
from laambda.cloud.queue import TRANSPORT

app = Celery("laambda", broker=settings().broker, include=["workers.tasks"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    task_send_sent_event=True,
    task_track_started=True,
    task_soft_time_limit=settings().build_limit,
    task_time_limit=settings().build_limit + 60,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=True,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=dict(TRANSPORT),
)
