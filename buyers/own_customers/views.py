"""The company's own customers: lists of people whose leads are never shown or sold to it."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from buyers.companies.access import MemberRequest, buying_required
from buyers.models import CustomerList
from buyers.own_customers import lists
from buyers.own_customers.columns import ColumnsUnclear
from buyers.own_customers.forms import CustomersForm
from buyers.own_customers.tasks import read_customers
from leads.intake.importing.converting import SheetRefused

ON_A_PAGE = 25


@require_http_methods(["GET", "HEAD", "POST"])
@buying_required
def customers(request: MemberRequest) -> HttpResponse:
    """Show the lists and upload one."""
    form = CustomersForm(request.POST, request.FILES) if request.method == "POST" else CustomersForm()
    if form.is_bound and form.is_valid():
        try:
            return _receive(request, form)
        except (lists.ListRefused, ColumnsUnclear, SheetRefused) as refusal:
            form.add_error("file", str(refusal))
    found = request.buyer.customer_lists.select_related("uploaded_by")
    context = {
        "form": form,
        "page": Paginator(found, ON_A_PAGE).get_page(request.GET.get("page")),
        "kept": found.kept().count(),
        "least": lists.LEAST_PEOPLE,
        "most_a_day": lists.MOST_A_DAY,
    }
    return render(request, "buyers/own_customers/lists.html", context, status=422 if form.errors else 200)


def _receive(request: MemberRequest, form: CustomersForm) -> HttpResponse:
    """Raises ListRefused, ColumnsUnclear, SheetRefused."""
    with transaction.atomic():
        made = lists.receive(form.upload(), buyer=request.buyer, user=request.user, now=timezone.now())
        if made.is_in_work:
            read_customers.delay_on_commit(made.pk)  # type: ignore[attr-defined]
    return redirect("buyers:customer-list", made.public_id)


@require_safe
@buying_required
def customer_list(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Show a list's progress and result."""
    found = _list(request, public_id)
    if request.htmx:
        answer = render(request, "buyers/own_customers/list.html#progress", {"list": found})
        if not found.is_in_work:
            answer["HX-Refresh"] = "true"
        return answer
    return render(request, "buyers/own_customers/list.html", {"list": found})


@require_POST
@buying_required
def remove_customers(request: MemberRequest, public_id: UUID) -> HttpResponse:
    found = _list(request, public_id)
    if lists.remove(found, now=timezone.now()):
        messages.success(request, f"{found.file_name} is removed. You may see leads from its people again.")
    return redirect("buyers:customers")


@require_POST
@buying_required
def remove_all_customers(request: MemberRequest) -> HttpResponse:
    removed = lists.remove_all(request.buyer, now=timezone.now())
    messages.success(request, f"{removed} list{'' if removed == 1 else 's'} removed.")
    return redirect("buyers:customers")


def _list(request: MemberRequest, public_id: UUID) -> CustomerList:
    found: CustomerList = get_object_or_404(request.buyer.customer_lists, public_id=public_id)
    return found
