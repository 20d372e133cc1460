"""Dedupe: whether we have a request already, or an earlier one of the same person within the vertical's window."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from leads.intake.request import Capture
from leads.models import Vertical


def digest_array(captures: list[Capture]) -> str:
    """Return all digests as an array literal: the driver is slow with thousands of bytes objects."""
    found = ",".join(f'"\\\\x{digest.hex()}"' for capture in captures for digest in capture.digests)
    return f"{{{found}}}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One known request of a person: when, from which source, its lead, and that lead's original (or itself)."""

    captured_at: datetime
    source: int
    lead: int
    original: int


# Arrays instead of long parameter lists: a batch looks up thousands of digests at once. OFFSET 0 keeps the planner from
# reading the whole table for that many, which takes four times as long with 100,000 leads and grows with them.
_REQUESTS = "SELECT source_id, external_id, id FROM leads_lead WHERE source_id = ANY(%s) AND external_id = ANY(%s)"
_CERTIFICATES = "SELECT trustedform_url FROM leads_consent WHERE trustedform_url = ANY(%s)"
_PEOPLE = """
    SELECT asked.digest, lead.captured_at, lead.source_id, lead.id, coalesce(lead.duplicate_of_id, lead.id)
    FROM unnest(%(digests)s::bytea[]) AS asked (digest)
    CROSS JOIN LATERAL (SELECT lead_id FROM leads_contactdigest WHERE digest = asked.digest OFFSET 0) AS known
    JOIN leads_lead AS lead ON lead.id = known.lead_id
    WHERE lead.vertical_id = %(vertical)s
"""


class Memory:
    """What we know about one vertical's requests, as far as it matters to the captures at hand."""

    def __init__(self, vertical: Vertical) -> None:
        self.vertical = vertical
        self.window = timedelta(days=vertical.duplicate_window_days)
        self.taken: dict[tuple[int, str], int] = {}
        self.people: dict[bytes, list[Sighting]] = {}
        self.certificates: set[str] = set()
        self._pretended = 0

    def recall(self, captures: list[Capture]) -> None:
        """Read from the database the requests that these captures may repeat."""
        with connection.cursor() as cursor:
            cursor.execute(
                _REQUESTS,
                [list({capture.source.pk for capture in captures}), [capture.external_id for capture in captures]],
            )
            self.taken.update({(source, external): number for source, external, number in cursor.fetchall()})
            cursor.execute(_PEOPLE, {"digests": digest_array(captures), "vertical": self.vertical.pk})
            for digest, *sighting in cursor.fetchall():
                self._see([bytes(digest)], Sighting(*sighting))
            certificates = [one.evidence.trustedform_url for one in captures if one.evidence.trustedform_url]
            if certificates:
                cursor.execute(_CERTIFICATES, [certificates])
                self.certificates.update(url for (url,) in cursor.fetchall())

    def same_request(self, capture: Capture) -> int | None:
        """Return the lead of this very request: the same source and id, or the same source, person and time."""
        known = self.taken.get((capture.source.pk, capture.external_id))
        if known is not None:
            return known
        for sighting in self._sightings(capture.digests):
            if sighting.captured_at == capture.captured_at and sighting.source == capture.source.pk:
                return sighting.lead
        return None

    def original_of(self, capture: Capture) -> int | None:
        """Return the first lead of the same person's request within the window."""
        return min(
            (
                sighting.original
                for sighting in self._sightings(capture.digests)
                if abs(sighting.captured_at - capture.captured_at) <= self.window
            ),
            default=None,
        )

    def add(self, capture: Capture, number: int, original: int | None) -> None:
        self.taken[capture.source.pk, capture.external_id] = number
        self._see(capture.digests, Sighting(capture.captured_at, capture.source.pk, number, original or number))
        if capture.evidence.trustedform_url:
            self.certificates.add(capture.evidence.trustedform_url)

    def pretended_numbers(self, quantity: int) -> list[int]:
        """Return ids for leads of a dry run: above all real ones, so that a real lead stays the original."""
        start = 2**62 + self._pretended
        self._pretended += quantity
        return list(range(start, start + quantity))

    def _see(self, digests: Iterable[bytes], sighting: Sighting) -> None:
        for digest in digests:
            self.people.setdefault(digest, []).append(sighting)

    def _sightings(self, digests: Iterable[bytes]) -> Iterator[Sighting]:
        for digest in digests:
            yield from self.people.get(digest, ())
