"""The job queue, and the one table of everything that runs on a schedule.

The database is the queue; Celery carries hints. A lost message costs until the
next tick, a doubled one nothing: every job asks the tables what is due.
"""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

app = Celery("marketplace")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """With a receiver here Celery leaves logging as the settings made it."""


SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-ages": {"task": "leads.tasks.sweep_ages", "schedule": 60.0},
    "resume-imports": {"task": "leads.tasks.resume_imports", "schedule": 60.0},
    "build-exports": {"task": "marketplace.tasks.build_exports", "schedule": 60.0},
    "purge-expired": {"task": "leads.tasks.purge_expired", "schedule": 24 * 60 * 60.0},
}
app.conf.beat_schedule = SCHEDULE
