"""The only way to Stripe: our requests, its answers, and its events, verified and stored."""
