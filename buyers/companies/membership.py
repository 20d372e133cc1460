"""The life of a buying company: it registers, requests verticals, is approved, and invites colleagues.

Every function is safe to run twice, refuses with a CompanyRefusal whose message is fit to show the user, and sends
nothing: its caller sends the mail (``buyers/companies/mail.py``).
"""

from collections.abc import Iterable
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from buyers.models import Approval, Buyer, Invitation, Membership, Role, User
from buyers.models.buyer import new_token
from leads.models import Vertical

MOST_PENDING_INVITATIONS = 20


class CompanyRefusal(Exception):
    """The request cannot be done; the message says why."""


class HasCompany(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("You already belong to a company. You can belong to only one at a time.")


class CompanyClosed(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This company is closed. Contact us if that is a mistake.")


class VerticalClosed(CompanyRefusal):
    def __init__(self, vertical: Vertical) -> None:
        super().__init__(f"{vertical.name} is not open for resale, so no company can be approved for it.")


class ReasonMissing(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("Enter a note that tells the company why.")


class LastOwner(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("A company must have at least one owner. Make somebody else an owner first.")


class AlreadyMember(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This person is already in your company.")


class TooManyInvitations(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__(
            f"You can have at most {MOST_PENDING_INVITATIONS} open invitations. Withdraw one you no longer need."
        )


class InvitationOver(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This invitation was used, was withdrawn or has expired. Ask for a new one.")


class AnotherAddress(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This invitation was sent to a different email address. Log in with that address.")


@transaction.atomic
def register_company(*, user: User, company: Buyer, verticals: Iterable[Vertical], now: datetime) -> Buyer:
    """Save a new company with the user as its owner and a request for each vertical.

    Raises HasCompany, VerticalClosed.
    """
    company.save(force_insert=True)
    _join(user=user, buyer=company, role=Role.OWNER)
    for vertical in verticals:
        ask_approval(buyer=company, vertical=vertical, now=now)
    return company


@transaction.atomic
def ask_approval(*, buyer: Buyer, vertical: Vertical, now: datetime) -> Approval:
    """Queue the company for approval in a vertical, also after a refusal. Raises CompanyClosed, VerticalClosed."""
    if _locked(buyer.pk).closed_at is not None:
        raise CompanyClosed
    if not vertical.open_for_resale:
        raise VerticalClosed(vertical)
    approval, _ = Approval.objects.get_or_create(buyer=buyer, vertical=vertical, defaults={"requested_at": now})
    Approval.objects.filter(pk=approval.pk, status=Approval.Status.REFUSED).update(
        status=Approval.Status.REQUESTED, note="", requested_at=now, decided_at=None
    )
    approval.refresh_from_db()
    return approval


def grant_approval(*, approval: Approval, note: str, now: datetime) -> bool:
    """Let the company buy in the vertical. Return whether this changed anything.

    Raises VerticalClosed.
    """
    if not approval.vertical.open_for_resale:
        raise VerticalClosed(approval.vertical)
    return _decide(approval, Approval.Status.GRANTED, note=note, now=now)


def refuse_approval(*, approval: Approval, note: str, now: datetime) -> bool:
    """Refuse or withdraw approval for a vertical. Return whether this changed anything. Raises ReasonMissing."""
    if not note.strip():
        raise ReasonMissing
    return _decide(approval, Approval.Status.REFUSED, note=note, now=now)


@transaction.atomic
def invite(*, buyer: Buyer, email: str, role: Role, now: datetime) -> Invitation:
    """Invite somebody. An address with an open invitation gets a new link and the new role; the old link stops working.

    Raises CompanyClosed, AlreadyMember, TooManyInvitations.
    """
    if _locked(buyer.pk).closed_at is not None:
        raise CompanyClosed
    email = email.strip().lower()
    if buyer.memberships.filter(user__email__iexact=email).exists():
        raise AlreadyMember
    pending = buyer.invitations.pending()
    if pending.filter(email=email).update(role=role, token=new_token(), sent_at=now):
        return pending.get(email=email)
    if pending.count() >= MOST_PENDING_INVITATIONS:
        raise TooManyInvitations
    return Invitation.objects.create(buyer=buyer, email=email, role=role, sent_at=now)


def withdraw_invitation(*, invitation: Invitation) -> None:
    """Delete a pending invitation; an accepted one stays on record."""
    Invitation.objects.pending().filter(pk=invitation.pk).delete()


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, now: datetime) -> Membership:
    """Join the company. If the same person accepts again, return the same membership.

    The link went to one mailbox, so the user must own that address, as a verified one or as the account's own.
    Raises AnotherAddress, InvitationOver, CompanyClosed, HasCompany.
    """
    if not _owns_address(user, invitation.email):
        raise AnotherAddress
    if _locked(invitation.buyer_id).closed_at is not None:
        raise CompanyClosed
    # Check the token too: a link that a newer one replaced no longer works.
    mine = Invitation.objects.open(now).filter(pk=invitation.pk, token=invitation.token)
    if mine.update(accepted_at=now, accepted_by=user):
        return _join(user=user, buyer=invitation.buyer, role=Role(invitation.role))
    accepted = Invitation.objects.filter(pk=invitation.pk, accepted_by=user).exists()
    membership = Membership.objects.filter(user=user, buyer_id=invitation.buyer_id).first()
    if not accepted or membership is None:
        raise InvitationOver
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role) -> None:
    """Give a member another role. Raises LastOwner."""
    _locked(membership.buyer_id)
    if role != Role.OWNER and not has_other_owner(membership):
        raise LastOwner
    Membership.objects.filter(pk=membership.pk).exclude(role=role).update(role=role)


@transaction.atomic
def remove_member(*, membership: Membership) -> None:
    """Remove the person from the company right away; it keeps what the person bought. Raises LastOwner."""
    _locked(membership.buyer_id)
    if not has_other_owner(membership):
        raise LastOwner
    Membership.objects.filter(pk=membership.pk).delete()


def has_other_owner(membership: Membership) -> bool:
    """Whether the company has an owner other than this member. True only while the company is locked."""
    return Membership.objects.owners().filter(buyer_id=membership.buyer_id).exclude(pk=membership.pk).exists()


def _locked(buyer_id: int) -> Buyer:
    """Lock and return the company's row, so that counts of its people and invitations cannot race."""
    return Buyer.objects.select_for_update().get(pk=buyer_id)


def _join(*, user: User, buyer: Buyer, role: Role) -> Membership:
    membership, joined = Membership.objects.get_or_create(user=user, defaults={"buyer": buyer, "role": role})
    if not joined:
        raise HasCompany
    return membership


def _decide(approval: Approval, status: Approval.Status, *, note: str, now: datetime) -> bool:
    undecided = Approval.objects.filter(pk=approval.pk).exclude(status=status)
    return undecided.update(status=status, note=note.strip(), decided_at=now) == 1


def _owns_address(user: User, email: str) -> bool:
    if user.email.lower() == email.lower():
        return True
    return EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists()
