"""The company's members and invitations."""

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from buyers.companies.access import MarketRequest, MemberRequest, member_required, owner_required
from buyers.companies.forms import InviteForm, RoleForm
from buyers.companies.mail import mail_invitation
from buyers.companies.membership import (
    CompanyRefusal,
    accept_invitation,
    change_role,
    invite,
    remove_member,
    withdraw_invitation,
)
from buyers.models import Invitation, Membership, Role, User


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def members(request: MemberRequest) -> HttpResponse:
    """List members for everyone in the company; owners can also invite. Inviting an address again sends a new link."""
    if request.method == "POST" and not request.membership.can_manage:
        raise Http404
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            invitation = invite(
                buyer=request.buyer,
                email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]),
                now=timezone.now(),
            )
        except CompanyRefusal as refusal:
            form.add_error("email", str(refusal))
        else:
            mail_invitation(invitation)
            messages.success(request, f"We emailed an invitation to {invitation.email}. It is valid for seven days.")
            return redirect("buyers:members")
    return render(
        request, "buyers/companies/members.html", _members_context(request, form), status=422 if form.errors else 200
    )


def _members_context(request: MemberRequest, form: InviteForm) -> dict[str, object]:
    now = timezone.now()
    pending = [(invitation, invitation.is_open(now)) for invitation in request.buyer.invitations.pending()]
    return {
        "membership": request.membership,
        "memberships": request.buyer.memberships.select_related("user"),
        "invitations": pending if request.membership.can_manage else [],
        "roles": Role,
        "form": form,
    }


@require_POST
@owner_required
def role(request: MemberRequest, pk: int) -> HttpResponse:
    membership = get_object_or_404(request.buyer.memberships, pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles.")
        return redirect("buyers:members")
    try:
        change_role(membership=membership, role=Role(form.cleaned_data["role"]))
    except CompanyRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"We changed the role of {membership.user.email}.")
    return redirect("buyers:members")


@require_POST
@member_required
def remove(request: MemberRequest, pk: int) -> HttpResponse:
    """Remove a member. Owners can remove anyone; every member can leave."""
    membership: Membership = get_object_or_404(request.buyer.memberships, pk=pk)
    leaves = membership.pk == request.membership.pk
    if not leaves and not request.membership.can_manage:
        raise Http404
    try:
        remove_member(membership=membership)
    except CompanyRefusal as refusal:
        messages.error(request, str(refusal))
        return redirect("buyers:members")
    if leaves:
        messages.success(request, f"You left {request.buyer}.")
        return redirect("buyers:register")
    messages.success(request, f"{membership.user.email} is no longer a member.")
    return redirect("buyers:members")


@require_POST
@owner_required
def withdraw(request: MemberRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(request.buyer.invitations, pk=pk)
    withdraw_invitation(invitation=invitation)
    messages.success(request, f"The invitation to {invitation.email} is withdrawn.")
    return redirect("buyers:members")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def accept(request: MarketRequest, token: str) -> HttpResponse:
    """Show the invitation from the email. A visitor signs up or logs in and comes back, then joins with one button."""
    invitation = get_object_or_404(Invitation.objects.select_related("buyer"), token=token)
    is_open = invitation.is_open(timezone.now())
    context: dict[str, object] = {"invitation": invitation, "is_open": is_open, "here": request.path}
    if is_open and not isinstance(request.user, User):
        # Whoever has the link reads that mailbox, so an account for this address needs no verification email.
        get_adapter().stash_verified_email(request, invitation.email)
    if request.method == "POST" and isinstance(request.user, User):
        try:
            accept_invitation(invitation=invitation, user=request.user, now=timezone.now())
        except CompanyRefusal as refusal:
            return render(request, "buyers/companies/accept.html", {**context, "refusal": refusal}, status=422)
        messages.success(request, f"You joined {invitation.buyer}.")
        return redirect("buyers:profile")
    return render(request, "buyers/companies/accept.html", context)
