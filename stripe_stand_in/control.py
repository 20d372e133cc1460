"""What a test or a person can make happen that the API cannot: the merchant's dashboard, banks and networks."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from stripe_stand_in import (
    cards,
    checkout,
    disputing,
    errors,
    holding,
    passing_time,
    paying,
    paying_out,
    refunding,
    transferring,
)
from stripe_stand_in.api import Api
from stripe_stand_in.expansion import present
from stripe_stand_in.mishaps import KINDS, Mishap
from stripe_stand_in.passing_time import acting
from stripe_stand_in.store import Resource, Store
from stripe_stand_in.webhooks import Courier

Verb = Callable[..., Any]


class Dashboard:
    """Actions on money. Each is one transaction, and the merchant hears of it only by events."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def refund(self, payment: str, amount: int | None = None) -> Resource:
        return refunding.refund(self.store, self._charge(payment), amount)

    def fail_refund(self, refund: str) -> Resource:
        return refunding.fail(self.store, self.store.find("refund", refund))

    def dispute(self, payment: str, reason: str = "fraudulent") -> Resource:
        return disputing.dispute(self.store, self._charge(payment), reason=reason)

    def submit_evidence(self, dispute: str) -> Resource:
        return disputing.submit_evidence(self.store, self.store.find("dispute", dispute))

    def win_dispute(self, dispute: str) -> Resource:
        return disputing.close(self.store, self.store.find("dispute", dispute), won=True)

    def lose_dispute(self, dispute: str) -> Resource:
        return disputing.close(self.store, self.store.find("dispute", dispute), won=False)

    def pay_out(self, amount: int | None = None) -> Resource:
        """Without an amount, the automatic payout of everything available."""
        return paying_out.pay_out_everything(self.store) if amount is None else paying_out.pay_out(self.store, amount)

    def land_payout(self, payout: str) -> Resource:
        return paying_out.arrive(self.store, self.store.find("payout", payout))

    def fail_payout(self, payout: str) -> Resource:
        return paying_out.fail(self.store, self.store.find("payout", payout))

    def open_account(self, email: str | None = None, ready: bool = True) -> Resource:
        return transferring.open_account(self.store, email=email, ready=ready)

    def reverse_transfer(self, transfer: str, amount: int | None = None) -> Resource:
        return transferring.reverse(self.store, self.store.find("transfer", transfer), amount)

    def settle(self, payment: str) -> Resource:
        return self._settle(payment, paid=True)

    def return_debit(self, payment: str) -> Resource:
        return self._settle(payment, paid=False)

    def detach(self, payment_method: str) -> Resource:
        return holding.detach(self.store, self.store.find("payment_method", payment_method))

    def submit(self, session: str, card: str = "pm_card_visa") -> Resource:
        """Press the button of the hosted page. A challenge is answered separately."""
        if card not in cards.BY_TOKEN:
            raise errors.invalid(f"No such test card: {card}", "card")
        return checkout.submit(self.store, self.store.find("checkout.session", session), cards.BY_TOKEN[card])

    def approve(self, session: str) -> Resource:
        return checkout.answer_challenge(self.store, self.store.find("checkout.session", session), approved=True)

    def expire(self, session: str) -> Resource:
        return checkout.expire(self.store, self.store.find("checkout.session", session))

    def advance(self, seconds: int) -> Resource:
        """Move the stand-in's clock forward: sessions expire, banks settle, idempotency keys are forgotten."""
        self.store.advance(seconds)
        passing_time.pass_time(self.store)
        return {"now": self.store.now()}

    def _charge(self, payment: str) -> Resource:
        return refunding.paid_charge(self.store, self.store.find("payment_intent", payment))

    def _settle(self, payment: str, *, paid: bool) -> Resource:
        intent = paying.settle(self.store, self.store.find("payment_intent", payment), paid=paid)
        checkout.follow_settlement(self.store, intent)
        return intent


class Network:
    """Failures between us and the merchant, and what is known about them."""

    def __init__(self, api: Api, courier: Courier, *, can_die: bool) -> None:
        self.api = api
        self.courier = courier
        self.can_die = can_die

    def mishap(self, kind: str, path: str, times: int | None = 1, seconds: float = 0) -> Resource:
        if times is not None and times < 1:
            raise errors.invalid("Enter at least 1 for times.", "times")
        if kind not in KINDS or (kind == "die" and not self.can_die):
            raise errors.invalid(f"No such mishap here: {kind}", "kind")
        self.api.mishaps.add(Mishap(kind, path, times, seconds))
        return {}

    def clear_mishaps(self) -> Resource:
        self.api.mishaps.clear()
        return {}

    def hold_webhooks(self) -> Resource:
        self.courier.hold()
        return {}

    def release_webhooks(self, seed: int | None = None) -> Resource:
        return {"released": self.courier.release(seed)}

    def forget_held_webhooks(self) -> Resource:
        return {"forgotten": self.courier.forget_held()}

    def set_webhooks(self, copies: int = 1, drop: int = 0, delay: float = 0, at_once: int = 1) -> Resource:
        """From the next event on: how often each is sent, how many are never sent, the delay, how many in parallel."""
        self.courier.plan()
        self.courier.copies, self.courier.to_drop, self.courier.delay = copies, drop, delay
        self.courier.at_once = min(max(at_once, 1), 16)
        return {}

    def deliver(self, event: str, secret: str | None = None, seconds_off: int = 0) -> Resource:
        """Send again, now, with another secret or time if given; return the status of the answer."""
        found = self.courier.store.find("event", event)
        secrets = [secret] if secret else None
        return {"status": self.courier.deliver(found, secrets=secrets, seconds_off=seconds_off)}

    def add_secret(self, secret: str) -> Resource:
        """Rotate the secret: from now on events are signed with both."""
        self.courier.secrets = [*self.courier.secrets, secret]
        return {}

    def retire_oldest_secret(self) -> Resource:
        if len(self.courier.secrets) == 1:
            raise errors.invalid("The only secret can't be retired.")
        self.courier.secrets = self.courier.secrets[1:]
        return {}

    def state(self) -> Resource:
        waiting = [dataclasses.asdict(mishap) for mishap in self.api.mishaps.waiting()]
        now = self.courier.store.now()
        return {"now": now, "requests": self.api.counters, "webhooks": self.courier.counts(), "mishaps": waiting}

    def everything(self, kind: str) -> Resource:
        return {"data": [present(resource) for resource in self.courier.store.everything(kind)]}


class Controls:
    """Every action by its name, with its arguments."""

    def __init__(self, dashboard: Dashboard, network: Network) -> None:
        self.store = dashboard.store
        self.dashboard = _verbs(dashboard)
        self.network = _verbs(network)

    def perform(self, name: str, arguments: dict[str, Any]) -> Resource:
        verb = self.network.get(name) or self.dashboard.get(name)
        if verb is None:
            raise errors.Refusal(404, f"The control port has no action {name}.")
        try:
            inspect.signature(verb).bind(**arguments)
        except TypeError as wrong:
            raise errors.invalid(f"{name}: {wrong}") from None
        if name in self.network:
            return dict(verb(**arguments))
        with acting(self.store):
            return present(verb(**arguments))


def _verbs(holder: object) -> dict[str, Verb]:
    return {name: getattr(holder, name) for name in vars(type(holder)) if not name.startswith("_")}
