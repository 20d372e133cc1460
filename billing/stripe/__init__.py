"""The only door to Stripe: what is asked of it, what it answers, and its messages, verified and stored."""
