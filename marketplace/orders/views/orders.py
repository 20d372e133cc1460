"""What a company bought: its orders, their leads, receipts and files. Every lookup starts from the company."""

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.documents.rendering import pdf_response
from buyers.companies.access import MemberRequest, contacts_required, may_buy, member_required
from marketplace.exports.columns import summary
from marketplace.exports.download import file_response
from marketplace.exports.file_form import column_groups, presets_for, shape_asked, usual_shape
from marketplace.exports.manifest import basis_of, export_of
from marketplace.exports.rows import Reader
from marketplace.exports.shape import Shape, ShapeRefused, shape_of_export
from marketplace.exports.tasks import build_export
from marketplace.models import Export, Order
from marketplace.models.file import FileFormat
from marketplace.models.sale import SaleQuerySet
from marketplace.orders.invoices import invoice_of
from marketplace.orders.receipts import chips_of, lines_of, outcome_of, titles_of

PAGE = 50
DOWNLOADS_SHOWN = 20


@dataclass(frozen=True)
class FileRow:
    """A file as the page lists it. Not ``current`` if somebody opted out since it was counted."""

    export: Export
    shape: Shape
    current: bool

    @property
    def address(self) -> str:
        return f"{reverse('orders:file', args=[self.shape.order.public_id])}?{self.shape.query}"


@require_safe
@member_required
def listing(request: MemberRequest) -> HttpResponse:
    page = Paginator(request.buyer.orders.select_related("placed_by"), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "orders": list(titles_of(page)),
        "may_see_contacts": may_buy(request),
        "waiting": request.buyer.orders_awaiting_payment.waiting().select_related("payment"),
        "background_orders": request.buyer.background_orders.under_way(),
    }
    return render(request, "marketplace/orders/list.html", context)


@require_safe
@member_required
def detail(request: MemberRequest, public_id: UUID) -> HttpResponse:
    order = _order(request, public_id)
    return render(request, "marketplace/orders/detail.html", _detail_context(request, order))


def _detail_context(request: MemberRequest, order: Order) -> dict[str, object]:
    ((_, title),) = titles_of([order])
    context: dict[str, object] = {
        "order": order,
        "title": title,
        "chips": chips_of(order),
        "outcome": outcome_of(order),
        "lines": lines_of(order),
        "may_see_contacts": may_buy(request),
    }
    if may_buy(request):
        presets = presets_for(order)
        context |= {
            "usual": usual_shape(order),
            "files": list(_files(order)),
            "presets": presets,
            "most_parts": max(parts for _, parts in presets),
            "formats": FileFormat,
            "column_groups": column_groups(order),
            "downloads": order.downloads.select_related("user", "api_key")[:DOWNLOADS_SHOWN],
        }
    return context


def _files(order: Order) -> list[FileRow]:
    basis = basis_of(order)
    found = []
    for export in order.exports.all():
        try:
            found.append(FileRow(export, shape_of_export(export), export.basis == basis))
        except ShapeRefused:
            continue  # it was requested with columns that no longer exist
    return found


@require_safe
@member_required
def receipt(request: MemberRequest, public_id: UUID) -> HttpResponse:
    order = _order(request, public_id)
    ((_, title),) = titles_of([order])
    context = {"order": order, "title": title, "lines": lines_of(order), "buyer": request.buyer}
    return render(request, "marketplace/orders/receipt.html", context)


@require_safe
@member_required
def invoice(request: MemberRequest, public_id: UUID) -> HttpResponse:
    order = _order(request, public_id)
    return pdf_response(invoice_of(order), f"invoice-{order.number}")


@require_safe
@contacts_required
def leads(request: MemberRequest, public_id: UUID) -> HttpResponse:
    order = _order(request, public_id)
    page = Paginator(order.sales.order_by("id"), PAGE).get_page(request.GET.get("page"))
    found = [
        (lead, "" if lead.stopped else summary(lead)) for lead in Reader().read(cast(SaleQuerySet, page.object_list))
    ]
    context = {"order": order, "page": page, "leads": found}
    response = render(request, "marketplace/orders/leads.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@contacts_required
def ask(request: MemberRequest, public_id: UUID) -> HttpResponse:
    """Request a file in another shape: it is counted at once, or by a job if it is large."""
    order = _order(request, public_id)
    try:
        shape = shape_asked(order, request.POST)
    except ShapeRefused as refusal:
        messages.error(request, refusal.message)
        return render(request, "marketplace/orders/detail.html", _detail_context(request, order), status=422)
    export = export_of(shape, basis_of(order))
    if not export.is_ready:
        build_export.delay_on_commit(export.pk)  # type: ignore[attr-defined]
    return redirect(f"{reverse('orders:detail', args=[order.public_id])}#files")


@require_safe
@contacts_required
def progress(request: MemberRequest, public_id: UUID, export_id: UUID) -> HttpResponse:
    """Render the file's row; the page polls it every second while the file is counted."""
    order = _order(request, public_id)
    export = get_object_or_404(order.exports, public_id=export_id)
    if not request.htmx:
        return redirect(f"{reverse('orders:detail', args=[order.public_id])}#files")
    row = FileRow(export, shape_of_export(export), export.basis == basis_of(order) if export.is_ready else True)
    return render(request, "marketplace/orders/_files.html#file-row", {"file": row, "order": order})


@require_safe
@contacts_required
def file(request: MemberRequest, public_id: UUID) -> HttpResponseBase:
    """Download the file in the shape given by the URL."""
    order = _order(request, public_id)
    asked = request.GET
    try:
        part = int(asked.get("part", "1"))
        return file_response(
            order,
            asked.get("preset", "plain"),
            asked.get("format", FileFormat.CSV),
            asked.getlist("columns"),
            part,
            request=request,
            user=request.user,
        )
    except ValueError as refusal:
        raise BadRequest(str(refusal)) from refusal


def _order(request: MemberRequest, public_id: UUID) -> Order:
    order: Order = get_object_or_404(request.buyer.orders.select_related("placed_by"), public_id=public_id)
    return order
