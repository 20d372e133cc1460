"""Payout runs: everything due to sources at one time, approved by enough people, then paid (see ``execution``).

An earning is due once its lead can't be returned any more, a charge-back at once. A source that owes more than it
earned, or is owed less than ``PAYOUT_LEAST_CENTS``, waits for a later run. The maker of a run
may approve it alone up to the limit, counting all their runs that are unpaid or made that day; over it, two others do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, QuerySet, Sum

from billing.models import Account, Earning, Payout, PayoutApproval, PayoutRun
from buyers.models import User
from leads.models import Source

Status = PayoutRun.Status


class PayoutRefused(Exception):
    """This can't be done with the run or payout in its current status."""


@dataclass(frozen=True)
class Due:
    """What one source is owed at an instant, and the reason if it is not paid."""

    source: Source
    cents: int
    legs: int
    reason: str

    @property
    def is_paid(self) -> bool:
        return not self.reason


def due_at(cutoff_at: datetime) -> list[Due]:
    """Return every source with unpaid earnings that are due, largest total first."""
    sums = Earning.objects.due(cutoff_at).values("source").annotate(total=Sum("cents"), legs=Count("id")).order_by()
    sources = Source.objects.select_related("payee").in_bulk([row["source"] for row in sums])
    due = [
        Due(source := sources[row["source"]], row["total"], row["legs"], _reason(source, row["total"])) for row in sums
    ]
    return sorted(due, key=lambda one: (-one.cents, one.source.pk))


def _reason(source: Source, cents: int) -> str:
    """Return why the source waits, for display; the SQL in ``_claim`` applies the same rules."""
    payee = getattr(source, "payee", None)
    if cents <= 0:
        return "More charged back than earned: carried over"
    if cents < settings.PAYOUT_LEAST_CENTS:
        return "Below the minimum payout: carried over"
    if payee is None or not payee.destination:
        return "No bank or Stripe account on file"
    return ""


@transaction.atomic
def make_run(cutoff_at: datetime, user: User, now: datetime) -> PayoutRun:
    """Draft a run of everything due; no other run can take its earnings. Raises PayoutRefused."""
    if cutoff_at > now:
        raise PayoutRefused("Choose a cutoff that is not in the future.")
    # Runs take turns; sales and returns in the meantime wait for nobody.
    list(Account.objects.filter(kind=Account.Kind.PAYABLE).order_by("pk").select_for_update(no_key=True))
    run = PayoutRun.objects.create(
        cutoff_at=cutoff_at,
        two_people_over_cents=limit_left(user, now),
        created_by=user,
        created_at=now,
    )
    run.total_cents = _claim(run)
    if not run.total_cents:
        raise PayoutRefused("Nothing is due that can be paid.")
    run.save(update_fields=["total_cents"])
    return run


def limit_left(user: User, now: datetime) -> int:
    """Return the cents above which this person's next run needs two people: splitting an amount does not help."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    made = PayoutRun.objects.made_by(user).unpaid_or_since(today).total_cents()
    return max(0, settings.PAYOUT_TWO_PEOPLE_OVER_CENTS - made)


def _claim(run: PayoutRun) -> int:
    """Create the payouts and assign their earnings in one statement. Return the total in cents."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id, source_id, cents FROM billing_earning
                WHERE payout_id IS NULL AND held_until <= %(cutoff)s FOR NO KEY UPDATE
            ), made AS (
                INSERT INTO billing_payout
                    (public_id, run_id, source_id, cents, method, destination, status, stripe_id, problem)
                SELECT gen_random_uuid(), %(run)s, due.source_id, sum(due.cents), payee.method,
                    CASE payee.method WHEN 'stripe' THEN payee.stripe_account_id ELSE payee.bank_reference END,
                    'waiting', '', ''
                FROM due JOIN billing_payee AS payee ON payee.source_id = due.source_id
                WHERE payee.method = 'stripe' OR payee.bank_reference <> ''
                GROUP BY due.source_id, payee.id HAVING sum(due.cents) >= %(least)s
                RETURNING id, source_id, cents
            ), taken AS (
                UPDATE billing_earning AS earning SET payout_id = made.id
                FROM due JOIN made ON made.source_id = due.source_id WHERE earning.id = due.id
            )
            SELECT coalesce(sum(cents), 0)::bigint FROM made
            """,
            {"cutoff": run.cutoff_at, "run": run.pk, "least": settings.PAYOUT_LEAST_CENTS},
        )
        return int(cursor.fetchone()[0])


@transaction.atomic
def approve(run: PayoutRun, user: User, now: datetime) -> PayoutRun:
    """Record one person's approval of the run as it stands; enough of them approve it. Raises PayoutRefused."""
    run = _locked(run)
    if refusal := why_not_approve(run, user):
        raise PayoutRefused(refusal)
    PayoutApproval.objects.create(run=run, user=user, total_cents=run.total_cents, at=now)
    if run.approvals.count() >= run.people_needed:
        run.status = Status.APPROVED
        run.save(update_fields=["status"])
    return run


def why_not_approve(run: PayoutRun, user: User) -> str:
    """Return why this person may not approve it now; empty if they may."""
    if run.status != Status.DRAFT:
        return "This run is not waiting for approval."
    if run.approvals.filter(user=user).exists():
        return "You already approved this run. Someone else must approve it too."
    if run.is_over_the_limit and run.created_by_id == user.pk:
        return "You made this run and it is over the limit, so two other people must approve it."
    return ""


@transaction.atomic
def cancel(run: PayoutRun, now: datetime) -> PayoutRun:
    """Cancel the run; its earnings are due again. Raises PayoutRefused once a payout was sent."""
    run = _locked(run)
    if run.status not in (Status.DRAFT, Status.APPROVED):
        raise PayoutRefused("This run has already ended.")
    canceled = run.payouts.filter(status=Payout.Status.WAITING).update(status=Payout.Status.CANCELED)
    if canceled < run.payouts.count():
        raise PayoutRefused("Part of this run went to the bank or to Stripe, so it can't be canceled.")
    free_earnings(run.payouts.all())
    run.status, run.ended_at = Status.CANCELED, now
    run.save(update_fields=["status", "ended_at"])
    return run


def free_earnings(payouts: QuerySet[Payout]) -> int:
    """Make the earnings of these payouts due again, in the next run."""
    return Earning.objects.filter(payout__in=payouts).update(payout=None)


def _locked(run: PayoutRun) -> PayoutRun:
    return PayoutRun.objects.select_for_update(no_key=True).get(pk=run.pk)
