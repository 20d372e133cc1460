"""``python -m stripe_stand_in``: the stand-in as a process of its own, until Ctrl-C or SIGTERM."""

import argparse
import logging
import signal
import sys
import threading
from typing import Any

from stripe_stand_in.server import API_VERSION, StandIn

logger = logging.getLogger("stripe_stand_in")


def main() -> int:
    asked = vars(_parser().parse_args())
    logging.basicConfig(stream=sys.stdout, format="%(asctime)s stand-in %(message)s")
    logger.setLevel(logging.DEBUG)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with StandIn(**asked, can_die=True) as stand_in:
        _say(stand_in)
        stopping.wait()
    return 0


def _say(stand_in: StandIn) -> None:
    logger.info("A stand-in for Stripe: no money moves here.")
    logger.info("API and payment pages at %s, control panel at %s", stand_in.url, stand_in.control_url)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stripe_stand_in", description="A stand-in for Stripe.")
    add: Any = parser.add_argument
    add("--port", type=int, default=0, help="port of the API and the payment pages (0: any free port)")
    add("--control-port", type=int, default=0, help="port of the control panel and of tests; on this machine only")
    add("--host", default="127.0.0.1", help="address the API binds to")
    add("--state", default=":memory:", help="file that keeps all data between starts")
    add("--webhook-url", help="where events are sent")
    add("--webhook-secret", default="whsec_stand_in", help="secret that signs the events")
    add("--public-url", help="URL of the payment pages for browsers, if not host and port")
    add("--api-version", default=API_VERSION, help="the only Stripe-Version accepted")
    add("--merchant", default="Remainder", help="the name on the payment page")
    add("--first-retry", type=float, default=0.5, help="seconds until a failed webhook is resent; doubles up to 30")
    add("--bank-delay", type=int, default=60, help="seconds until a bank debit settles or a payout arrives")
    add("--settlement-delay", type=int, default=0, help="seconds until the money of a payment is available")
    return parser


if __name__ == "__main__":
    sys.exit(main())
