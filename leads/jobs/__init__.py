"""What background jobs share: leases, an outbox for email, and keys that make a repeat harmless."""
