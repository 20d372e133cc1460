"""Jobs of the lists of own customers. Each asks the tables what is due, so a lost or doubled message does no harm."""

from celery import shared_task
from django.utils import timezone

from buyers.models import CustomerList
from buyers.own_customers import list_job


@shared_task
def read_customers(list_id: int) -> None:
    """A slice of a list of own customers; asks for the next slice when there is more."""
    if list_job.work_on(list_id):
        read_customers.delay(list_id)


@shared_task
def resume_customers() -> None:
    """Go on with what a killed worker left behind, or what no message told of; and delete what was read."""
    now = timezone.now()
    for customer_list in CustomerList.objects.abandoned(now):
        if list_job.resume(customer_list, now):
            read_customers.delay(customer_list.pk)
    list_job.discard_spent()
