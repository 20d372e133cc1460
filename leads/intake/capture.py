"""Capture: store a request with its contact, its consent and its legs, all or nothing.

Idempotent by source and external id: a request that was captured before returns the lead that it became.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connection, transaction

from leads.intake.dedupe import Memory, digest_array
from leads.intake.recording import record
from leads.intake.request import Capture, Evidence, Fresh, random_ids
from leads.models import LeadKind, SourceKind

__all__ = [
    "Capture",
    "CaptureOutcome",
    "CaptureRefused",
    "Captured",
    "Evidence",
    "capture_lead",
    "capture_leads",
    "foresee_leads",
]

CLOCK_TOLERANCE = timedelta(minutes=5)


class CaptureRefused(Exception):
    """The request cannot be accepted. The message is fit to show the source."""


class CaptureOutcome(StrEnum):
    TAKEN = "taken"
    LINKED = "linked"  # added; the same person asked before, within the vertical's window
    REPEATED = "repeated"  # already captured: nothing was added
    SUPPRESSED = "suppressed"  # the person must not be sold: nothing was added
    CERTIFICATE_USED = "certificate_used"  # its certificate belongs to another request: nothing was added


@dataclass(frozen=True, slots=True)
class Captured:
    """The result for one request; ``lead_id`` is None if it made no lead."""

    outcome: CaptureOutcome
    lead_id: int | None


def capture_lead(capture: Capture, *, now: datetime) -> Captured:
    """Capture one request. Raises CaptureRefused."""
    return capture_leads([capture], now=now)[0]


@transaction.atomic
def capture_leads(captures: list[Capture], *, now: datetime) -> list[Captured]:
    """Capture requests for one vertical in one transaction. Return the results in the order of the requests.

    Two captures for one vertical take turns, so that a person who comes in twice at once is recognized; so do two
    from one source.
    Raises CaptureRefused, in which case nothing was added.
    """
    if not captures:
        return []
    _take_turns(captures)
    answers, fresh = _judge(captures, _lead_numbers(len(captures)), Memory(captures[0].vertical), now)
    record(fresh, now)
    return answers


def foresee_leads(captures: list[Capture], memory: Memory, *, now: datetime) -> list[CaptureOutcome]:
    """Return the outcomes capture_leads would have, and add nothing. ``memory`` holds the batches previewed so far."""
    if not captures:
        return []
    numbers = memory.pretended_numbers(len(captures))
    answers, _ = _judge(captures, numbers, memory, now)
    return [answer.outcome for answer in answers]


def check_capture(capture: Capture, now: datetime) -> None:
    """Raises CaptureRefused if the request cannot be accepted."""
    if capture.kind == LeadKind.COMPILED:
        raise CaptureRefused("compiled records are not requests and cannot be sold as leads")
    if capture.source.kind == SourceKind.COMPILED:
        raise CaptureRefused("the source compiles its records, so they are not requests")
    if capture.evidence.text.source_id != capture.source.pk:
        raise CaptureRefused("the consent text belongs to another source")
    if not capture.person.phone and not capture.person.email:
        raise CaptureRefused("the request has no usable phone number or email address")
    if capture.captured_at > now + CLOCK_TOLERANCE:
        raise CaptureRefused("the request date is in the future")
    if not 1 <= capture.legs_authorized <= capture.evidence.text.most_companies:
        raise CaptureRefused(f"the consent text allows {capture.evidence.text.most_companies} companies")
    if not 0 <= capture.legs_sold_elsewhere <= capture.legs_authorized:
        raise CaptureRefused("sold more times than the consent allows")


def _judge(
    captures: list[Capture], numbers: list[int], memory: Memory, now: datetime
) -> tuple[list[Captured], list[Fresh]]:
    for capture in captures:
        check_capture(capture, now)
    memory.recall(captures)
    suppressed = _suppressed(captures)
    answers, fresh = [], []
    for capture, number, public_id in zip(captures, numbers, random_ids(len(captures)), strict=True):
        seen = memory.same_request(capture)
        if seen is not None:
            answers.append(Captured(CaptureOutcome.REPEATED, seen))
        elif not suppressed.isdisjoint(capture.digests):
            answers.append(Captured(CaptureOutcome.SUPPRESSED, None))
        elif capture.evidence.trustedform_url in memory.certificates:
            answers.append(Captured(CaptureOutcome.CERTIFICATE_USED, None))
        else:
            original = memory.original_of(capture)
            memory.add(capture, number, original)
            fresh.append(Fresh(capture, number, original, public_id))
            answers.append(Captured(CaptureOutcome.LINKED if original else CaptureOutcome.TAKEN, number))
    return answers, fresh


def _take_turns(captures: list[Capture]) -> None:
    """Allow one capture at a time per vertical and per source: a source's ids are unique across verticals."""
    sources = sorted({capture.source.pk for capture in captures})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('capture'), %s)", [captures[0].vertical.pk])
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('capture of a source'), source) FROM unnest(%s::int[]) AS source",
            [sources],
        )


def _suppressed(captures: list[Capture]) -> set[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM leads_suppression WHERE digest = ANY(%s::bytea[])", [digest_array(captures)])
        return {bytes(digest) for (digest,) in cursor.fetchall()}


def _lead_numbers(quantity: int) -> list[int]:
    """Reserve ids for leads before they are written, so that rows of a batch can refer to each other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('leads_lead', 'id')) FROM generate_series(1, %s)", [quantity]
        )
        return [number for (number,) in cursor.fetchall()]
