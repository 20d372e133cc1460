"""A stand-in for Stripe, for the demo and for tests. No money moves here.

It answers the requests that we make of Stripe, over real HTTP, from its own memory of who paid what; whatever it does
not know it refuses. It imports nothing of our apps and not the SDK either, so that it is a second opinion on both.

Where it is simpler than Stripe, or may be wrong about it:

- A card's fee is 2.9 % and 30 cents, a bank debit's too; a dispute's fee of $15.00 stays, won or lost.
- Money is available at once unless ``settlement_delay`` says otherwise, and there is one currency, usd.
- The card 4000 0000 0000 0341 pays once with its holder there, so that a demo can show an automatic payment failing.
- Errors have Stripe's types, codes and statuses; their words are near Stripe's and not to be relied on.

It was held against the SDK's classes and against localstripe, never yet against Stripe itself: tests/stripe_stand_in
asks all of them the same questions when it is told where they are.
"""

from stripe_stand_in.client import Control, Refused
from stripe_stand_in.server import API_VERSION, StandIn

__all__ = ["API_VERSION", "Control", "Refused", "StandIn"]
