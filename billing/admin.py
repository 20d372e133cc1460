"""The ledger at the desk: read, and added to by one form that credits a wallet."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from billing.ledger import AlreadyPosted, credit_wallet
from billing.models import Account, Entry, Transaction
from buyers.models import Buyer
from leads.admin.desk import ReadOnly, desk_page, laid_out

ALONE_AT_MOST = Decimal(500)
AT_MOST = Decimal(1_000_000)


def dollars(cents: int | None) -> str:
    return f"{'-' if (cents or 0) < 0 else ''}${abs(cents or 0) / 100:,.2f}"


class CreditForm(forms.Form):
    """Money that came in outside the system. Larger sums are for superusers."""

    buyer = forms.ModelChoiceField(Buyer.objects.trading())
    amount = forms.DecimalField(
        label="Dollars", min_value=Decimal("0.01"), max_value=AT_MOST, max_digits=9, decimal_places=2
    )
    reference = forms.CharField(
        max_length=80, help_text="Of the payment: wire, cheque, ticket. One reference moves money once."
    )
    memo = forms.CharField(max_length=200, help_text="The buyer reads it in the wallet.")

    def __init__(self, *args: Any, may_exceed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_exceed = may_exceed

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount > ALONE_AT_MOST and not self.may_exceed:
            raise forms.ValidationError(f"More than ${ALONE_AT_MOST} is for a superuser to credit.")
        return amount

    @property
    def cents(self) -> int:
        return int(self.cleaned_data["amount"] * 100)


@admin.register(Account)
class AccountAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "kind", "balance", "overdrawn_by_dispute"]
    list_filter = ["kind", "overdrawn_by_dispute"]
    list_select_related = ["buyer"]
    search_fields = ["buyer__legal_name"]
    fields = ["kind", "buyer", "balance", "overdrawn_by_dispute"]

    def get_urls(self) -> list[URLPattern]:
        credit = self.admin_site.admin_view(self.credit_view)
        return [path("credit/", credit, name="billing_account_credit"), *super().get_urls()]

    @admin.display(description="balance")
    def balance(self, account: Account) -> str:
        """Of wallets; a house account's is summed only when somebody looks at it, in its transactions."""
        return dollars(account.balance_cents) if account.kind == Account.Kind.WALLET else ""

    def credit_view(self, request: HttpRequest) -> HttpResponse:
        """Credit a wallet. Posting the same reference twice moves money once."""
        if not request.user.has_perm("billing.add_transaction"):
            raise PermissionDenied
        initial = {"buyer": request.GET.get("buyer")}
        form = CreditForm(request.POST or None, initial=initial, may_exceed=request.user.is_superuser)
        if request.method == "POST" and form.is_valid() and self._credit(request, form):
            return HttpResponseRedirect(reverse("admin:billing_account_changelist"))
        return desk_page(
            self,
            request,
            title="Credit a wallet",
            adminform=laid_out(form),
            intro=f"For money that came in by wire or cheque. More than ${ALONE_AT_MOST} is for a superuser.",
            button="Credit",
            back=reverse("admin:billing_account_changelist"),
        )

    def _credit(self, request: HttpRequest, form: CreditForm) -> bool:
        said = form.cleaned_data
        try:
            credit_wallet(
                buyer=said["buyer"],
                cents=form.cents,
                reference=said["reference"],
                memo=said["memo"],
                actor=request.user.get_username(),
            )
        except AlreadyPosted:
            form.add_error("reference", "This reference moved money before; nothing moved now.")
            return False
        self.message_user(request, f"{dollars(form.cents)} credited to {said['buyer']}.", messages.SUCCESS)
        return True


class EntryInline(ReadOnly, admin.TabularInline):
    model = Entry
    fields = ["account", "amount"]
    readonly_fields = ["amount"]

    @admin.display(description="amount")
    def amount(self, entry: Entry) -> str:
        return dollars(entry.cents)


@admin.register(Transaction)
class TransactionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["created_at", "kind", "reference", "memo", "actor"]
    list_filter = ["kind"]
    search_fields = ["=reference", "=public_id", "actor", "entries__account__buyer__legal_name"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    inlines = [EntryInline]
