"""The earnings of sources in the admin: totals for all of them, and a statement leg by leg for each."""

from collections.abc import Iterator

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils import timezone

from billing.admin.parts import Act, MoneyAdmin, cents_column, require
from billing.documents import render
from billing.models import Earning
from billing.payouts.source_statements import as_csv, months_of, page_of, statement_document, totals_of
from leads.admin.parts import admin_page
from leads.models import Source


@admin.register(Earning)
class EarningAdmin(MoneyAdmin):
    list_display = ["at", "source", "leg", "kind", "amount", "price", "percent", "held_until", "payout"]
    list_filter = ["kind", "source"]
    list_select_related = ["source", "leg__lead", "payout__source"]
    search_fields = ["^leg__lead__public_id", "source__legal_name"]
    date_hierarchy = "at"
    amount = staticmethod(cents_column("cents", "amount"))
    price = staticmethod(cents_column("price_cents", "price"))
    readonly_fields = ["amount", "price"]
    exclude = ["cents", "price_cents"]

    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("sources/", self.sources_view, "sources"),
            self.route("sources/<int:number>/", self.statement_view, "statement"),
            self.route("sources/<int:number>/csv/", self.csv_view, "csv"),
            self.route("sources/<int:number>/pdf/", self.pdf_view, "pdf"),
            *super().get_urls(),
        ]

    def list_acts(self, request: HttpRequest) -> Iterator[Act]:
        yield Act("By source", self.address("sources"))

    def acts(self, request: HttpRequest, row: Earning) -> Iterator[Act]:
        yield Act("Source statement", self.address("statement", row.source_id))

    def sources_view(self, request: HttpRequest) -> HttpResponse:
        require(request, "billing.view_earning")
        now = timezone.now()
        earners = Source.objects.filter(Exists(Earning.objects.filter(source=OuterRef("pk"))))
        rows = [(source, totals_of(source, now)) for source in earners]
        template = "admin/billing/earning/sources.html"
        return admin_page(self, request, title="Source earnings", template=template, rows=rows)

    def statement_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.view_earning")
        source, now = get_object_or_404(Source, pk=number), timezone.now()
        before = request.GET.get("before", "")
        if before and not (before.isdecimal() and len(before) < 19):
            raise Http404
        return admin_page(
            self,
            request,
            title=f"Statement of {source}",
            template="admin/billing/earning/statement.html",
            source=source,
            totals=totals_of(source, now),
            months=months_of(source),
            page=page_of(source, int(before) if before else None),
            now=now,
        )

    def csv_view(self, request: HttpRequest, number: int) -> StreamingHttpResponse:
        require(request, "billing.view_earning")
        source = get_object_or_404(Source, pk=number)
        headers = {"Content-Disposition": f'attachment; filename="earnings-{source.slug}.csv"'}
        return StreamingHttpResponse(as_csv(source), content_type="text/csv", headers=headers)

    def pdf_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.view_earning")
        source, now = get_object_or_404(Source, pk=number), timezone.now()
        document = statement_document(source, now)
        if document is None:
            self.message_user(request, f"{source} has no earnings yet.", messages.WARNING)
            return HttpResponseRedirect(self.address("sources"))
        headers = {"Content-Disposition": f'attachment; filename="statement-{source.slug}-{now:%Y-%m-%d}.pdf"'}
        return HttpResponse(render(document), content_type="application/pdf", headers=headers)
