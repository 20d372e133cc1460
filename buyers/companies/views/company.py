"""Pages to register a company, edit its profile and request approvals."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from buyers.companies.access import MemberRequest, PersonRequest, member_required, owner_required
from buyers.companies.forms import ProfileForm, RegisterForm
from buyers.companies.membership import CompanyRefusal, ask_approval, register_company
from buyers.models import Buyer
from leads.models import Vertical


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def register(request: PersonRequest) -> HttpResponse:
    if request.buyer:
        return redirect("buyers:profile")
    form = RegisterForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            register_company(
                user=request.user,
                company=form.instance,
                verticals=form.cleaned_data["verticals"],
                now=timezone.now(),
            )
        except CompanyRefusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Your company is registered. We will email you when we have reviewed it.")
            return redirect("buyers:profile")
    closed = Vertical.objects.filter(open_for_resale=False)
    return render(
        request, "buyers/companies/register.html", {"form": form, "closed": closed}, status=422 if form.errors else 200
    )


@require_safe
@member_required
def profile(request: MemberRequest) -> HttpResponse:
    context = {"buyer": request.buyer, "standings": _standings(request.buyer), "membership": request.membership}
    return render(request, "buyers/companies/profile.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def edit(request: MemberRequest) -> HttpResponse:
    # Use a copy, so that an invalid form does not show its values as the company's name in the page header.
    form = ProfileForm(
        request.POST if request.method == "POST" else None, instance=Buyer.objects.get(pk=request.buyer.pk)
    )
    if request.method == "POST" and form.is_valid():
        form.instance.save(update_fields=form.changed_data)
        messages.success(request, "Company profile saved.")
        return redirect("buyers:profile")
    return render(request, "buyers/companies/edit.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@owner_required
def ask(request: MemberRequest, slug: str) -> HttpResponse:
    vertical = get_object_or_404(Vertical, slug=slug)
    try:
        ask_approval(buyer=request.buyer, vertical=vertical, now=timezone.now())
    except CompanyRefusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"You requested {vertical.name}. We will email you when we have reviewed it.")
    return redirect("buyers:profile")


def _standings(buyer: Buyer) -> list[dict[str, object]]:
    """Return every vertical with the company's approval for it, or None."""
    approvals = {approval.vertical_id: approval for approval in buyer.approvals.all()}
    return [{"vertical": vertical, "approval": approvals.get(vertical.pk)} for vertical in Vertical.objects.all()]
