"""The wallet and its statement: page by page, as CSV or as PDF."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.documents.receipts import DocumentRefused, buyer_party, statement_document
from billing.documents.rendering import pdf_response
from billing.models import AutomaticTopUp, Customer, Entry, Payment
from billing.money import typed
from billing.payments.forms import suggested_amounts
from billing.statements import (
    Period,
    Statement,
    StatementPage,
    as_csv,
    balance_on,
    page_of,
    statement_of,
    wallet_to_read,
)
from billing.stripe import gateway
from billing.wallet.forms import InstantForm, PeriodForm
from buyers.companies.access import MemberRequest, may_buy, member_required

LATEST = 8
PAYMENTS_SHOWN = 10


@require_safe
@member_required
def wallet(request: MemberRequest) -> HttpResponse:
    buyer = request.buyer
    found = wallet_to_read(buyer)
    under_way = list(buyer.payments.filter(status__in=[Payment.Status.ANNOUNCED, Payment.Status.PROCESSING]))
    announced = [one for one in under_way if one.status == Payment.Status.ANNOUNCED]
    context = {
        "wallet": found,
        "latest": page_of(statement_of(found), size=LATEST).rows,
        "payments": buyer.payments.all()[:PAYMENTS_SHOWN],
        "announced": announced,
        "announced_cents": sum(one.amount_cents for one in announced),
        "on_its_way_cents": sum(one.amount_cents for one in under_way if one.status == Payment.Status.PROCESSING),
        "customer": Customer.objects.filter(buyer=buyer).first(),
        "agreed": AutomaticTopUp.objects.filter(buyer=buyer).first(),
        "cards_on": gateway.is_on(),
        "suggested": [(cents, typed(cents)) for cents in suggested_amounts()],
        "may_pay": may_buy(request),
    }
    return render(request, "billing/wallet/wallet.html", context)


@require_safe
@member_required
def statement(request: MemberRequest) -> HttpResponse:
    days, instant = PeriodForm(request.GET), InstantForm(request.GET if "at" in request.GET else None)
    if not days.is_valid() or (instant.is_bound and not instant.is_valid()):
        return render(request, "billing/wallet/statement.html", {"days": days, "instant": instant}, status=422)
    found = statement_of(wallet_to_read(request.buyer), days.period)
    context = {
        "days": days,
        "instant": instant,
        "statement": found,
        "page": _page(request, found),
        "held": balance_on(found.account, instant.cleaned_data["at"]) if instant.is_bound else None,
    }
    return render(request, "billing/wallet/statement.html", context)


def _page(request: HttpRequest, found: Statement) -> StatementPage:
    """Return the rows that the URL asks for. A row that is not in this statement is not found."""
    try:
        return page_of(found, before=_row_named(request, "before"), after=_row_named(request, "after"))
    except (Entry.DoesNotExist, ValueError) as error:
        raise Http404 from error


def _row_named(request: HttpRequest, name: str) -> UUID | None:
    said = request.GET.get(name)
    return UUID(said) if said else None


@require_safe
@member_required
def statement_csv(request: MemberRequest) -> HttpResponseBase:
    """All rows of the statement as CSV."""
    found = _asked(request)
    if found is None:
        return _back(request)
    response = StreamingHttpResponse(as_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{_filename(found.period)}.csv"'
    return response


@require_safe
@member_required
def statement_pdf(request: MemberRequest) -> HttpResponseBase:
    found = _asked(request)
    if found is None:
        return _back(request)
    try:
        document = statement_document(found, party=buyer_party(request.buyer), now=timezone.now())
    except DocumentRefused as refusal:
        messages.error(request, str(refusal))
        return _back(request)
    return pdf_response(document, _filename(found.period))


def _asked(request: MemberRequest) -> Statement | None:
    days = PeriodForm(request.GET)
    return statement_of(wallet_to_read(request.buyer), days.period) if days.is_valid() else None


def _back(request: HttpRequest) -> HttpResponse:
    query = request.META.get("QUERY_STRING", "")
    return redirect(f"{reverse('billing:statement')}?{query}")


def _filename(period: Period) -> str:
    days = [f"{day:%Y%m%d}" for day in (period.first, period.last) if day]
    return "-".join(["statement", *days])
