"""Aging jobs. Each one looks up what is due, so a lost or repeated message does no harm."""

from celery import shared_task

from leads.aging import sweep


@shared_task
def sweep_ages() -> None:
    sweep.sweep()


@shared_task
def purge_expired() -> None:
    sweep.purge_expired()
