"""Jobs of the inventory. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task

from marketplace.inventory import builder, feed


@shared_task
def build_snapshot() -> None:
    """The file that web processes start from, when it is an hour old, damaged, or not there."""
    builder.build_due()


@shared_task
def forget_changes() -> None:
    """What the change feed told hours ago."""
    feed.forget_old()
