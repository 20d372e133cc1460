"""Money on paper and in files: a statement as CSV or PDF, and a payment's receipt."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.documents import Document, render
from billing.documents.receipts import DocumentRefused, buyer_party, receipt_of, statement_document
from billing.payments.forms import PeriodForm
from billing.statements import Period, Statement, as_csv, statement_of
from billing.wallet.views import payment_of, wallet_to_read
from buyers.companies.access import MemberRequest, member_required


@require_safe
@member_required
def statement_csv(request: MemberRequest) -> HttpResponseBase:
    """The rows of the page, all of them."""
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


@require_safe
@member_required
def receipt(request: MemberRequest, public_id: UUID) -> HttpResponse:
    payment = payment_of(request.buyer, public_id)
    try:
        return pdf_response(receipt_of(payment), f"receipt-{payment.number}")
    except DocumentRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("billing:payment", public_id=payment.public_id)


def _asked(request: MemberRequest) -> Statement | None:
    days = PeriodForm(request.GET)
    return statement_of(wallet_to_read(request.buyer), days.period) if days.is_valid() else None


def _back(request: HttpRequest) -> HttpResponse:
    query = request.META.get("QUERY_STRING", "")
    return redirect(f"{reverse('billing:statement')}?{query}")


def _filename(period: Period) -> str:
    days = [f"{day:%Y%m%d}" for day in (period.first, period.last) if day]
    return "-".join(["statement", *days])


def pdf_response(document: Document, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return HttpResponse(render(document), content_type="application/pdf", headers=headers)
