"""The ledger in the admin: balances at any time, a statement for every account, credits and their reversal."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db import DatabaseError
from django.db.models import Count, Q, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone

from billing.admin.parts import Act, MoneyAdmin, Question, require, require_superuser
from billing.ledger import AlreadyPosted, credit_wallet, reverse
from billing.models import Account, Entry, Transaction
from billing.money import dollars
from billing.statements import as_csv, page_of, statement_of
from buyers.models import Buyer
from leads.admin.parts import ReadOnly, admin_page, laid_out

ALONE_AT_MOST = Decimal(500)
AT_MOST = Decimal(1_000_000)


class CreditForm(forms.Form):
    """Money that came in outside the system. Only superusers may credit larger amounts."""

    buyer = forms.ModelChoiceField(Buyer.objects.trading())
    amount = forms.DecimalField(
        label="Dollars", min_value=Decimal("0.01"), max_value=AT_MOST, max_digits=9, decimal_places=2
    )
    reference = forms.CharField(
        max_length=80, help_text="Number of the wire, check or ticket. Each reference can be credited only once."
    )
    memo = forms.CharField(max_length=200, help_text="The buyer sees this in the wallet.")

    def __init__(self, *args: Any, may_exceed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_exceed = may_exceed

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount > ALONE_AT_MOST and not self.may_exceed:
            raise forms.ValidationError(f"Only a superuser can credit more than ${ALONE_AT_MOST}.")
        return amount

    @property
    def cents(self) -> int:
        return int(self.cleaned_data["amount"] * 100)


class BalanceInstantForm(forms.Form):
    at = forms.SplitDateTimeField(label="At (UTC)", widget=AdminSplitDateTime)


@admin.register(Account)
class AccountAdmin(MoneyAdmin):
    list_display = ["__str__", "kind", "balance", "overdrawn_by_clawback"]
    list_filter = ["kind", "overdrawn_by_clawback"]
    list_select_related = ["buyer", "source"]
    search_fields = ["buyer__legal_name", "source__legal_name"]
    fields = ["kind", "buyer", "source", "balance", "overdrawn_by_clawback"]
    readonly_fields = ["balance"]

    def get_urls(self) -> list[URLPattern]:
        return [
            self.route("credit/", self.credit_view, "credit"),
            self.route("balances/", self.balances_view, "balances"),
            self.row_route("statement", self.statement_view),
            self.row_route("csv", self.csv_view),
            *super().get_urls(),
        ]

    def list_acts(self, request: HttpRequest) -> Iterator[Act]:
        yield Act("Balances", self.address("balances"))
        if request.user.has_perm("billing.add_transaction"):
            yield Act("Credit a wallet", self.address("credit"))

    def acts(self, request: HttpRequest, row: Account) -> Iterator[Act]:
        yield Act("Statement", self.address("statement", row.pk))
        yield Act("As CSV", self.address("csv", row.pk))

    @admin.display(description="balance")
    def balance(self, account: Account) -> str:
        """For wallets only; other accounts are summed when somebody opens their statement or the balances."""
        return dollars(account.balance_cents) if account.kind == Account.Kind.WALLET else ""

    def balances_view(self, request: HttpRequest) -> HttpResponse:
        """All accounts at one time, by kind; together they sum to zero."""
        require(request, "billing.view_account")
        now = timezone.now()
        form = BalanceInstantForm(request.GET) if request.GET else BalanceInstantForm(initial={"at": now})
        at = form.cleaned_data["at"] if form.is_bound and form.is_valid() else now
        kinds = list(_balances(at))
        total = sum(kind["credit_cents"] for kind in kinds)
        template = "admin/billing/account/balances.html"
        return admin_page(
            self, request, title="Balances", template=template, form=form, at=at, kinds=kinds, total_cents=total
        )

    def statement_view(self, request: HttpRequest, number: int) -> HttpResponse:
        require(request, "billing.view_account")
        account = self.found(request, number)
        statement = statement_of(account)
        try:
            page = page_of(statement, before=_key(request, "before"), after=_key(request, "after"))
        except Entry.DoesNotExist as error:
            raise Http404 from error
        return admin_page(
            self,
            request,
            title="Statement",
            original=account,
            template="admin/billing/account/statement.html",
            statement=statement,
            page=page,
            csv=self.address("csv", account.pk),
        )

    def csv_view(self, request: HttpRequest, number: int) -> StreamingHttpResponse:
        require(request, "billing.view_account")
        account = self.found(request, number)
        headers = {"Content-Disposition": f'attachment; filename="account-{account.pk}.csv"'}
        return StreamingHttpResponse(as_csv(statement_of(account)), content_type="text/csv", headers=headers)

    def credit_view(self, request: HttpRequest) -> HttpResponse:
        """Credit a wallet. Posting the same reference twice moves money once."""
        require(request, "billing.add_transaction")
        initial = {"buyer": request.GET.get("buyer")}
        form = CreditForm(request.POST or None, initial=initial, may_exceed=request.user.is_superuser)
        if request.method == "POST" and form.is_valid() and self._credit(request, form):
            return HttpResponseRedirect(self.address("changelist"))
        return admin_page(
            self,
            request,
            title="Credit a wallet",
            adminform=laid_out(form),
            intro=f"For money received by wire or check. Only a superuser can credit more than ${ALONE_AT_MOST}.",
            button="Credit the wallet",
            back=self.address("changelist"),
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
                now=timezone.now(),
            )
        except AlreadyPosted:
            form.add_error("reference", "This reference was already credited. Nothing was posted.")
            return False
        self.message_user(request, f"{dollars(form.cents)} credited to {said['buyer']}.", messages.SUCCESS)
        return True


def _key(request: HttpRequest, name: str) -> UUID | None:
    try:
        return UUID(request.GET[name]) if name in request.GET else None
    except ValueError as error:
        raise Http404 from error


def _balances(at: datetime) -> Iterator[dict[str, Any]]:
    """Yield each kind of account with its balance in its natural sign, and as a credit."""
    sums = Account.objects.values("kind").order_by("kind")
    counted = sums.annotate(
        cents=Sum("entries__cents", filter=Q(entries__posted_at__lte=at)),
        accounts=Count("pk", distinct=True),
    )
    for row in counted:
        cents = row["cents"] or 0
        yield {
            "label": Account.Kind(row["kind"]).label,
            "kind": row["kind"],
            "accounts": row["accounts"],
            "cents": -cents if row["kind"] in Account.DEBIT_KINDS else cents,
            "credit_cents": cents,
        }


class EntryInline(ReadOnly, admin.TabularInline):
    model = Entry
    fields = ["account", "amount"]
    readonly_fields = ["amount"]

    @admin.display(description="amount")
    def amount(self, entry: Entry) -> str:
        return dollars(entry.cents)


class WouldOverdraw(Exception):
    """The wallet has already spent the credit that is to be reversed."""

    def __init__(self) -> None:
        super().__init__("The wallet holds less than this credit, so it can't be reversed. Nothing was posted.")


@admin.register(Transaction)
class TransactionAdmin(MoneyAdmin):
    list_display = ["posted_at", "kind", "reference", "memo", "actor"]
    list_filter = ["kind"]
    search_fields = ["=reference", "=public_id", "=stripe_id", "actor", "entries__account__buyer__legal_name"]
    date_hierarchy = "posted_at"
    inlines = [EntryInline]

    def get_urls(self) -> list[URLPattern]:
        return [self.row_route("reverse", self.reverse_view), *super().get_urls()]

    def acts(self, request: HttpRequest, row: Transaction) -> Iterable[Act]:
        if request.user.is_superuser and row.kind == Transaction.Kind.CREDIT:
            yield Act("Reverse", self.address("reverse", row.pk))

    def reverse_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Reverse a mistaken credit by posting its opposite. What Stripe or an order moved can't be reversed."""
        require_superuser(request)
        posted = self.found(request, number)
        if posted.kind != Transaction.Kind.CREDIT:
            raise Http404
        question = Question(
            "Reverse the credit",
            f"{_moves(posted.entries.all())}. This posts the opposite entry; the credit itself stays on record.",
            "Reverse the credit",
            MemoForm,
            (AlreadyPosted, WouldOverdraw),
        )

        def act(said: Mapping[str, Any]) -> str:
            _reverse(posted, request.user.get_username(), said["memo"])
            return "Reversed. The credit was taken out of the wallet."

        return self.confirm(request, posted, question, act)


class MemoForm(forms.Form):
    memo = forms.CharField(label="Reason", max_length=200, help_text="The buyer sees this in the wallet.")


def _reverse(posted: Transaction, actor: str, memo: str) -> None:
    try:
        reverse(posted, actor=actor, memo=memo, now=timezone.now())
    except DatabaseError as error:
        if "wallet_is_never_below_zero" not in str(error):
            raise
        raise WouldOverdraw from error


def _moves(entries: QuerySet[Entry]) -> str:
    """Describe each entry in words. Positive is a credit: owed or earned."""
    return "; ".join(f"{entry.account} {dollars(entry.cents)}" for entry in entries)
