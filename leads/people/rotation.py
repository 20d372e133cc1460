"""Rotation: reseal under the current key whatever is sealed under an older one, while everything keeps running.

Guarantee: each batch is locked, resealed and committed on its own, and progress needs no record, because each value
carries its key's number. If a run is killed, run it again. When nothing is left, you can remove the old key.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction

from leads.people.sealing import key_ring


@dataclass(frozen=True)
class Sealed:
    """A column of sealed values. ``binding`` is the word that ties a value to its kind (see contact.py, consent.py);
    the id next to it is the lead's, or the row's own if the row does not belong to a lead."""

    table: str
    column: str
    binding: str
    of_lead: bool = True


CONTACTS = Sealed("leads_contact", "sealed", "contact")
MACHINES = Sealed("leads_consent", "sealed_machine", "machine")


def left_to_rotate(sealed: Sealed) -> int:
    """Return how many values are sealed under a key other than the current one."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {sealed.table} WHERE get_byte({sealed.column}, 0) <> %s",  # noqa: S608
            [key_ring().current],
        )
        return int(cursor.fetchone()[0])


def rotate(sealed: Sealed, *, batch: int) -> Iterator[int]:
    """Reseal in batches, each in its own transaction, and yield how many. Raises SealBroken."""
    last = 0
    while rows := _rotate_batch(sealed, after=last, batch=batch):
        last = rows[-1]
        yield len(rows)


@transaction.atomic
def _rotate_batch(sealed: Sealed, *, after: int, batch: int) -> list[int]:
    ring = key_ring()
    rows = _locked(sealed, after=after, batch=batch)
    renewed = [ring.seal(ring.unseal(value, row=row), row=row) for _, row, value in rows]
    numbers = [number for number, _, _ in rows]
    _write(sealed, numbers, renewed)
    return numbers


def _locked(sealed: Sealed, *, after: int, batch: int) -> list[tuple[int, str, bytes]]:
    named, own = ("leads_lead", "held.lead_id") if sealed.of_lead else (sealed.table, "held.id")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT held.id, named.public_id, held.{sealed.column}
            FROM {sealed.table} AS held JOIN {named} AS named ON named.id = {own}
            WHERE held.id > %s AND get_byte(held.{sealed.column}, 0) <> %s
            ORDER BY held.id LIMIT %s FOR NO KEY UPDATE OF held
            """,  # noqa: S608
            [after, key_ring().current, batch],
        )
        return [(number, f"{sealed.binding}|{name}", bytes(value)) for number, name, value in cursor.fetchall()]


def _write(sealed: Sealed, numbers: list[int], renewed: list[bytes]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {sealed.table} AS held SET {sealed.column} = fresh.value
            FROM unnest(%s::bigint[], %s::bytea[]) AS fresh (id, value) WHERE held.id = fresh.id
            """,  # noqa: S608
            [numbers, renewed],
        )
