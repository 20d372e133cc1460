"""Jobs of ageing. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task

from leads.ageing import sweep


@shared_task
def sweep_ages() -> None:
    sweep.sweep()


@shared_task
def purge_expired() -> None:
    sweep.purge_expired()
