"""Money: the ledger, card payments, what sources are owed, and reconciliation with Stripe."""

from billing.models.earning import Earning
from billing.models.event import StripeEvent
from billing.models.ledger import CURRENCY, Account, Entry, Transaction
from billing.models.payment import AutomaticTopUp, Customer, Dispute, Payment, Refund
from billing.models.payout import Payee, Payout, PayoutApproval, PayoutRun
from billing.models.reconciliation import Difference, Reconciliation

__all__ = [
    "CURRENCY",
    "Account",
    "AutomaticTopUp",
    "Customer",
    "Difference",
    "Dispute",
    "Earning",
    "Entry",
    "Payee",
    "Payment",
    "Payout",
    "PayoutApproval",
    "PayoutRun",
    "Reconciliation",
    "Refund",
    "StripeEvent",
    "Transaction",
]
