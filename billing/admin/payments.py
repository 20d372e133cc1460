"""Card payments in the admin: each payment on one page with its ledger entries, refunds and disputes; Stripe events."""

import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html_join

from billing.admin.parts import Act, MoneyAdmin, Question, cents_column, require, require_superuser
from billing.models import Customer, Dispute, Payment, Refund, StripeEvent, Transaction
from billing.money import dollars
from billing.payments import refunds, stripe_events, top_ups
from billing.payments.write_offs import WriteOffRefused, write_off
from leads.admin.parts import ReadOnly


class TransactionInline(ReadOnly, admin.TabularInline):
    """The payment's ledger transactions, oldest first."""

    model = Transaction
    readonly_fields = ["moves"]
    fields = ["posted_at", "kind", "moves", "stripe_id", "memo", "actor"]
    ordering = ["id"]
    verbose_name_plural = "Ledger transactions. Positive is a credit: owed or earned"
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transaction]:
        entries = ("entries__account__buyer", "entries__account__source")
        return super().get_queryset(request).prefetch_related(*entries)

    @admin.display(description="moves")
    def moves(self, posted: Transaction) -> str:
        rows = ((entry.account, dollars(entry.cents)) for entry in posted.entries.all())
        return format_html_join("", "<div>{} {}</div>", rows)


class RefundInline(ReadOnly, admin.TabularInline):
    model = Refund
    amount = staticmethod(cents_column("amount_cents", "amount"))
    readonly_fields = ["amount"]
    fields = ["created_at", "amount", "status", "made_by", "reason", "problem", "stripe_id"]
    show_change_link = True


class DisputeInline(ReadOnly, admin.TabularInline):
    model = Dispute
    amount = staticmethod(cents_column("amount_cents", "amount"))
    readonly_fields = ["amount"]
    fields = ["opened_at", "amount", "status", "reason", "evidence_due_at", "closed_at", "stripe_id"]
    show_change_link = True


class RefundForm(forms.Form):
    """A refund of at most what is left of the payment."""

    amount = forms.DecimalField(label="Dollars", min_value=Decimal("0.01"), max_digits=9, decimal_places=2)
    reason = forms.CharField(max_length=200, help_text="Kept with the refund. Do not enter personal data here.")
    key = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput)


@admin.register(Payment)
class PaymentAdmin(MoneyAdmin):
    list_display = ["number", "buyer", "purpose", "amount", "status", "card", "created_at", "ended_at"]
    list_filter = ["status", "purpose"]
    list_select_related = ["buyer"]
    search_fields = ["^public_id", "buyer__legal_name", "=stripe_payment_intent_id", "=stripe_session_id"]
    date_hierarchy = "created_at"
    amount = staticmethod(cents_column("amount_cents", "amount"))
    fields = [
        ("number", "status"),
        ("buyer", "purpose"),
        ("amount", "currency", "card"),
        ("asked_by", "created_at", "ended_at"),
        ("problem", "ask_again_at"),
        ("stripe_payment_intent_id", "stripe_charge_id", "stripe_session_id"),
    ]
    readonly_fields = ["number", "amount"]
    inlines = [TransactionInline, RefundInline, DisputeInline]

    def get_urls(self) -> list[URLPattern]:
        return [
            self.row_route("refund", self.refund_view),
            self.row_route("ask", self.ask_view),
            *super().get_urls(),
        ]

    def acts(self, request: HttpRequest, row: Payment) -> Iterator[Act]:
        if row.status == Payment.Status.PAID and request.user.has_perm("billing.add_refund"):
            yield Act("Refund to card", self.address("refund", row.pk))
        if request.user.has_perm("billing.change_payment"):
            yield Act("Check with Stripe", self.address("ask", row.pk))

    def refund_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.add_refund")
        payment = self.found(request, number)
        left = dollars(refunds.left_cents(payment))
        intro = f"You can still refund {left} of {dollars(payment.amount_cents)} to {payment.card or 'the card'}."
        intro += " The amount leaves the wallet right away; Stripe keeps its fee."
        question = Question("Refund to card", intro, "Refund the card", RefundForm, (refunds.RefundRefused,))

        def act(said: Mapping[str, Any]) -> str:
            refund = refunds.refund_to_card(
                payment=payment,
                amount_cents=int(said["amount"] * 100),
                reason=said["reason"],
                actor=request.user.get_username(),
                now=timezone.now(),
                key=said["key"],
            )
            return f"{dollars(refund.amount_cents)}: {refund.get_status_display().lower()}. {refund.problem}".strip()

        return self.confirm(request, payment, question, act)

    def ask_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_payment")
        payment = self.found(request, number)
        intro = "We ask Stripe for the status of this payment and update our books to match. This is always safe."
        question = Question("Check with Stripe", intro, "Check with Stripe")

        def act(said: Mapping[str, Any]) -> str:
            settled = top_ups.settle(payment, now=timezone.now())
            return f"{settled.get_status_display()}. {settled.problem}".strip()

        return self.confirm(request, payment, question, act)


