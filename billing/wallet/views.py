"""The wallet at a glance, and one payment with all that moved for it."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing.ledger import balance_cents
from billing.models import Account, AutomaticTopUp, Customer, Entry, Payment
from billing.money import typed
from billing.statements import page_of, rows_among, statement_of
from billing.stripe import gateway
from buyers.companies.access import MemberRequest, member_required
from buyers.models import Buyer

LATEST = 8
PAYMENTS_SHOWN = 10


@require_safe
@member_required
def wallet(request: MemberRequest) -> HttpResponse:
    buyer = request.buyer
    found = wallet_to_read(buyer)
    payments = list(buyer.payments.all()[:PAYMENTS_SHOWN])
    announced = [one for one in payments if one.status == Payment.Status.ANNOUNCED]
    context = {
        "wallet": found,
        "latest": page_of(statement_of(found), size=LATEST).rows,
        "payments": payments,
        "announced": announced,
        "announced_cents": sum(one.amount_cents for one in announced),
        "on_its_way_cents": sum(one.amount_cents for one in payments if one.status == Payment.Status.PROCESSING),
        "customer": Customer.objects.filter(buyer=buyer).first(),
        "agreed": AutomaticTopUp.objects.filter(buyer=buyer).first(),
        "cards_on": gateway.is_on(),
        "suggested": [(cents, typed(cents)) for cents in suggested()],
        "may_pay": may_pay(request),
    }
    return render(request, "billing/wallet.html", context)


def wallet_to_read(buyer: Buyer) -> Account:
    """An unsaved one, so without entries, for a company that never had money: looking opens no account."""
    return Account.objects.filter(buyer=buyer).first() or Account(kind=Account.Kind.WALLET, buyer=buyer)


def may_pay(request: MemberRequest) -> bool:
    return request.membership.can_buy and request.buyer.closed_at is None


def suggested() -> list[int]:
    """The amounts on offer, within the limits."""
    least, most = settings.TOP_UP_LEAST_CENTS, settings.TOP_UP_MOST_CENTS
    return [cents for cents in settings.TOP_UP_SUGGESTED_CENTS if least <= cents <= most]


@require_safe
@member_required
def payment(request: MemberRequest, public_id: UUID) -> HttpResponse:
    found = payment_of(request.buyer, public_id)
    return render(request, "billing/payment.html", payment_context(request, found))


def payment_of(buyer: Buyer, public_id: UUID) -> Payment:
    found: Payment = get_object_or_404(buyer.payments.select_related("asked_by", "buyer"), public_id=public_id)
    return found


def payment_context(request: MemberRequest, found: Payment) -> dict[str, object]:
    """One payment: what moved in the wallet for it, and what of it went back."""
    moved = Entry.objects.filter(account__buyer=request.buyer, transaction__payment=found)
    return {
        "payment": found,
        "rows": rows_among(moved, wallet_to_read(request.buyer)),
        "held_cents": balance_cents(request.buyer),
        "dollars": typed(found.amount_cents),
        "refunds": found.refunds.all(),
        "disputes": found.disputes.all(),
        "may_pay": may_pay(request),
    }
