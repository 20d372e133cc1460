"""Reconciliation with Stripe in the admin: what was compared, what differs, and what staff found out about it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminDateWidget
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone

from billing.admin.parts import Act, MoneyAdmin, Question, cents_column, require
from billing.models import Difference, Reconciliation
from billing.reconciliation.reconciliation import reconcile
from leads.admin.parts import ReadOnly, admin_page, laid_out

DAY = timedelta(days=1)


class DifferenceInline(ReadOnly, admin.TabularInline):
    model = Difference
    ours = staticmethod(cents_column("our_cents", "ours"))
    theirs = staticmethod(cents_column("their_cents", "Stripe's"))
    readonly_fields = ["ours", "theirs"]
    fields = ["kind", "stripe_id", "ours", "theirs", "note", "seen_by", "remark"]
    show_change_link = True


class DayForm(forms.Form):
    day = forms.DateField(label="Day (UTC)", widget=AdminDateWidget)

    def clean_day(self) -> datetime:
        begins = datetime.combine(self.cleaned_data["day"], time.min, UTC)
        if begins > timezone.now():
            raise forms.ValidationError("Choose a day that is not in the future.")
        return begins


@admin.register(Reconciliation)
class ReconciliationAdmin(MoneyAdmin):
    list_display = ["from_at", "until_at", "is_daily", "status", "compared", "ours", "theirs", "finished_at"]
    list_filter = ["status", "is_daily"]
    ours = staticmethod(cents_column("our_cents", "ours"))
    theirs = staticmethod(cents_column("their_cents", "Stripe's"))
    fields = [("from_at", "until_at"), ("status", "is_daily"), ("compared", "ours", "theirs"), "problem", "told_at"]
    readonly_fields = ["ours", "theirs"]
    inlines = [DifferenceInline]

    def get_urls(self) -> list[URLPattern]:
        return [self.route("compare/", self.compare_view, "compare"), *super().get_urls()]

    def list_acts(self, request: HttpRequest) -> Iterator[Act]:
        if request.user.has_perm("billing.add_reconciliation"):
            yield Act("Compare a day", self.address("compare"))

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """At most one day at a time: the browser waits while we read from Stripe."""
        require(request, "billing.add_reconciliation")
        form = DayForm(request.POST) if request.method == "POST" else DayForm()
        if form.is_bound and form.is_valid():
            begins, now = form.cleaned_data["day"], timezone.now()
            # Stripe counts in whole seconds, and the current second belongs to the day.
            row = reconcile(begins, min(begins + DAY, now + timedelta(seconds=1)), now)
            level = messages.SUCCESS if row.status == Reconciliation.Status.AGREED else messages.ERROR
            self.message_user(request, f"{row.get_status_display()}. {row.problem}".strip(), level)
            return HttpResponseRedirect(self.address("change", row.pk))
        return admin_page(
            self,
            request,
            title="Compare a day",
            adminform=laid_out(form),
            intro="Compares that day at Stripe with our books and lists the differences. Nothing is changed.",
            button="Compare the day",
            back=self.address("changelist"),
        )


class RemarkForm(forms.Form):
    remark = forms.CharField(max_length=300, help_text="What did you find out?")


@admin.register(Difference)
class DifferenceAdmin(MoneyAdmin):
    list_display = ["reconciliation", "kind", "stripe_id", "ours", "theirs", "note", "seen_by", "seen_at", "remark"]
    list_filter = [("seen_at", admin.EmptyFieldListFilter), "kind"]
    list_select_related = ["reconciliation", "seen_by"]
    search_fields = ["=stripe_id", "note", "remark"]
    ours = staticmethod(cents_column("our_cents", "ours"))
    theirs = staticmethod(cents_column("their_cents", "Stripe's"))
    readonly_fields = ["ours", "theirs"]
    exclude = ["our_cents", "their_cents"]

    def get_urls(self) -> list[URLPattern]:
        return [self.row_route("seen", self.seen_view), *super().get_urls()]

    def acts(self, request: HttpRequest, row: Difference) -> Iterator[Act]:
        if request.user.has_perm("billing.change_difference"):
            yield Act("Mark as seen" if row.seen_at is None else "Edit the remark", self.address("seen", row.pk))

    def seen_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_difference")
        difference = self.found(request, number)
        question = Question(
            "Mark as seen", f"{difference}. The difference stays on record.", "Mark as seen", RemarkForm
        )

        def act(said: Mapping[str, Any]) -> str:
            seen = {"seen_by": request.user, "seen_at": timezone.now(), "remark": said["remark"]}
            Difference.objects.filter(pk=difference.pk).update(**seen)
            return f"Seen: {said['remark']}"

        return self.confirm(request, difference, question, act)
