"""Dedupe: whether a request came before, and whether the person asked before within the vertical's window."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from leads.intake.request import Capture
from leads.models import Vertical


def digest_array(captures: list[Capture]) -> str:
    """All digests as an array that the database reads: the driver takes its time over thousands of bytes objects."""
    found = ",".join(f'"\\\\x{digest.hex()}"' for capture in captures for digest in capture.digests)
    return f"{{{found}}}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """That a person asked: when, of which source, under which lead, and the first lead of that request."""

    captured_at: datetime
    source: int
    lead: int
    original: int


# Arrays and not long lists of parameters: a batch asks for thousands of digests at once.
_REQUESTS = "SELECT source_id, external_id, id FROM leads_lead WHERE source_id = ANY(%s) AND external_id = ANY(%s)"
_CERTIFICATES = "SELECT trustedform_url FROM leads_consent WHERE trustedform_url = ANY(%s)"
_PEOPLE = """
    SELECT known.digest, lead.captured_at, lead.source_id, lead.id, coalesce(lead.duplicate_of_id, lead.id)
    FROM leads_contactdigest AS known JOIN leads_lead AS lead ON lead.id = known.lead_id
    WHERE known.digest = ANY(%(digests)s::bytea[]) AND lead.vertical_id = %(vertical)s
"""


class Memory:
    """What is known of the requests of one vertical, as far as the captures at hand can touch it."""

    def __init__(self, vertical: Vertical) -> None:
        self.vertical = vertical
        self.window = timedelta(days=vertical.duplicate_window_days)
        self.taken: dict[tuple[int, str], int] = {}
        self.people: dict[bytes, list[Sighting]] = {}
        self.certificates: set[str] = set()
        self._pretended = 0

    def recall(self, captures: list[Capture]) -> None:
        """Read from the database what these captures may repeat."""
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
        """The lead of this very request: the source's id again, or its person and instant under another id."""
        known = self.taken.get((capture.source.pk, capture.external_id))
        if known is not None:
            return known
        for sighting in self._sightings(capture.digests):
            if sighting.captured_at == capture.captured_at and sighting.source == capture.source.pk:
                return sighting.lead
        return None

    def original_of(self, capture: Capture) -> int | None:
        """The first lead of the same person's request within the window."""
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
        """Numbers for leads that are only foreseen: above all real ones, so that a real lead stays the original."""
        start = 2**62 + self._pretended
        self._pretended += quantity
        return list(range(start, start + quantity))

    def _see(self, digests: Iterable[bytes], sighting: Sighting) -> None:
        for digest in digests:
            self.people.setdefault(digest, []).append(sighting)

    def _sightings(self, digests: Iterable[bytes]) -> Iterator[Sighting]:
        for digest in digests:
            yield from self.people.get(digest, ())
