"""Reconciliation of our books with Stripe's, day by day. It reports differences and fixes nothing."""
