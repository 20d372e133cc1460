"""Prices, orders, sales, returns and files: where supply meets demand."""

from marketplace.models.awaiting_payment import OrderAwaitingPayment
from marketplace.models.background_order import BackgroundOrder
from marketplace.models.curve import PriceCurve, PriceTier, VolumeStep
from marketplace.models.file import Download, Export
from marketplace.models.order import Order
from marketplace.models.returning import Return, ReturnPolicy, ReturnReason, ReturnStep
from marketplace.models.sale import Sale
from marketplace.models.snapshot import InventorySnapshot
from marketplace.models.standing_fill import StandingFill, StandingWatch
from marketplace.models.throttle import ApiUse

__all__ = [
    "ApiUse",
    "BackgroundOrder",
    "Download",
    "Export",
    "InventorySnapshot",
    "Order",
    "OrderAwaitingPayment",
    "PriceCurve",
    "PriceTier",
    "Return",
    "ReturnPolicy",
    "ReturnReason",
    "ReturnStep",
    "Sale",
    "StandingFill",
    "StandingWatch",
    "VolumeStep",
]
