"""What is committed by now, in PostgreSQL's own words: for readers that must miss nothing of what ends later."""

from django.db import connection


def visible_now() -> str:
    """A snapshot as PostgreSQL writes it, ``xmin:xmax:running,…``, with the asking transaction among those that run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text, pg_current_xact_id_if_assigned()::text")
        return with_own(*cursor.fetchone())


def with_own(snapshot: str, own: str | None) -> str:
    """PostgreSQL leaves the asking transaction out, as it sees its own rows; what it writes from now on would count as
    seen. So it is put in."""
    lowest, highest, running = snapshot.split(":")
    if own is None or int(own) >= int(highest):
        return snapshot
    numbers = sorted({int(own), *(int(number) for number in running.split(",") if number)})
    return f"{min(int(lowest), int(own))}:{highest}:{','.join(map(str, numbers))}"
