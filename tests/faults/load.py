"""Buyers at work until told to stop: ``python -m tests.faults.load``, on its own database.

Each tops up, buys and returns leads, every act with its own key. An act without an answer is retried with the same key
until there is one. At the end they report the answers they got next to what the database has.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import django

Answer = TypeVar("Answer")
BUYERS, LEADS, EACH, CENTS = 4, 300, 3, 2_000


def main() -> None:
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    clients = _clients(control_url=sys.argv[1])
    connection.close()
    _say("ready")
    enough = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), enough.set()), daemon=True).start()
    with ThreadPoolExecutor(BUYERS) as pool:
        for ended in [pool.submit(client.work, enough) for client in clients]:
            ended.result()
    _say(json.dumps(_report(clients)))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _clients(control_url: str) -> list["Client"]:
    from stripe_stand_in import Control
    from tests.factories import credit, make_buyer, make_market
    from tests.marketplace.returns.return_cases import generous

    market = make_market()
    generous(market)
    market.leads(LEADS)
    buyers = [make_buyer(None, market.vertical) for _ in range(BUYERS)]
    for buyer in buyers:
        credit(buyer, 100, f"for {buyer.pk}")
    return [Client(market, buyer, Control(control_url)) for buyer in buyers]


class NotYet(Exception):
    """There is an answer, but not a final one."""


class Client:
    def __init__(self, market: Any, buyer: Any, control: Any) -> None:
        self.market, self.buyer, self.control = market, buyer, control
        self.acts = 0
        self.unknown = 0
        self.refused = 0
        self.answered: dict[str, list[str]] = {"top_ups": [], "orders": [], "returns": []}

    def work(self, enough: threading.Event) -> None:
        from django.db import connection

        try:
            while not enough.is_set():
                self.acts += 1
                self._once(f"{self.buyer.pk}-{self.acts}")
        finally:
            connection.close()

    def _once(self, key: str) -> None:
        if paid := self._certainly(lambda: self._top_up(key)):
            self.answered["top_ups"].append(f"{paid.public_id} {paid.amount_cents}")
        token = self._certainly(self._quote)
        order = token and self._certainly(lambda: self._buy(token, key))
        if order:
            self.answered["orders"].append(f"{order.public_id} {order.total_cents}")
            lead = self._certainly(lambda: order.sales.order_by("id")[0].lead)
            if lead and self._certainly(lambda: self._hand_back(lead)):
                self.answered["returns"].append(str(lead.public_id))

    def _certainly(self, do: Callable[[], Answer]) -> Answer | None:
        """Return None if it was definitely refused."""
        from django.db import InterfaceError, OperationalError, connection

        from billing.ledger import NotEnoughMoney
        from marketplace.orders.checkout import OrderRefused

        while True:
            try:
                return do()
            except (OrderRefused, NotEnoughMoney):
                self.refused += 1
                return None
            except (OperationalError, InterfaceError, NotYet):
                self.unknown += 1
                connection.close()
                time.sleep(0.05)

    def _top_up(self, key: str) -> Any:
        from billing.payments import top_ups
        from stripe_stand_in import Refused
        from tests.billing.with_stripe import asked, open_page

        payment = asked(self.buyer, CENTS, key=key)
        if payment.status == "created":
            payment = open_page(payment)
        try:
            self.control.submit(session=payment.stripe_session_id, card="pm_card_visa")
        except Refused:  # done before
            payment.refresh_from_db()
        payment = top_ups.settle(payment, now=_now())
        if payment.status != "paid":
            raise NotYet
        return payment

    def _quote(self) -> str:
        from marketplace.orders.quotes import quote, token_of
        from marketplace.orders.request import read_order_request

        said = {"vertical": self.market.vertical.slug, "criteria": [], "quantity": EACH, "sort": "newest"}
        return token_of(quote(read_order_request(said), buyer=self.buyer, now=_now()))

    def _buy(self, token: str, key: str) -> Any:
        from marketplace.orders.checkout import OrderAttempt, place_order

        return place_order(OrderAttempt(self.buyer, None, token, key, True, _now()))

    def _hand_back(self, lead: Any) -> bool:
        from marketplace.returns.claims import Claim, Claimant, ReturnRefused, ask

        try:
            ask(Claim(lead.public_id, "disconnected", "Out of service."), Claimant(self.buyer, "a program", _now()))
        except ReturnRefused as refusal:
            assert refusal.code == "returned_before", refusal.code
        return True


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _report(clients: list[Client]) -> dict[str, Any]:
    from billing.models import Payment
    from billing.reconciliation.reconciliation import reconcile
    from marketplace.audit import violations
    from marketplace.models import Order, Return
    from tests.faults.scenes import sums

    answered = {
        kind: sorted(one for client in clients for one in client.answered[kind]) for kind in clients[0].answered
    }
    present = {
        "top_ups": [f"{one.public_id} {one.amount_cents}" for one in Payment.objects.filter(status="paid")],
        "orders": [f"{one.public_id} {one.total_cents}" for one in Order.objects.all()],
        "returns": [str(lead) for lead in Return.objects.values_list("sale__lead__public_id", flat=True)],
    }
    day, now = timedelta(days=1), _now()
    compared = reconcile(now - day, now + day, now)
    return {
        "unknown": sum(client.unknown for client in clients),
        "refused": sum(client.refused for client in clients),
        "answered": answered,
        "present": {kind: sorted(found) for kind, found in present.items()},
        "payments": Payment.objects.count(),
        "violations": [one.name for one in violations()],
        "differences": [str(one) for one in compared.differences.all()],
        "compared": compared.status,
        "sums": sums(),
    }


if __name__ == "__main__":
    main()
