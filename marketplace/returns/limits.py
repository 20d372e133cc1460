"""The return limit: how many leads of an order, in one vertical, can be in review by our team or credited by it.

A refusal frees its place for whichever claim comes first: another lead, or the same one on appeal. So the limit
always holds, and nobody waits for an appeal that may never come.
"""

from collections import Counter
from collections.abc import Iterable

from django.db.models import Count

from marketplace.models import Return, Sale


class Limits:
    """The sold leads and used places of these orders. While the wallet is locked, nobody else can take a place."""

    def __init__(self, orders: Iterable[int]) -> None:
        orders = set(orders)
        sold = Sale.objects.filter(order__in=orders).values_list("order", "lead__vertical")
        used = Return.objects.counting().filter(sale__order__in=orders)
        used_by_order = used.values_list("sale__order", "sale__lead__vertical")
        self._sold = _counted(sold.order_by().annotate(n=Count("pk")))
        self._used = _counted(used_by_order.order_by().annotate(n=Count("pk")))

    def has_room(self, sale: Sale) -> bool:
        return self._used[_place(sale)] < self._most(sale)

    def take(self, sale: Sale) -> None:
        self._used[_place(sale)] += 1

    def in_words(self, sale: Sale) -> str:
        most, sold = self._most(sale), self._sold[_place(sale)]
        leads = f"{sold:,} lead{'' if sold == 1 else 's'}"
        return f"You can return up to {most:,} of this order's {leads} for reasons that our team decides."

    def _most(self, sale: Sale) -> int:
        return sale.lead.vertical.return_policy.most_of(self._sold[_place(sale)])


def _place(sale: Sale) -> tuple[int, int]:
    return sale.order_id, sale.lead.vertical_id


def _counted(rows: Iterable[tuple[int, int, int]]) -> Counter[tuple[int, int]]:
    return Counter({(order, vertical): number for order, vertical, number in rows})
