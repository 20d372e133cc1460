"""Payouts to sources in the admin: where the money goes, runs and their steps, and the result of each payout."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone

from billing.admin.parts import Act, MoneyAdmin, Question, cents_column, require, staff_user
from billing.documents import render
from billing.models import Payee, Payout, PayoutApproval, PayoutRun
from billing.money import dollars
from billing.payouts.execution import bank_file, mark_as_paid, mark_as_sent_back, send_transfers
from billing.payouts.payouts import PayoutRefused, approve, cancel, due_at, limit_left, make_run, why_not_approve
from billing.payouts.source_statements import payout_document
from leads.admin.parts import Kept, ReadOnly, admin_page


class PayeeForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        account = said.get("stripe_account_id") or ""
        if said.get("method") == Payee.Method.STRIPE and not account.startswith("acct_"):
            self.add_error("stripe_account_id", "Enter the ID of the connected account, which starts with acct_.")
        if said.get("method") == Payee.Method.BANK and not said.get("bank_reference"):
            self.add_error("bank_reference", "Enter the bank's reference for this payee.")
        return said


@admin.register(Payee)
class PayeeAdmin(Kept, admin.ModelAdmin):
    """Where a source's money goes. A run keeps the details it was made with; changes apply from the next run on."""

    form = PayeeForm
    list_display = ["source", "method", "bank_reference", "stripe_account_id", "email"]
    list_filter = ["method"]
    list_select_related = ["source"]
    search_fields = ["source__legal_name", "=bank_reference", "=stripe_account_id"]
    autocomplete_fields = ["source"]

    def get_readonly_fields(self, request: HttpRequest, obj: Payee | None = None) -> list[str]:
        return ["source"] if obj else []


class PayoutApprovalInline(ReadOnly, admin.TabularInline):
    model = PayoutApproval
    total = staticmethod(cents_column("total_cents", "run total"))
    fields = ["at", "user", "total"]
    readonly_fields = ["total"]


class PayoutInline(ReadOnly, admin.TabularInline):
    model = Payout
    amount = staticmethod(cents_column("cents", "amount"))
    readonly_fields = ["amount"]
    fields = ["source", "amount", "method", "destination", "status", "paid_at", "problem"]
    show_change_link = True


class CutoffForm(forms.Form):
    cutoff_at = forms.SplitDateTimeField(
        label="Cutoff (UTC)",
        widget=AdminSplitDateTime,
        help_text="Everything due by then is paid. Pending shares, of leads a buyer may still return, are not.",
    )


