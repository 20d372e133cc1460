"""Where supply and demand meet: prices, orders, sales, files."""

from marketplace.models.curve import PriceCurve, PriceTier, VolumeStep
from marketplace.models.file import Download, Export
from marketplace.models.order import Order, Sale
from marketplace.models.pending import PendingOrder
from marketplace.models.returning import Return, ReturnPolicy, ReturnReason, ReturnStep
from marketplace.models.throttle import ApiUse

__all__ = [
    "ApiUse",
    "Download",
    "Export",
    "Order",
    "PendingOrder",
    "PriceCurve",
    "PriceTier",
    "Return",
    "ReturnPolicy",
    "ReturnReason",
    "ReturnStep",
    "Sale",
    "VolumeStep",
]
