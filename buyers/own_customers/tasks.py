"""Jobs for lists of own customers. Each one looks up what is due, so a lost or repeated message does no harm."""

from celery import shared_task
from django.utils import timezone

from buyers.models import CustomerList
from buyers.own_customers import list_job


@shared_task
def read_customers(list_id: int) -> None:
    """Read one slice of a list of own customers, and queue the next one if there is more."""
    if list_job.work_on(list_id):
        read_customers.delay(list_id)


@shared_task
def resume_customers() -> None:
    """Resume lists that a killed worker or a lost message left behind, and delete uploads that were read."""
    now = timezone.now()
    for customer_list in CustomerList.objects.abandoned(now):
        if list_job.resume(customer_list, now):
            read_customers.delay(customer_list.pk)
    list_job.discard_spent()
