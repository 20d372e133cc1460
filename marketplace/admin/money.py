"""Pages that connect the market with the ledger: the money of an order or lead, and the order a payment is for."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, IntegerField, QuerySet, Sum, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone

from billing.admin.parts import Act, MoneyAdmin, cents_column, require
from billing.admin.payments import PaymentAdmin
from billing.documents import render
from billing.models import Earning, Payment, Transaction
from leads.admin.parts import ReadOnly, admin_page
from leads.models import Lead
from marketplace.models import Order, OrderAwaitingPayment, Return, Sale
from marketplace.orders.invoices import invoice_of
from marketplace.orders.receipts import lines_of

AROUND = timedelta(days=1)
MOST_PAYMENTS = 50


class OrderMoneyAdmin(MoneyAdmin):
    """Orders, each with a page of its money."""

    def get_urls(self) -> list[URLPattern]:
        return [
            self.row_route("money", self.money_view),
            self.row_route("invoice", self.invoice_view),
            *super().get_urls(),
        ]

    def acts(self, request: HttpRequest, row: Order) -> Iterable[Act]:
        if request.user.has_perm("billing.view_transaction"):
            yield Act("View money", self.address("money", row.pk))
        yield Act("Download invoice (PDF)", self.address("invoice", row.pk))

    def money_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Show the charge, the sources' shares, the returns, and the payments around that time."""
        require(request, "marketplace.view_order", "billing.view_transaction", "billing.view_earning")
        order = self.found(request, number)
        returns = Return.objects.filter(sale__order=order).select_related("sale__lead", "reason", "transaction")
        postings = [str(order.public_id), *(str(one.public_id) for one in returns)]
        return admin_page(
            self,
            request,
            title=f"Money of order {order.number}",
            original=order,
            template="admin/marketplace/order/money.html",
            order=order,
            lines=lines_of(order),
            postings=_told(Transaction.objects.about(postings).filter(kind__in=["order", "return"])),
            shares=_shares_by_source(order),
            returns=returns,
            awaiting=OrderAwaitingPayment.objects.filter(order=order).select_related("payment").first(),
            payments=_payments_around(order),
        )

    def invoice_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "marketplace.view_order")
        order = self.found(request, number)
        headers = {"Content-Disposition": f'attachment; filename="invoice-{order.number}.pdf"'}
        return HttpResponse(render(invoice_of(order)), content_type="application/pdf", headers=headers)


class LeadMoneyAdmin(MoneyAdmin):
    """Sales, each with a link to the money of its lead over all legs."""

    def get_urls(self) -> list[URLPattern]:
        return [self.route("lead/<int:number>/", self.lead_view, "lead"), *super().get_urls()]

    def acts(self, request: HttpRequest, row: Sale) -> Iterator[Act]:
        if request.user.has_perm("billing.view_earning"):
            yield Act("View the lead's money", self.address("lead", row.lead_id))

    def lead_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "marketplace.view_sale", "billing.view_transaction", "billing.view_earning")
        lead = get_object_or_404(Lead.objects.select_related("source", "vertical"), pk=number)
        sales = Sale.objects.filter(lead=lead).select_related("leg", "buyer", "order")
        earnings = Earning.objects.filter(leg__lead=lead).select_related("leg", "source", "payout")
        returns = Return.objects.filter(sale__lead=lead).select_related("sale__leg", "buyer", "reason")
        return admin_page(
            self,
            request,
            title=f"Money of lead {str(lead.public_id)[:8]}",
            template="admin/marketplace/sale/lead.html",
            lead=lead,
            sales=sales,
            earnings=earnings,
            returns=returns,
            sums=_sums(sales, earnings, returns),
            now=timezone.now(),
        )


def _shares_by_source(order: Order) -> list[Any]:
    legs = Earning.objects.filter(leg__sale__order=order).values("source__legal_name", "source").order_by("source")
    return list(legs.annotate(legs=Count("leg", distinct=True), earned=_of("earned"), charged_back=_of("charged_back")))


def _of(kind: str) -> Coalesce:
    return Coalesce(Sum(Case(When(kind=kind, then="cents"), output_field=IntegerField())), 0)


def _payments_around(order: Order) -> QuerySet[Payment]:
    around = order.placed_at - AROUND, order.placed_at + AROUND
    return Payment.objects.filter(buyer=order.buyer, created_at__range=around)[:MOST_PAYMENTS]


def _told(postings: QuerySet[Transaction]) -> QuerySet[Transaction]:
    entries = "entries__account__buyer", "entries__account__source"
    return postings.order_by("id").prefetch_related(*entries)


def _sums(sales: QuerySet[Sale], earnings: QuerySet[Earning], returns: QuerySet[Return]) -> dict[str, int]:
    """Return what buyers paid and got back, what the source keeps and what we keep, in cents."""
    paid = sales.aggregate(total=Sum("price_cents"))["total"] or 0
    back = returns.filter(status=Return.Status.CREDITED).aggregate(total=Sum("cents"))["total"] or 0
    shares = earnings.aggregate(total=Sum("cents"))["total"] or 0
    return {"paid": paid, "back": back, "shares": shares, "kept": paid - back - shares}


class AwaitingPaymentInline(ReadOnly, admin.TabularInline):
    model = OrderAwaitingPayment
    extra = 0  # for a one-to-one, Django offers an empty form even to staff who may not add one
    quoted = staticmethod(cents_column("quoted_cents", "quoted"))
    readonly_fields = ["quoted", "order"]
    fields = ["status", "quantity", "quoted", "order", "reason", "created_at", "expires_at", "ended_at"]
    show_change_link = True
    verbose_name_plural = "Order it pays for"


admin.site.unregister(Payment)


@admin.register(Payment)
class PaymentDesk(PaymentAdmin):
    """A payment with the order that waits or waited for it; this is the only page that shows both."""

    inlines = [AwaitingPaymentInline, *PaymentAdmin.inlines]


@admin.register(OrderAwaitingPayment)
class OrderAwaitingPaymentAdmin(MoneyAdmin):
    list_display = ["number", "buyer", "status", "quantity", "quoted", "payment", "created_at", "expires_at"]
    list_filter = ["status"]
    list_select_related = ["buyer", "payment"]
    search_fields = ["^public_id", "buyer__legal_name"]
    quoted = staticmethod(cents_column("quoted_cents", "quoted"))
    readonly_fields = ["quoted", "order"]
    exclude = ["quoted_cents", "token", "fingerprint", "idempotency_key", "held"]

    def acts(self, request: HttpRequest, row: OrderAwaitingPayment) -> Iterator[Act]:
        if row.order_id and request.user.has_perm("billing.view_transaction"):
            yield Act("View the order's money", reverse("admin:marketplace_order_money", args=[row.order_id]))
