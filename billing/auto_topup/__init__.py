"""Automatic top-up: the buyer's consent, announcements, and the charges under it."""
