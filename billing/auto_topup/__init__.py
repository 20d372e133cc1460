"""Automatic top-up: the buyer's consent, the announcement of each charge, and the charge itself."""
