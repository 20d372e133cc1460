"""The operator's pages for prices, orders, returns and files."""

from marketplace.admin.curve import PriceCurveAdmin
from marketplace.admin.money import OrderAwaitingPaymentAdmin, PaymentDesk
from marketplace.admin.record import (
    DownloadAdmin,
    ExportAdmin,
    InventorySnapshotAdmin,
    OrderAdmin,
    SaleAdmin,
    StandingOrderAdmin,
)
from marketplace.admin.returns import ReturnAdmin, ReturnPolicyAdmin, ReturnReasonAdmin

__all__ = [
    "DownloadAdmin",
    "ExportAdmin",
    "InventorySnapshotAdmin",
    "OrderAdmin",
    "OrderAwaitingPaymentAdmin",
    "PaymentDesk",
    "PriceCurveAdmin",
    "ReturnAdmin",
    "ReturnPolicyAdmin",
    "ReturnReasonAdmin",
    "SaleAdmin",
    "StandingOrderAdmin",
]
