"""Orders, sales and files, read-only. A sale links to its lead, never to the contact."""

from django.contrib import admin

from billing.money import dollars
from buyers.models import StandingOrder
from leads.admin.parts import ReadOnly
from marketplace.admin.money import LeadMoneyAdmin, OrderMoneyAdmin
from marketplace.models import Download, Export, InventorySnapshot, Order, Sale, StandingFill


class ExportInline(ReadOnly, admin.TabularInline):
    model = Export
    fields = ["preset", "format", "status", "rows", "tombstones", "bytes", "sha256", "built_at"]
    show_change_link = True


class DownloadInline(ReadOnly, admin.TabularInline):
    model = Download
    fields = ["at", "user", "api_key", "preset", "format", "rows", "address"]
    readonly_fields = ["at", "user", "api_key", "preset", "format", "rows", "address"]


@admin.register(Order)
class OrderAdmin(OrderMoneyAdmin):
    list_display = ["number", "buyer", "status", "filled", "quantity", "total", "placed_by", "placed_at"]
    list_filter = ["status", "buyer"]
    list_select_related = ["buyer", "placed_by"]
    search_fields = ["^public_id", "buyer__legal_name", "=idempotency_key"]
    date_hierarchy = "placed_at"
    show_full_result_count = False
    readonly_fields = ["quoted", "total"]
    exclude = ["quoted_cents", "total_cents", "fingerprint"]
    inlines = [ExportInline, DownloadInline]

    @admin.display(description="total", ordering="total_cents")
    def total(self, order: Order) -> str:
        return dollars(order.total_cents)

    @admin.display(description="quoted")
    def quoted(self, order: Order) -> str:
        return dollars(order.quoted_cents)


@admin.register(Sale)
class SaleAdmin(LeadMoneyAdmin):
    list_display = ["lead", "leg_number", "buyer", "order", "price", "exclusive", "market", "sold_at"]
    list_filter = ["market", "exclusive", "buyer"]
    list_select_related = ["lead__vertical", "leg", "buyer", "order"]
    search_fields = ["^lead__public_id", "^order__public_id", "buyer__legal_name"]
    show_full_result_count = False

    @admin.display(description="leg")
    def leg_number(self, sale: Sale) -> int:
        return sale.leg.number

    @admin.display(description="price", ordering="price_cents")
    def price(self, sale: Sale) -> str:
        return dollars(sale.price_cents)


@admin.register(Export)
class ExportAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["order", "preset", "format", "status", "rows", "tombstones", "bytes", "created_at"]
    list_filter = ["status", "preset", "format"]
    list_select_related = ["order"]
    search_fields = ["^order__public_id", "=sha256"]


@admin.register(Download)
class DownloadAdmin(ReadOnly, admin.ModelAdmin):
    """Who downloaded which file, when, and from which address."""

    list_display = ["at", "order", "user", "api_key", "preset", "format", "rows", "address"]
    list_filter = ["format", "preset"]
    list_select_related = ["order", "user", "api_key"]
    search_fields = ["^order__public_id", "user__email"]
    date_hierarchy = "at"
    show_full_result_count = False


@admin.register(InventorySnapshot)
class InventorySnapshotAdmin(ReadOnly, admin.ModelAdmin):
    """The files that web processes start from, and the progress of the one being built."""

    list_display = ["name", "status", "done", "leads_total", "size", "started_at", "built_at", "problem"]
    list_filter = ["status"]

    @admin.display(description="done")
    def done(self, snapshot: InventorySnapshot) -> str:
        return f"{snapshot.percent}%" if snapshot.status == InventorySnapshot.Status.BUILDING else "–"


class StandingFillInline(ReadOnly, admin.TabularInline):
    model = StandingFill
    fields = ["number", "order", "leads", "cents", "filled_at"]
    show_change_link = False


@admin.register(StandingOrder)
class StandingOrderAdmin(ReadOnly, admin.ModelAdmin):
    """Companies' standing orders, their latest outcome, and when each is checked next."""

    list_display = ["name", "buyer", "vertical", "kind", "limit", "filled", "outcome", "due_at", "ended_at"]
    list_filter = ["kind", "vertical", "outcome"]
    list_select_related = ["buyer", "vertical"]
    search_fields = ["^public_id", "name", "buyer__legal_name"]
    inlines = [StandingFillInline]

    @admin.display(description="max price", ordering="max_price_cents")
    def limit(self, order: StandingOrder) -> str:
        return "–" if order.max_price_cents is None else dollars(order.max_price_cents)
