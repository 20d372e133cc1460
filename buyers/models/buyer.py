"""A buyer is a company: its members, what each may do, and the verticals it is approved for."""

import secrets
import uuid
from datetime import datetime, timedelta

import pghistory
from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

INVITATION_LIFE = timedelta(days=7)


class BuyerQuerySet(models.QuerySet["Buyer"]):
    def trading(self) -> "BuyerQuerySet":
        """Companies that the operator has not closed."""
        return self.filter(closed_at=None)

    def waiting(self) -> "BuyerQuerySet":
        """Companies with a request that has no decision yet."""
        return self.filter(approvals__status=Approval.Status.REQUESTED).distinct()


@pghistory.track()
class Buyer(models.Model):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    legal_name = models.CharField(max_length=120)
    trade = models.CharField(max_length=60, help_text="What your company does, such as mortgage broker.")
    street = models.CharField(max_length=120)
    city = models.CharField(max_length=80)
    state = models.CharField(max_length=2, validators=[RegexValidator(r"^[A-Z]{2}$", "Enter two letters, such as OH.")])
    postal_code = models.CharField(
        "ZIP code",
        max_length=10,
        validators=[RegexValidator(r"^\d{5}(-\d{4})?$", "Enter a ZIP code, such as 45402 or 45402-1234.")],
    )
    phone = models.CharField(max_length=30)
    website = models.URLField(blank=True)
    license = models.CharField(
        "license number", max_length=60, blank=True, help_text="NMLS, state license or agent number, if you have one."
    )
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="A closed company can browse but not buy, and its API keys stop working."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BuyerQuerySet.as_manager()

    class Meta:
        ordering = ["legal_name"]

    def __str__(self) -> str:
        return self.legal_name

    def may_buy(self, vertical_id: int) -> bool:
        """Whether the operator approved this company for the vertical."""
        return self.closed_at is None and self.approvals.granted().filter(vertical_id=vertical_id).exists()


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def granted(self) -> "ApprovalQuerySet":
        return self.filter(status=Approval.Status.GRANTED)

    def requested(self) -> "ApprovalQuerySet":
        return self.filter(status=Approval.Status.REQUESTED)


@pghistory.track()
class Approval(models.Model):
    """A company's approval for one vertical, decided by the operator."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "Requested"
        GRANTED = "granted", "Approved"
        REFUSED = "refused", "Refused"

    buyer = models.ForeignKey(Buyer, on_delete=models.CASCADE, related_name="approvals")
    vertical = models.ForeignKey("leads.Vertical", on_delete=models.PROTECT, related_name="approvals")
    status = models.CharField(max_length=9, choices=Status, default=Status.REQUESTED)
    note = models.CharField(max_length=200, blank=True, help_text="Shown to the company.")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["buyer", "vertical"]
        constraints = [
            models.UniqueConstraint(fields=["buyer", "vertical"], name="approval_is_one_per_vertical"),
            models.CheckConstraint(
                condition=Q(status="requested", decided_at=None)
                | Q(status__in=["granted", "refused"], decided_at__isnull=False),
                name="approval_decided_has_its_instant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.buyer}: {self.vertical}, {self.get_status_display()}"


class Role(models.TextChoices):
    """What a member may do. Each role includes the ones after it."""

    OWNER = "owner", "Owner: buys, pays, invites"
    BUYER = "buyer", "Buyer: buys and downloads"
    VIEWER = "viewer", "Viewer: view only"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def owners(self) -> "MembershipQuerySet":
        return self.filter(role=Role.OWNER)


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Membership(models.Model):
    """A person belongs to one company."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership")
    buyer = models.ForeignKey(Buyer, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role, default=Role.BUYER)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["buyer", "created_at"]
        constraints = [models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known")]

    def __str__(self) -> str:
        return f"{self.user} at {self.buyer}"

    @property
    def can_buy(self) -> bool:
        return self.role in (Role.OWNER, Role.BUYER)

    @property
    def can_manage(self) -> bool:
        return self.role == Role.OWNER


def new_token() -> str:
    return secrets.token_urlsafe(32)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self) -> "InvitationQuerySet":
        """Not accepted yet. The link may have expired, in which case an owner can send a new one."""
        return self.filter(accepted_at=None)

    def open(self, now: datetime) -> "InvitationQuerySet":
        """Pending, and the link still works."""
        return self.pending().filter(sent_at__gt=now - INVITATION_LIFE)


class Invitation(models.Model):
    """An owner invites a colleague. The link is valid for seven days, for the address it was sent to."""

    buyer = models.ForeignKey(Buyer, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=6, choices=Role, default=Role.BUYER)
    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    sent_at = models.DateTimeField(default=timezone.now)
    accepted_at = models.DateTimeField(null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-sent_at"]
        constraints = [
            models.UniqueConstraint(
                "buyer", Lower("email"), condition=Q(accepted_at=None), name="invitation_is_open_once_per_address"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"invitation to {self.buyer}"

    @property
    def ends_at(self) -> datetime:
        return self.sent_at + INVITATION_LIFE

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and now < self.ends_at