@admin.register(PayoutRun)
class PayoutRunAdmin(MoneyAdmin):
    list_display = ["number", "cutoff_at", "total", "status", "created_by", "created_at", "ended_at"]
    list_filter = ["status"]
    list_select_related = ["created_by"]
    total = staticmethod(cents_column("total_cents", "total"))
    limit = staticmethod(cents_column("two_people_over_cents", "two approvals over"))
    fields = [
        ("number", "status"),
        ("total", "cutoff_at"),
        ("created_by", "created_at"),
        ("limit", "people_needed"),
        "ended_at",
    ]
    readonly_fields = ["number", "total", "limit", "people_needed"]
    inlines = [PayoutApprovalInline, PayoutInline]

    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("make/", self.make_view, "make"),
            self.row_route("approve", self.approve_view),
            self.row_route("cancel", self.cancel_view),
            self.row_route("bank", self.bank_view),
            self.row_route("transfer", self.transfer_view),
            self.row_route("paid", self.paid_view),
            *super().get_urls(),
        ]

    def list_acts(self, request: HttpRequest) -> Iterator[Act]:
        if request.user.has_perm("billing.add_payoutrun"):
            yield Act("Create a payout run", self.address("make"))

    def acts(self, request: HttpRequest, row: PayoutRun) -> Iterator[Act]:
        if request.user.has_perm("billing.approve_payouts") and not why_not_approve(row, staff_user(request)):
            yield Act("Approve", self.address("approve", row.pk))
        if not request.user.has_perm("billing.change_payoutrun"):
            return
        if row.status in (PayoutRun.Status.APPROVED, PayoutRun.Status.DONE) and row.payouts.by_bank().exists():
            yield Act("Bank file", self.address("bank", row.pk))
        if row.status == PayoutRun.Status.APPROVED:
            yield from self._ways_to_pay(row)
        if row.status in (PayoutRun.Status.DRAFT, PayoutRun.Status.APPROVED):
            yield Act("Cancel", self.address("cancel", row.pk))

    def _ways_to_pay(self, row: PayoutRun) -> Iterator[Act]:
        if row.payouts.by_stripe().filter(status=Payout.Status.WAITING).exists():
            yield Act("Send Stripe transfers", self.address("transfer", row.pk))
        if row.payouts.by_bank().filter(status=Payout.Status.SENT).exists():
            yield Act("Mark all as paid", self.address("paid", row.pk))

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """What is due to each source, how much of it would be paid, and why the rest would not."""
        require(request, "billing.add_payoutrun")
        now = timezone.now()
        asked = request.POST or request.GET
        form = CutoffForm(asked) if "cutoff_at_0" in asked else CutoffForm(initial={"cutoff_at": now})
        cutoff_at = form.cleaned_data["cutoff_at"] if form.is_bound and form.is_valid() else now
        if request.method == "POST" and form.is_valid():
            if run := self._make(request, cutoff_at, now):
                return HttpResponseRedirect(self.address("change", run.pk))
            return HttpResponseRedirect(self.address("make"))
        due = due_at(cutoff_at)
        paid = sum(one.cents for one in due if one.is_paid)
        template = "admin/billing/payoutrun/make.html"
        limits = {"least_cents": settings.PAYOUT_LEAST_CENTS, "max_price_cents": limit_left(staff_user(request), now)}
        context: dict[str, Any] = {"form": form, "due": due, "cutoff_at": cutoff_at, "paid_cents": paid, **limits}
        return admin_page(self, request, title="Create a payout run", template=template, **context)

    def _make(self, request: HttpRequest, cutoff_at: Any, now: Any) -> PayoutRun | None:
        try:
            run = make_run(cutoff_at, staff_user(request), now)
        except PayoutRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return None
        said = f"Created a payout run of {dollars(run.total_cents)}. It is waiting for approval."
        self.log_addition(request, run, said)
        self.message_user(request, said, messages.SUCCESS)
        return run

    def approve_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.approve_payouts")
        run = self.found(request, number)
        people = "one person" if run.people_needed == 1 else "two people who did not make the run"
        intro = (
            f"{dollars(run.total_cents)} to {_counted(run.payouts.count(), 'source')}. Needs approval from {people}."
        )
        question = Question("Approve the run", intro, "Approve the run", refusals=(PayoutRefused,))

        def act(said: Mapping[str, Any]) -> str:
            approved = approve(run, staff_user(request), timezone.now())
            more = "" if approved.status == PayoutRun.Status.APPROVED else " One more person must approve it."
            return f"You approved {dollars(run.total_cents)}.{more}"

        return self.confirm(request, run, question, act)

    def cancel_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_payoutrun")
        run = self.found(request, number)
        question = Question(
            "Cancel the run",
            "None of it will be paid; all of it becomes due again.",
            "Cancel the run",
            refusals=(PayoutRefused,),
        )

        def act(said: Mapping[str, Any]) -> str:
            cancel(run, timezone.now())
            return "Canceled. What it would have paid is due again."

        return self.confirm(request, run, question, act)

    def bank_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Ask before handing out the file: from then on the bank may have it."""
        require(request, "billing.change_payoutrun")
        run = self.found(request, number)
        intro = (
            "You can download the file again at any time; payments that the bank sent back since are left out."
            " After the first download you can't cancel the run."
        )
        question = Question("Bank file", intro, "Download the bank file", refusals=(PayoutRefused,))
        if request.method != "POST":
            return self.confirm(request, run, question, lambda said: "")
        try:
            text = bank_file(run)
        except PayoutRefused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(self.address("change", run.pk))
        self.log_change(request, run, "Downloaded the bank file.")
        headers = {"Content-Disposition": f'attachment; filename="payouts-{run.number}.csv"'}
        return HttpResponse(text, content_type="text/csv", headers=headers)

    def transfer_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_payoutrun")
        run = self.found(request, number)
        waiting = run.payouts.by_stripe().filter(status=Payout.Status.WAITING)
        intro = f"{_counted(waiting.count(), 'transfer')} to connected accounts, paid from our balance at Stripe."
        question = Question("Send Stripe transfers", intro, "Send the transfers", refusals=(PayoutRefused,))

        def act(said: Mapping[str, Any]) -> str:
            paid = send_transfers(run, actor=request.user.get_username(), now=timezone.now())
            return f"{_counted(paid, 'transfer')} made. Any that failed or are not confirmed yet are listed below."

        return self.confirm(request, run, question, act)

    def paid_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_payoutrun")
        run = self.found(request, number)
        sent = list(run.payouts.by_bank().filter(status=Payout.Status.SENT))
        together = dollars(sum(payout.cents for payout in sent))
        intro = f"Confirm that our bank has paid {_counted(len(sent), 'payout')}, {together} in total."
        question = Question("Mark all as paid", intro, "Mark all as paid", refusals=(PayoutRefused,))

        def act(said: Mapping[str, Any]) -> str:
            for payout in sent:
                mark_as_paid(payout, actor=request.user.get_username(), now=timezone.now())
            return f"{_counted(len(sent), 'payout')} marked as paid."

        return self.confirm(request, run, question, act)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class SentBackForm(forms.Form):
    problem = forms.CharField(label="What did the bank say?", max_length=300)


@admin.register(Payout)
class PayoutAdmin(MoneyAdmin):
    list_display = ["number", "source", "amount", "method", "status", "paid_at", "problem", "run"]
    list_filter = ["status", "method"]
    list_select_related = ["source", "run"]
    search_fields = ["^public_id", "source__legal_name", "=stripe_id"]
    amount = staticmethod(cents_column("cents", "amount"))
    readonly_fields = ["number", "amount"]
    exclude = ["cents"]

    def get_urls(self) -> list[URLPattern]:
        return [
            self.row_route("paid", self.paid_view),
            self.row_route("sent-back", self.sent_back_view),
            self.row_route("pdf", self.pdf_view),
            *super().get_urls(),
        ]

    def acts(self, request: HttpRequest, row: Payout) -> Iterator[Act]:
        if row.status not in (Payout.Status.FAILED, Payout.Status.CANCELED):
            yield Act("Statement as PDF", self.address("pdf", row.pk))
        if row.method != Payee.Method.BANK or not request.user.has_perm("billing.change_payoutrun"):
            return
        if row.status == Payout.Status.SENT:
            yield Act("Mark as paid", self.address("paid", row.pk))
        if row.status in (Payout.Status.SENT, Payout.Status.PAID):
            yield Act("Mark as sent back", self.address("sent-back", row.pk))

    def paid_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_payoutrun")
        payout = self.found(request, number)
        intro = f"Confirm that {dollars(payout.cents)} to {payout.source} has left our bank account."
        question = Question("Mark as paid", intro, "Mark as paid", refusals=(PayoutRefused,))

        def act(said: Mapping[str, Any]) -> str:
            mark_as_paid(payout, actor=request.user.get_username(), now=timezone.now())
            return f"{dollars(payout.cents)} to {payout.source} marked as paid."

        return self.confirm(request, payout, question, act)

    def sent_back_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_payoutrun")
        payout = self.found(request, number)
        intro = f"{dollars(payout.cents)} to {payout.source} did not arrive. It becomes due again in the next run."
        question = Question("Mark as sent back", intro, "Mark as sent back", SentBackForm, (PayoutRefused,))

        def act(said: Mapping[str, Any]) -> str:
            actor = request.user.get_username()
            mark_as_sent_back(payout, problem=said["problem"], actor=actor, now=timezone.now())
            return f"{dollars(payout.cents)} is due to {payout.source} again."

        return self.confirm(request, payout, question, act)

    def pdf_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.view_payout")
        payout = self.found(request, number)
        document = payout_document(payout)
        if document is None:
            raise Http404
        headers = {"Content-Disposition": f'attachment; filename="payout-{payout.number}.pdf"'}
        return HttpResponse(render(document), content_type="application/pdf", headers=headers)
