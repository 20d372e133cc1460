"""Inventory jobs. Each reads from the database what is due, so a lost or repeated message does no harm."""

from celery import shared_task

from marketplace.inventory import builder, feed


@shared_task
def build_snapshot() -> None:
    """Build the file that web processes start from, if it is an hour old, damaged or missing."""
    builder.build_due()


@shared_task
def forget_changes() -> None:
    """Delete changes from hours ago from the change feed."""
    feed.forget_old()
