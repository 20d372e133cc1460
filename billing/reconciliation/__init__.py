"""Our books beside Stripe's, day by day. It finds what differs and mends nothing."""
