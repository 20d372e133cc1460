"""Compare our books with Stripe's, one period at a time. Differences are reported and never fixed.

Stripe's lines are read first, outside any transaction, and ours afterwards, so that nothing both have is missed.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Min
from django.urls import reverse

from billing.models import Account, Difference, Entry, Reconciliation
from billing.money import dollars
from billing.reconciliation.comparison import EDGE, REACH, Compared, Mismatch, Span, compare
from billing.stripe import gateway

log = structlog.get_logger("billing.reconciliation.reconciliation")
DAY = timedelta(days=1)
# How many days back we catch up if nothing ran.
MISSED_DAYS = 31
Status = Reconciliation.Status
LISTED = 20


def reconcile(from_at: datetime, until_at: datetime, now: datetime) -> Reconciliation:
    """Compare one period. If it ends now or is a scheduled day, also compare the current balance."""
    return _run(Reconciliation.objects.create(from_at=from_at, until_at=until_at, started_at=now), now)


def reconcile_yesterday(now: datetime) -> list[Reconciliation]:
    """Compare the last complete day (UTC) and days missed before it, once each, oldest first; retry days that failed.

    A day is complete when nothing of it can be booked late any more. Stops at the first that can't be compared.
    """
    done: list[Reconciliation] = []
    if not gateway.is_on():
        return done
    for from_at in _days_to_compare(now):
        if row := _claim_day(from_at, now):
            done.append(_run(row, now))
            if row.status == Status.FAILED:
                break
    return done


def _days_to_compare(now: datetime) -> list[datetime]:
    """Return the days due. Days that failed come last, so that one that always fails does not block the rest."""
    last = (now - EDGE).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - DAY
    daily = Reconciliation.objects.filter(is_daily=True, from_at__lte=last)
    begun = daily.aggregate(at=Min("from_at"))["at"] or last
    first = max(begun, last - (MISSED_DAYS - 1) * DAY)
    status = dict(daily.filter(from_at__gte=first).values_list("from_at", "status"))
    days = [first + DAY * number for number in range((last - first).days + 1)]
    ended = (Status.AGREED, Status.DIFFERS)
    return sorted((day for day in days if status.get(day) not in ended), key=lambda day: (day in status, day))


def _claim_day(from_at: datetime, now: datetime) -> Reconciliation | None:
    """Return None if another process is comparing this day. A failure is reported once, until it is over."""
    values = {"until_at": from_at + DAY, "started_at": now}
    row, made = Reconciliation.objects.get_or_create(from_at=from_at, is_daily=True, defaults=values)
    again = Reconciliation.objects.filter(pk=row.pk).to_be_done_again(now)
    if not made and not again.update(status=Status.RUNNING, started_at=now, finished_at=None, problem=""):
        return None
    return row


def tell_operator(now: datetime) -> int:
    """Email the operator about findings not reported yet. Return how many emails were sent."""
    sent = 0
    if not gateway.is_on():
        return sent
    for row in Reconciliation.objects.untold().order_by("id"):
        subject = f"Reconciliation with Stripe, {row.from_at:%Y-%m-%d}: {row.get_status_display().lower()}"
        send_mail(subject, _letter(row), None, [settings.OPERATOR["email"]])
        sent += Reconciliation.objects.filter(pk=row.pk, told_at=None).update(told_at=now)
    return sent


def _run(row: Reconciliation, now: datetime) -> Reconciliation:
    span = Span(row.from_at, row.until_at)
    try:
        lines = [one for one in gateway.movements(span.from_at, span.until_at) if span.holds(one.at)]
        compared = compare(span, lines, partial(_around, span))
        closing = _compare_balances(span, now) if row.is_daily or span.until_at >= now else []
        return _conclude(row, compared, closing, now)
    except gateway.GatewayError as error:
        log.error("books not compared", from_at=row.from_at.isoformat(), problem=str(error))
        return _finish(row, now, status=Status.FAILED, problem=str(error)[:200])
    except (
        Exception
    ) as error:  # whatever the error is, even a timeout: the comparison has ended, and the operator is told
        log.exception("books not compared", from_at=row.from_at.isoformat())
        return _finish(row, now, status=Status.FAILED, problem=f"{type(error).__name__}: {error}"[:200])


def _around(span: Span) -> Iterator[gateway.Movement]:
    yield from gateway.movements(span.from_at - EDGE, span.until_at + EDGE)
    yield from gateway.movements(span.from_at - REACH, span.from_at - EDGE)


def _compare_balances(span: Span, now: datetime) -> list[Mismatch]:
    theirs = gateway.fetch_balance()
    ours = -Entry.objects.filter(account__kind=Account.Kind.STRIPE).total_cents()
    if ours == theirs or (span.until_at < now and ours - theirs == _on_its_way(now)):
        return []
    note = "Our whole balance at Stripe, available and pending."
    return [Mismatch(Difference.Kind.BALANCE, "", ours, theirs, note)]


def _on_its_way(now: datetime) -> int:
    """Return the cents that the last hours alone explain: they are booked soon, or found in their own day."""
    lately = Span(now - EDGE, now + EDGE)
    lines = list(gateway.movements(lately.from_at, lately.until_at))
    compared = compare(lately, lines, partial(_around, lately))
    return compared.our_cents - compared.their_cents


@transaction.atomic
def _conclude(row: Reconciliation, compared: Compared, closing: list[Mismatch], now: datetime) -> Reconciliation:
    findings = compared.findings + closing
    Difference.objects.bulk_create(Difference(reconciliation=row, **vars(finding)) for finding in findings)
    if findings:
        kinds = sorted({str(finding.kind) for finding in findings})
        log.error("books differ", from_at=row.from_at.isoformat(), differences=len(findings), kinds=kinds)
    return _finish(
        row,
        now,
        status=Status.DIFFERS if findings else Status.AGREED,
        compared=compared.movements,
        our_cents=compared.our_cents,
        their_cents=compared.their_cents,
        told_at=None,
    )


def _finish(row: Reconciliation, now: datetime, **result: object) -> Reconciliation:
    Reconciliation.objects.filter(pk=row.pk).update(finished_at=now, **result)
    row.refresh_from_db()
    return row


def _letter(row: Reconciliation) -> str:
    span = f"{row.from_at:%Y-%m-%d %H:%M} to {row.until_at:%Y-%m-%d %H:%M} UTC"
    if row.status == Status.FAILED:
        said = [f"Our books and Stripe's could not be compared: {row.problem}"]
    else:
        found = list(row.differences.all())
        said = [f"Differences between our books and Stripe's: {len(found)}. Nothing was changed.", ""]
        said += [_line(difference) for difference in found[:LISTED]]
    page = reverse("admin:billing_reconciliation_change", args=[row.pk])
    return "\n".join([span, *said, "", f"{settings.SITE_URL}{page}"])


def _line(difference: Difference) -> str:
    ours, theirs = (
        "nothing" if cents is None else dollars(cents) for cents in (difference.our_cents, difference.their_cents)
    )
    return f"{difference}: ours {ours}, Stripe's {theirs}. {difference.note}".strip()
