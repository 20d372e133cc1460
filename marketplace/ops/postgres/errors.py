class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL is not available; the message says why and what to do."""
