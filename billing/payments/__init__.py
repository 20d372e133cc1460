"""Money from cards: payments, refunds, disputes and fees, and what Stripe's messages change."""
