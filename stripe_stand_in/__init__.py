"""A stand-in for Stripe, for the demo and for tests. No money moves here.

It answers the requests we make to Stripe, over real HTTP, from its own record of who paid what, and refuses any request
it does not know. It imports neither our apps nor the SDK, so that it is a second opinion on both.

Where it is simpler than Stripe, or may be wrong about it:

- The fee is 2.9% plus 30 cents, for cards and bank debits; a dispute costs $15.00, won or lost.
- Money is available immediately unless ``settlement_delay`` is set, and there is one currency, usd.
- The card 4000 0000 0000 0341 pays once with the cardholder present, so that a demo can show an automatic charge fail.
- Errors have Stripe's types, codes and statuses; their wording is close to Stripe's, but don't rely on it.

It was compared with the SDK's classes and with localstripe, never yet with Stripe itself: tests/stripe_stand_in asks
all of them the same questions when it is told where they are.
"""

from stripe_stand_in.client import Control, Refused
from stripe_stand_in.server import API_VERSION, StandIn

__all__ = ["API_VERSION", "Control", "Refused", "StandIn"]
