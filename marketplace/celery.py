"""The job queue, and the one table of everything that runs on a schedule.

The database is the queue; Celery only carries hints. A lost message delays a job until
its next tick, a repeated one does no harm: every job reads from the database what is due.
"""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, worker_process_init

from marketplace.ops.gc import keep_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

app = Celery("marketplace")
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Make Celery keep the logging set up by the settings; any receiver of this signal does."""


@worker_process_init.connect
def keep_its_program(**_: Any) -> None:
    keep_what_is_loaded()


SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-ages": {"task": "leads.aging.tasks.sweep_ages", "schedule": 60.0},
    "resume-imports": {"task": "leads.intake.importing.tasks.resume_imports", "schedule": 60.0},
    "resume-customers": {"task": "buyers.own_customers.tasks.resume_customers", "schedule": 60.0},
    "fill-standing-orders": {"task": "marketplace.standing_orders.tasks.fill_standing_orders", "schedule": 60.0},
    "send-search-mail": {"task": "marketplace.standing_orders.tasks.send_search_mail", "schedule": 5 * 60.0},
    "build-exports": {"task": "marketplace.exports.tasks.build_exports", "schedule": 60.0},
    "place-large-orders": {"task": "marketplace.orders.tasks.place_background_orders", "schedule": 10.0},
    "settle-payments": {"task": "billing.payments.tasks.settle_payments", "schedule": 10.0},
    "settle-payouts": {"task": "billing.payouts.tasks.settle_payouts", "schedule": 10.0},
    "complete-paid-orders": {"task": "marketplace.orders.tasks.complete_paid_orders", "schedule": 10.0},
    "top-up-wallets": {"task": "billing.auto_topup.tasks.top_up_wallets", "schedule": 60.0},
    "send-payment-mail": {"task": "billing.payments.tasks.send_payment_mail", "schedule": 30.0},
    "send-order-mail": {"task": "marketplace.orders.tasks.send_order_mail", "schedule": 30.0},
    "send-return-mail": {"task": "marketplace.returns.tasks.send_return_mail", "schedule": 30.0},
    "build-snapshot": {"task": "marketplace.inventory.tasks.build_snapshot", "schedule": 20.0},
    "forget-changes": {"task": "marketplace.inventory.tasks.forget_changes", "schedule": 10 * 60.0},
    "release-holds": {"task": "marketplace.orders.tasks.release_holds", "schedule": 60.0},
    # Runs once a day; the later hours are a fallback for a morning when nothing ran.
    "reconcile-stripe": {
        "task": "billing.reconciliation.tasks.reconcile_stripe",
        "schedule": crontab(minute=15, hour="6-23"),
    },
    "forget-erased": {"task": "marketplace.returns.tasks.forget_erased", "schedule": 60 * 60.0},
    "purge-uploads": {"task": "leads.intake.importing.tasks.purge_uploads", "schedule": 24 * 60 * 60.0},
    "purge-expired": {"task": "leads.aging.tasks.purge_expired", "schedule": 24 * 60 * 60.0},
}
app.conf.beat_schedule = SCHEDULE
# Each feature's tasks live in its own folder.
app.autodiscover_tasks(sorted({job["task"].rpartition(".tasks.")[0] for job in SCHEDULE.values()}))
