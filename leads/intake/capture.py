"""Capture: a request comes in with its person, its consent and its legs, all of it or nothing.

Idempotent by source and external id: what was taken once is answered with the lead that it became.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction

from leads.intake.recording import record
from leads.intake.request import Capture, Digests, Evidence, Fresh
from leads.models import LeadKind, SourceKind, Vertical

__all__ = [
    "Capture",
    "CaptureRefused",
    "Captured",
    "Evidence",
    "Memory",
    "Outcome",
    "capture_lead",
    "capture_leads",
    "foresee_leads",
]

CLOCK_TOLERANCE = timedelta(minutes=5)


class CaptureRefused(Exception):
    """The request cannot be taken. The message is fit for the source."""


class Outcome(StrEnum):
    TAKEN = "taken"
    LINKED = "linked"  # taken; the same person asked before, within the vertical's window
    REPEATED = "repeated"  # had it already: nothing was added
    SUPPRESSED = "suppressed"  # the person must not be sold: nothing was added
    CERTIFICATE_USED = "certificate_used"  # its certificate proves another request: nothing was added


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of one request; ``lead_id`` is None when there is no lead of it."""

    outcome: Outcome
    lead_id: int | None


def capture_lead(capture: Capture, *, now: datetime) -> Captured:
    """Take one request. Raises CaptureRefused."""
    return capture_leads([capture], now=now)[0]


@transaction.atomic
def capture_leads(captures: list[Capture], *, now: datetime) -> list[Captured]:
    """Take requests of one vertical in one transaction; the answers are in the order of the requests.

    Two captures of one vertical take turns, so that a person who comes in twice at once is seen to be one; so do two
    of one source.
    Raises CaptureRefused, and then nothing was taken.
    """
    if not captures:
        return []
    _take_turns(captures)
    answers, fresh = _judge(captures, _lead_numbers(len(captures)), Memory(captures[0].vertical), now)
    record(fresh, now)
    return answers


def foresee_leads(captures: list[Capture], memory: "Memory", *, now: datetime) -> list[Outcome]:
    """What capture_leads would answer, and nothing is taken. ``memory`` holds the batches foreseen before this one."""
    if not captures:
        return []
    numbers = memory.pretended_numbers(len(captures))
    answers, _ = _judge(captures, numbers, memory, now)
    return [answer.outcome for answer in answers]


def check_capture(capture: Capture, now: datetime) -> None:
    """Whether a request can be taken at all. Raises CaptureRefused."""
    if capture.kind == LeadKind.COMPILED:
        raise CaptureRefused("compiled records are no requests: they are never put beside leads")
    if capture.source.kind == SourceKind.COMPILED:
        raise CaptureRefused("the source compiles its records: they are no requests")
    if capture.evidence.text.source_id != capture.source.pk:
        raise CaptureRefused("the consent text is another source's")
    if not capture.person.phone and not capture.person.email:
        raise CaptureRefused("neither a usable phone nor a usable e-mail address")
    if capture.captured_at > now + CLOCK_TOLERANCE:
        raise CaptureRefused("the request is from the future")
    if not 1 <= capture.legs_authorized <= capture.evidence.text.most_companies:
        raise CaptureRefused(f"the consent text allows {capture.evidence.text.most_companies} companies")
    if not 0 <= capture.legs_sold_elsewhere <= capture.legs_authorized:
        raise CaptureRefused("sold more often than the consent allows")


def _judge(
    captures: list[Capture], numbers: list[int], memory: "Memory", now: datetime
) -> tuple[list[Captured], list[Fresh]]:
    for capture in captures:
        check_capture(capture, now)
    memory.recall(captures)
    suppressed = _suppressed(captures)
    answers, fresh = [], []
    for capture, number in zip(captures, numbers, strict=True):
        seen = memory.same_request(capture)
        if seen is not None:
            answers.append(Captured(Outcome.REPEATED, seen))
        elif not suppressed.isdisjoint(capture.digests):
            answers.append(Captured(Outcome.SUPPRESSED, None))
        elif capture.evidence.trustedform_url in memory.certificates:
            answers.append(Captured(Outcome.CERTIFICATE_USED, None))
        else:
            original = memory.original_of(capture)
            memory.add(capture, number, original)
            fresh.append(Fresh(capture, number, original, uuid.uuid4()))
            answers.append(Captured(Outcome.LINKED if original else Outcome.TAKEN, number))
    return answers, fresh


def _take_turns(captures: list[Capture]) -> None:
    """One capture at a time of a vertical, and of a source: its ids are its own in whatever vertical."""
    sources = sorted({capture.source.pk for capture in captures})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('capture'), %s)", [captures[0].vertical.pk])
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('capture of a source'), source) FROM unnest(%s::int[]) AS source",
            [sources],
        )


def _suppressed(captures: list[Capture]) -> set[bytes | None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM leads_suppression WHERE digest = ANY(%s::bytea[])", [_flat(captures)])
        return {bytes(digest) for (digest,) in cursor.fetchall()}


def _flat(captures: list[Capture]) -> str:
    """All digests as an array that the database reads: the driver takes its time over thousands of bytes objects."""
    found = ",".join(f'"\\\\x{digest.hex()}"' for capture in captures for digest in capture.digests if digest)
    return f"{{{found}}}"


def _lead_numbers(quantity: int) -> list[int]:
    """Numbers for leads before they are written, so that a batch can refer to itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('leads_lead', 'id')) FROM generate_series(1, %s)", [quantity]
        )
        return [number for (number,) in cursor.fetchall()]


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
    WITH asked AS MATERIALIZED (SELECT %(digests)s::bytea[] AS digests), known AS MATERIALIZED (
        SELECT lead_id FROM leads_contact WHERE phone_digest = ANY((SELECT digests FROM asked)::bytea[])
        UNION
        SELECT lead_id FROM leads_contact WHERE second_phone_digest = ANY((SELECT digests FROM asked)::bytea[])
        UNION
        SELECT lead_id FROM leads_contact WHERE email_digest = ANY((SELECT digests FROM asked)::bytea[])
    )
    SELECT contact.phone_digest, contact.second_phone_digest, contact.email_digest,
        lead.captured_at, lead.source_id, lead.id, coalesce(lead.duplicate_of_id, lead.id)
    FROM known JOIN leads_contact AS contact USING (lead_id) JOIN leads_lead AS lead ON lead.id = known.lead_id
    WHERE lead.vertical_id = %(vertical)s
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
            cursor.execute(_PEOPLE, {"digests": _flat(captures), "vertical": self.vertical.pk})
            for phone, second_phone, email, *sighting in cursor.fetchall():
                self._see((phone, second_phone, email), Sighting(*sighting))
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

    def _see(self, digests: Digests, sighting: Sighting) -> None:
        for digest in digests:
            if digest:
                self.people.setdefault(digest, []).append(sighting)

    def _sightings(self, digests: Digests) -> Iterator[Sighting]:
        for digest in digests:
            if digest:
                yield from self.people.get(digest, ())
