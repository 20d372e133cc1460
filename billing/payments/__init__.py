"""Card payments, refunds, disputes and fees, and what Stripe's events change."""
