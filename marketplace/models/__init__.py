"""Where supply and demand meet: prices, orders, sales, files."""

from marketplace.models.curve import PriceCurve, PriceTier, VolumeStep
from marketplace.models.file import Download, Export
from marketplace.models.order import Order, Sale
from marketplace.models.throttle import ApiUse

__all__ = ["ApiUse", "Download", "Export", "Order", "PriceCurve", "PriceTier", "Sale", "VolumeStep"]
