"""The operator's desk for prices, orders and files."""

from marketplace.admin.curve import PriceCurveAdmin
from marketplace.admin.record import DownloadAdmin, ExportAdmin, OrderAdmin, SaleAdmin

__all__ = ["DownloadAdmin", "ExportAdmin", "OrderAdmin", "PriceCurveAdmin", "SaleAdmin"]
