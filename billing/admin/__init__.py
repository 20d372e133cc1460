"""The operator's desk for money: the ledger, cards, sources' payouts, and how the books compare with Stripe's."""

from billing.admin.earnings import EarningAdmin
from billing.admin.ledger import AccountAdmin, TransactionAdmin
from billing.admin.payments import CustomerAdmin, DisputeAdmin, PaymentAdmin, RefundAdmin, StripeEventAdmin
from billing.admin.payouts import PayeeAdmin, PayoutAdmin, PayoutRunAdmin
from billing.admin.reconciliation import DifferenceAdmin, ReconciliationAdmin

__all__ = [
    "AccountAdmin",
    "CustomerAdmin",
    "DifferenceAdmin",
    "DisputeAdmin",
    "EarningAdmin",
    "PayeeAdmin",
    "PaymentAdmin",
    "PayoutAdmin",
    "PayoutRunAdmin",
    "ReconciliationAdmin",
    "RefundAdmin",
    "StripeEventAdmin",
    "TransactionAdmin",
]
