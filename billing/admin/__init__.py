"""The money pages of the admin: the ledger, card payments, payouts to sources, and reconciliation with Stripe."""

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
