"""Legs that somebody is paying for. They are free again when their time is up, with no write to the database."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from pyroaring import BitMap

from leads.arrays import key_array
from marketplace.inventory.columns import Choices

_HELD = """
    SELECT leg.lead_id, leg.held_for, leg.held_until, count(*) FROM leads_leg AS leg
    JOIN leads_lead AS lead ON lead.id = leg.lead_id
    WHERE leg.status = 'held' AND leg.held_until > now() AND lead.vertical_id = %(vertical)s
        AND (%(leads)s::bigint[] IS NULL OR leg.lead_id = ANY(%(leads)s::bigint[]))
    GROUP BY leg.lead_id, leg.held_for, leg.held_until
"""


@dataclass(frozen=True)
class Held:
    """The number of a lead's legs that are held for one order, and until when."""

    holder: uuid.UUID
    until: datetime
    legs: int


def read_holds(vertical_id: int, leads: Collection[int] | None = None) -> dict[int, list[Held]]:
    """Return the active holds by lead, for the whole vertical or for these leads."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, {"vertical": vertical_id, "leads": None if leads is None else key_array(leads)})
        found: dict[int, list[Held]] = defaultdict(list)
        for lead, holder, until, legs in cursor.fetchall():
            found[lead].append(Held(holder, until, legs))
    return found


class Holds:
    """The holds of one vertical's stock, by position."""

    def __init__(self) -> None:
        self._at: dict[int, list[Held]] = {}
        self._sets: dict[Held, BitMap] = {}

    def __len__(self) -> int:
        return len(self._at)

    def put(self, position: int, holds: list[Held]) -> None:
        """Set the holds of this position, replacing any others."""
        for gone in self._at.pop(position, ()):
            self._sets[gone].discard(position)
            if not self._sets[gone]:
                del self._sets[gone]
        for held in holds:
            self._sets.setdefault(held, BitMap()).add(position)
        if holds:
            self._at[position] = holds

    def kept_back(self, now: datetime, legs_left: Choices, own: Collection[uuid.UUID], *, exclusive: bool) -> BitMap:
        """Return what a buyer cannot use: leads with no free leg, or with a leg held for one of their ``own`` orders.
        For an exclusive buyer, every lead that has a held leg."""
        live = {held: positions for held, positions in self._sets.items() if held.until > now}
        if not live:
            return BitMap()
        at_least = _at_least(live)
        kept = at_least[0] if exclusive else BitMap()
        for number, positions in enumerate(at_least, 1):
            if str(number) in legs_left.sets:
                kept = kept | (positions & legs_left.sets[str(number)])
        mine = [positions for held, positions in live.items() if held.holder in own]
        return kept | BitMap.union(*mine) if mine else kept


def _at_least(live: dict[Held, BitMap]) -> list[BitMap]:
    """Return the positions with at least one held leg, at least two, and so on."""
    counted: list[BitMap] = [BitMap()]
    for held, positions in live.items():
        for _ in range(held.legs):
            carried = positions
            for number in range(len(counted)):
                counted[number], carried = counted[number] | carried, counted[number] & carried
            if carried:
                counted.append(carried)
    return counted
