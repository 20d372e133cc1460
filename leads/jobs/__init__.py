"""What every job in the background stands on: a lease, an outbox for mail, and a key that makes a repeat harmless."""