@admin.register(Refund)
class RefundAdmin(MoneyAdmin):
    list_display = ["created_at", "payment", "amount", "status", "made_by", "reason", "problem"]
    list_filter = ["status"]
    list_select_related = ["payment"]
    search_fields = ["=stripe_id", "^payment__public_id", "payment__buyer__legal_name"]
    date_hierarchy = "created_at"
    amount = staticmethod(cents_column("amount_cents", "amount"))
    readonly_fields = ["amount"]
    exclude = ["amount_cents"]


@admin.register(Dispute)
class DisputeAdmin(MoneyAdmin):
    """Disputes, the nearest evidence deadline first."""

    list_display = ["stripe_id", "payment", "buyer", "amount", "status", "reason", "evidence_due_at", "closed_at"]
    list_filter = ["status", "reason"]
    list_select_related = ["payment__buyer"]
    search_fields = ["=stripe_id", "^payment__public_id", "payment__buyer__legal_name"]
    ordering = ["evidence_due_at", "-opened_at"]
    amount = staticmethod(cents_column("amount_cents", "amount"))
    readonly_fields = ["amount", "buyer"]
    exclude = ["amount_cents"]

    def get_urls(self) -> list[URLPattern]:
        return [self.row_route("write-off", self.write_off_view), *super().get_urls()]

    def acts(self, request: HttpRequest, row: Dispute) -> Iterator[Act]:
        if request.user.is_superuser and row.status == "lost":
            yield Act("Write off", self.address("write-off", row.pk))

    @admin.display(description="buyer")
    def buyer(self, dispute: Dispute) -> str:
        return str(dispute.payment.buyer)

    def write_off_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require_superuser(request)
        dispute = self.found(request, number)
        intro = "We take the amount the wallet still owes for this dispute as a loss, and the buyer can buy again."
        question = Question("Write off", intro, "Write off the dispute", refusals=(WriteOffRefused,))

        def act(said: Mapping[str, Any]) -> str:
            return f"{write_off(dispute, actor=request.user.get_username(), now=timezone.now()).memo}."

        return self.confirm(request, dispute, question, act)


@admin.register(StripeEvent)
class StripeEventAdmin(MoneyAdmin):
    """Stripe's events as they arrived. The body may name the person who paid, so it is not shown."""

    list_display = ["received_at", "type", "event_id", "status", "attempts", "try_at", "problem"]
    list_filter = ["status", "type"]
    search_fields = ["=event_id"]
    date_hierarchy = "received_at"
    exclude = ["body"]

    def get_urls(self) -> list[URLPattern]:
        return [self.row_route("again", self.again_view), *super().get_urls()]

    def acts(self, request: HttpRequest, row: StripeEvent) -> Iterator[Act]:
        if request.user.has_perm("billing.change_stripeevent"):
            yield Act("Process again", self.address("again", row.pk))

    def again_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.change_stripeevent")
        event = self.found(request, number)
        intro = "We ask Stripe for the current status and update our books to match. Nothing is booked twice."
        question = Question("Process again", intro, "Process the event again")

        def act(said: Mapping[str, Any]) -> str:
            acted = _act_again(event)
            return f"{acted.get_status_display()}. {acted.problem}".strip()

        return self.confirm(request, event, question, act)


def _act_again(event: StripeEvent) -> StripeEvent:
    now = timezone.now()
    waiting = {"status": StripeEvent.Status.RECEIVED, "acted_at": None, "attempts": 0, "try_at": now}
    StripeEvent.objects.filter(pk=event.pk).update(**waiting)
    event.refresh_from_db()
    return stripe_events.act(event, now=now)


@admin.register(Customer)
class CustomerAdmin(MoneyAdmin):
    list_display = ["buyer", "stripe_id", "card", "card_expires", "created_at"]
    list_select_related = ["buyer"]
    search_fields = ["buyer__legal_name", "=stripe_id"]
