"""What is committed by now, as a PostgreSQL snapshot: for readers that must not miss what commits later."""

from django.db import connection


def visible_now() -> str:
    """Return a snapshot as PostgreSQL writes it, ``xmin:xmax:running,…``, counting our own transaction as running."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned()::text")
        return with_own(*cursor.fetchone())


def with_own(snapshot: str, own: str | None) -> str:
    """Add our own transaction, which PostgreSQL leaves out because it sees its own rows; otherwise what it writes from
    now on would count as seen."""
    lowest, highest, running = snapshot.split(":")
    if own is None or int(own) >= int(highest):
        return snapshot
    numbers = sorted({int(own), *(int(number) for number in running.split(",") if number)})
    return f"{min(int(lowest), int(own))}:{highest}:{','.join(map(str, numbers))}"
