"""A company's own customers, stored as keyed digests so that they are never shown or sold to it."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

ABANDONED_AFTER = timedelta(minutes=2)
IN_WORK, KEPT = ["waiting", "reading"], ["waiting", "reading", "done"]


class CustomerListQuerySet(models.QuerySet["CustomerList"]):
    def kept(self) -> "CustomerListQuerySet":
        """Lists whose people are excluded: neither removed nor failed."""
        return self.filter(status__in=KEPT)

    def in_work(self) -> "CustomerListQuerySet":
        return self.filter(status__in=IN_WORK)

    def abandoned(self, now: datetime) -> "CustomerListQuerySet":
        """In progress without progress for a while, because a message was lost or a worker was killed."""
        return self.in_work().filter(worked_at__lt=now - ABANDONED_AFTER)

    def with_spent_upload(self) -> "CustomerListQuerySet":
        """Finished, but the upload is still stored."""
        return self.exclude(status__in=IN_WORK).exclude(stored_as="")


class CustomerList(models.Model):
    """One upload of a company's own customers. ``rows_read`` is committed with the digests of those rows, so a killed
    job resumes where it stopped. A removed list stays as a record; its digests are deleted."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        READING = "reading", "Reading"
        DONE = "done", "Active"
        FAILED = "failed", "Failed"
        REMOVED = "removed", "Removed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.CASCADE, related_name="customer_lists")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    file_name = models.CharField(max_length=120)
    file_sha256 = models.CharField(max_length=64)
    stored_as = models.CharField(max_length=200, blank=True, help_text="The sealed upload; deleted once it is read.")
    sheet_format = models.JSONField(default=dict, help_text="Kind, encoding and delimiter of the file.")
    columns = models.JSONField(default=dict, help_text="Positions of the phone and email columns.")
    rows_total = models.PositiveIntegerField(default=0)
    rows_read = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0, help_text="Rows with a phone number or an email address.")
    refused = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0, help_text="Rows taken, minus repeats.")
    problems = models.JSONField(default=list, help_text="The first rows with problems, as [row, reason].")
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    problem = models.CharField(max_length=200, blank=True)
    resumptions = models.PositiveSmallIntegerField(default=0, help_text="Restarts since a batch last succeeded.")
    created_at = models.DateTimeField()
    worked_at = models.DateTimeField(help_text="When it last made progress.")
    done_at = models.DateTimeField(null=True, help_text="When all its people became excluded.")
    removed_at = models.DateTimeField(null=True)

    objects = CustomerListQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["buyer", "file_sha256"], condition=Q(status__in=KEPT), name="customer_list_is_taken_once"
            ),
            models.UniqueConstraint(
                fields=["buyer"], condition=Q(status__in=IN_WORK), name="customer_list_is_read_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(rows_read=F("taken") + F("refused"), people__lte=F("taken")),
                name="customer_list_accounts_for_every_row",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(done_at__isnull=False), name="customer_list_done_has_its_instant"
            ),
            models.CheckConstraint(
                condition=Q(status="removed", removed_at__isnull=False) | (~Q(status="removed") & Q(removed_at=None)),
                name="customer_list_removed_has_its_instant",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_in_work(self) -> bool:
        return self.status in IN_WORK


class OwnCustomerQuerySet(models.QuerySet["OwnCustomer"]):
    def of_buyer(self, buyer_id: int) -> "OwnCustomerQuerySet":
        return self.filter(buyer_id=buyer_id)

    def known_as(self, digests: Iterable[bytes]) -> "OwnCustomerQuerySet":
        """Customers with one of these phone or email digests."""
        return self.filter(digest__in=list(digests))

    def on_list(self, customer_list: CustomerList) -> "OwnCustomerQuerySet":
        """Customers on this list. Also filters by company, because there is no index by list alone."""
        return self.filter(buyer_id=customer_list.buyer_id, list=customer_list)

    def in_force_at(self, instant: datetime) -> "OwnCustomerQuerySet":
        """Customers whose list was fully read by then."""
        return self.filter(list__done_at__lte=instant)


class OwnCustomer(models.Model):
    """A customer's phone or email address, as the same digest that a lead's contact has. A digest includes its kind, so
    one of a phone never equals one of an email address, and there is nothing else to store."""

    list = models.ForeignKey(CustomerList, on_delete=models.CASCADE, related_name="customers", db_index=False)
    buyer = models.ForeignKey("buyers.Buyer", on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.BinaryField(max_length=32)

    objects = OwnCustomerQuerySet.as_manager()

    class Meta:
        # Once per list, so that a customer on two lists remains when one is removed. The column order is for lookups.
        constraints = [
            models.UniqueConstraint(fields=["buyer", "digest", "list"], name="own_customer_is_once_a_list"),
        ]
        indexes = [models.Index(fields=["buyer", "id"], name="own_customer_newest")]

    def __str__(self) -> str:
        return f"customer {self.pk} of {self.list}"
