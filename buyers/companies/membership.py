"""The life of a buying company: it registers, asks for verticals, is approved, and asks colleagues in.

Every verb is safe twice, refuses with a CompanyRefusal whose message is fit for the person, and sends nothing:
the edge that calls it sends the mail (``buyers/companies/mail.py``).
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
    """What was asked for can't be done; the message says why."""


class HasCompany(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("You belong to a company already. A person belongs to one company at a time.")


class CompanyClosed(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This company is closed. Write to us if that is a mistake.")


class VerticalClosed(CompanyRefusal):
    def __init__(self, vertical: Vertical) -> None:
        super().__init__(f"{vertical.name} is closed for resale, so nobody can be approved for it.")


class ReasonMissing(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("A refusal says why: write a note to the company.")


class LastOwner(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("A company keeps at least one owner. Make somebody else an owner first.")


class AlreadyMember(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This person is in your company already.")


class TooManyInvitations(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__(
            f"At most {MOST_PENDING_INVITATIONS} invitations wait at a time. Withdraw one that is no longer wanted."
        )


class InvitationOver(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This invitation was used, withdrawn or ran out. Ask for a new one.")


class AnotherAddress(CompanyRefusal):
    def __init__(self) -> None:
        super().__init__("This invitation was sent to another address. Log in with the account of that address.")


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
    """Put the company in the queue for a vertical; after a refusal, once more. Raises CompanyClosed, VerticalClosed."""
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
    """Let the company buy in the vertical. Whether that is news: False if it was granted already.

    Raises VerticalClosed.
    """
    if not approval.vertical.open_for_resale:
        raise VerticalClosed(approval.vertical)
    return _decide(approval, Approval.Status.GRANTED, note=note, now=now)


def refuse_approval(*, approval: Approval, note: str, now: datetime) -> bool:
    """Refuse the company a vertical, or take it back. Whether that is news. Raises ReasonMissing."""
    if not note.strip():
        raise ReasonMissing
    return _decide(approval, Approval.Status.REFUSED, note=note, now=now)


@transaction.atomic
def invite(*, buyer: Buyer, email: str, role: Role, now: datetime) -> Invitation:
    """Ask somebody in. An address that is asked already gets a new link and the new role; the old link ends.

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
    """End a pending invitation; one that was accepted stays on record."""
    Invitation.objects.pending().filter(pk=invitation.pk).delete()


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, now: datetime) -> Membership:
    """Join the company. Accepting again by the same person gives the same membership.

    The link reached one mailbox, so the user must own that address: a verified one, or the one the account is named by.
    Raises AnotherAddress, InvitationOver, CompanyClosed, HasCompany.
    """
    if not _owns_address(user, invitation.email):
        raise AnotherAddress
    if _locked(invitation.buyer_id).closed_at is not None:
        raise CompanyClosed
    # The token too: a link that was replaced by a newer one is over.
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
    """The person loses the company at once; what the person bought stays the company's. Raises LastOwner."""
    _locked(membership.buyer_id)
    if not has_other_owner(membership):
        raise LastOwner
    Membership.objects.filter(pk=membership.pk).delete()


def has_other_owner(membership: Membership) -> bool:
    """Whether the company has an owner without this member. Holds only while the company is locked."""
    return Membership.objects.owners().filter(buyer_id=membership.buyer_id).exclude(pk=membership.pk).exists()


def _locked(buyer_id: int) -> Buyer:
    """The company's row, locked: whatever counts its people or invitations goes one at a time."""
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
