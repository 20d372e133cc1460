"""The wallet's statement, a page at a time; a period and an instant may be asked for."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.models import Entry
from billing.payments.forms import InstantForm, PeriodForm
from billing.statements import Page, Statement, balance_on, page_of, statement_of
from billing.wallet.views import wallet_to_read
from buyers.companies.access import MemberRequest, member_required


@require_safe
@member_required
def statement(request: MemberRequest) -> HttpResponse:
    days, instant = PeriodForm(request.GET), InstantForm(request.GET if "at" in request.GET else None)
    if not days.is_valid() or (instant.is_bound and not instant.is_valid()):
        return render(request, "billing/statement.html", {"days": days, "instant": instant}, status=422)
    found = statement_of(wallet_to_read(request.buyer), days.period)
    context = {
        "days": days,
        "instant": instant,
        "statement": found,
        "page": _page(request, found),
        "held": balance_on(found.account, instant.cleaned_data["at"]) if instant.is_bound else None,
    }
    return render(request, "billing/statement.html", context)


def _page(request: HttpRequest, found: Statement) -> Page:
    """The rows that the address asks for. A row that is not in this statement is nowhere."""
    try:
        return page_of(found, before=_row_named(request, "before"), after=_row_named(request, "after"))
    except (Entry.DoesNotExist, ValueError) as error:
        raise Http404 from error


def _row_named(request: HttpRequest, name: str) -> UUID | None:
    said = request.GET.get(name)
    return UUID(said) if said else None
