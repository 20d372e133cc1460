"""The real SDK against the stand-in, and a merchant who receives its webhooks."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
import stripe

from stripe_stand_in import StandIn

SECRET = "whsec_merchant"


class Merchant:
    """Receives webhooks, verifies each with the SDK and records it; can refuse the first ones."""

    def __init__(self) -> None:
        self.events: list[stripe.Event] = []
        self.refused: list[str] = []
        self.seen: list[float] = []
        self.down_for = 0
        self.secrets = [SECRET]
        merchant = self

        class Inbox(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(merchant.take(body, self.headers["Stripe-Signature"]))
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Inbox)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?from=stripe"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def take(self, body: bytes, signature: str) -> int:
        self.seen.append(time.monotonic())
        if self.down_for:
            self.down_for -= 1
            return 503
        for secret in self.secrets:
            try:
                self.events.append(stripe.Webhook.construct_event(body, signature, secret))
                return 200
            except stripe.SignatureVerificationError as wrong:
                self.refused.append(str(wrong))
        return 400

    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    merchant = Merchant()
    yield merchant
    merchant.stop()


@pytest.fixture
def stand_in(merchant) -> Iterator[StandIn]:
    with StandIn(webhook_url=merchant.url, webhook_secret=SECRET, first_retry=0.1) as stand_in:
        yield stand_in


@pytest.fixture
def control(stand_in):
    return stand_in.control


def client_of(url: str, retries: int = 0) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_x", base_addresses={"api": url}, max_network_retries=retries)


@pytest.fixture
def client(stand_in) -> stripe.StripeClient:
    return client_of(stand_in.url)


@pytest.fixture
def stripe_(client):
    """Version 1 of the API, which is all we use."""
    return client.v1


@pytest.fixture
def customer(stripe_) -> stripe.Customer:
    return stripe_.customers.create({"email": "buyer@example.com", "name": "Ann Buyer", "metadata": {"buyer": "7"}})


@pytest.fixture
def open_session(stripe_, customer) -> Callable[..., stripe.checkout.Session]:
    def opened(cents: int = 50_00, **given) -> stripe.checkout.Session:
        price = {"currency": "usd", "unit_amount": cents, "product_data": {"name": "Wallet credit"}}
        return stripe_.checkout.sessions.create(
            {
                "mode": "payment",
                "customer": customer.id,
                "client_reference_id": "topup:42",
                "metadata": {"topup": "42"},
                "line_items": [{"price_data": price, "quantity": 1}],
                "payment_intent_data": {"setup_future_usage": "off_session", "metadata": {"topup": "42"}},
                "success_url": "http://127.0.0.1:9/thanks?session={CHECKOUT_SESSION_ID}",
                "cancel_url": "http://127.0.0.1:9/wallet",
                **given,
            }
        )

    return opened


@pytest.fixture
def pay(stripe_) -> Callable[..., stripe.PaymentIntent]:
    def paid(cents: int = 25_00, card: str = "pm_card_visa", **given) -> stripe.PaymentIntent:
        return stripe_.payment_intents.create(
            {"amount": cents, "currency": "usd", "payment_method": card, "confirm": True, **given}
        )

    return paid


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session
