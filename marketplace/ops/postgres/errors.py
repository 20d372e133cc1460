class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL can't be had; the message says why, and what to do."""
