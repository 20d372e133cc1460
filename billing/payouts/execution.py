"""Paying an approved run: a bank file, Stripe transfers, and one posting for each payout that arrived.

Each transfer is requested under the payout's own ID, so that asking again never pays twice. If Stripe gave no answer we
ask again; what it refused becomes due again in the next run.
"""

import csv
import io
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from billing.ledger import Posting, house_account, payable_of, post, posted_before, reverse
from billing.models import CURRENCY, Account, Payee, Payout, PayoutRun, Transaction
from billing.payouts.payouts import PayoutRefused, free_earnings
from billing.stripe import gateway
from leads.cells import cell_text

log = structlog.get_logger("billing.payouts.payouts")
COLUMNS = ("Payee reference", "Legal name", "Amount, USD", "Memo")
# While one process asks Stripe, no other does; if it dies, another may ask after this time.
ASK_AGAIN_AFTER = timedelta(minutes=5)
Status = Payout.Status


@transaction.atomic
def bank_file(run: PayoutRun) -> str:
    """Return the bank's part of an approved run as CSV. Raises PayoutRefused.

    Its payouts count as sent, so the run can't be canceled any more. The file is the same every time, except that
    payments the bank sent back are left out: another run pays those.
    """
    run = PayoutRun.objects.select_for_update(no_key=True).get(pk=run.pk)
    if run.status not in (PayoutRun.Status.APPROVED, PayoutRun.Status.DONE):
        raise PayoutRefused("Only an approved run has a bank file.")
    payouts = run.payouts.by_bank().exclude(status=Status.FAILED).select_related("source").order_by("id")
    if not payouts:
        raise PayoutRefused("No payout of this run goes through the bank, or all were sent back.")
    run.payouts.by_bank().filter(status=Status.WAITING).update(status=Status.SENT)
    return _as_csv(payouts)


def _as_csv(payouts: QuerySet[Payout]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for payout in payouts:
        amount = f"{payout.cents // 100}.{payout.cents % 100:02}"
        memo = f"{settings.OPERATOR['name']} payout {payout.number}"
        writer.writerow([cell_text(payout.destination), cell_text(payout.source.legal_name), amount, cell_text(memo)])
    return lines.getvalue()


@transaction.atomic
def mark_as_paid(payout: Payout, *, actor: str, now: datetime) -> Payout:
    """Record that the bank paid it. Posted once, however often it is recorded. Raises PayoutRefused."""
    locked = _locked(payout)
    if locked.method != Payee.Method.BANK:
        raise PayoutRefused("You can't mark a Stripe transfer as paid: Stripe reports it.")
    return _paid(locked, "", actor, now)


@transaction.atomic
def mark_as_sent_back(payout: Payout, *, problem: str, actor: str, now: datetime) -> Payout:
    """Record that the bank did not pay it or the money came back: its earnings are due again. Raises PayoutRefused."""
    locked = _locked(payout)
    if locked.status not in (Status.SENT, Status.PAID) or locked.method != Payee.Method.BANK:
        raise PayoutRefused("Only a payout that went to the bank can come back.")
    if posted := posted_before(Transaction.Kind.PAYOUT, str(locked.public_id)):
        reverse(posted, actor=actor, memo=f"Payout {locked.number} was sent back by the bank", now=now)
    return _fail(locked, problem, now)


def send_transfers(run: PayoutRun, *, actor: str, now: datetime) -> int:
    """Ask Stripe to pay its part of an approved run. Return how many were paid. Raises PayoutRefused."""
    if not PayoutRun.objects.filter(pk=run.pk, status=PayoutRun.Status.APPROVED).exists():
        raise PayoutRefused("Only an approved run can be paid.")
    if not gateway.is_on():
        raise PayoutRefused("There is no key for Stripe, so we can't make transfers.")
    return sum(_transfer(payout, actor, now) for payout in run.payouts.by_stripe().filter(status=Status.WAITING))


def ask_again_payouts(now: datetime) -> int:
    """Settle transfers whose result is unknown. Return how many turned out paid."""
    return sum(_ask_one(payout, now) for payout in Payout.objects.due_to_ask(now).order_by("id"))


def _ask_one(payout: Payout, now: datetime) -> bool:
    try:
        return _transfer(payout, "Stripe", now)
    except Exception:  # whatever the error is, the other payouts are due too
        log.exception("payout could not be settled", payout=str(payout.public_id))
        return False


def _transfer(payout: Payout, actor: str, now: datetime) -> bool:
    """Claim the payout, ask Stripe and record the answer. Return whether it is paid."""
    was_sent = payout.status == Status.SENT
    if not _claim(payout, now):
        return False
    try:
        answer = _ask(payout, was_sent)
    except gateway.GatewayRefused as refusal:
        with transaction.atomic():
            _failed(_locked(payout), f"{refusal.message} ({refusal.code})", now)
        return False
    except (gateway.GatewayUnavailable, gateway.GatewayOff):
        return False
    if not _agrees(payout, answer):
        log.error("transfer differs", payout=str(payout.public_id), transfer=answer.id)
        return False
    with transaction.atomic():
        _paid(_locked(payout), answer.id, actor, now)
    return True


def _claim(payout: Payout, now: datetime) -> bool:
    """One process asks at a time, and none once the run was canceled, because canceling changes the payout's status.

    The condition uses only the row's own columns: after waiting for a lock, other tables are not read again.
    """
    same = Payout.objects.filter(pk=payout.pk, status=payout.status, ask_again_at=payout.ask_again_at)
    return bool(same.update(status=Status.SENT, ask_again_at=now + ASK_AGAIN_AFTER))


def _ask(payout: Payout, was_sent: bool) -> gateway.TransferAnswer:
    """Look for an earlier transfer first: Stripe forgets idempotency keys after some days."""
    reference = str(payout.public_id)
    found = gateway.find_transfer(reference=reference) if was_sent else None
    return found or gateway.transfer(reference=reference, account_id=payout.destination, cents=payout.cents)


def _agrees(payout: Payout, answer: gateway.TransferAnswer) -> bool:
    asked = payout.cents, CURRENCY, payout.destination, gateway.is_live()
    return asked == (answer.cents, answer.currency, answer.account_id, answer.livemode)


# --- The result. The run's row is locked, and the last of its payouts to end closes the run.
def _locked(payout: Payout) -> Payout:
    PayoutRun.objects.select_for_update(no_key=True).get(pk=payout.run_id)
    return Payout.objects.select_related("run", "source").get(pk=payout.pk)


def _paid(payout: Payout, stripe_id: str, actor: str, now: datetime) -> Payout:
    if payout.status == Status.PAID:
        return payout
    if payout.status != Status.SENT:
        raise PayoutRefused("Only a payout that went to the bank or to Stripe can be paid.")
    ours = house_account(Account.Kind.STRIPE if stripe_id else Account.Kind.BANK)
    memo = f"Payout {payout.number}"
    posting = Posting(Transaction.Kind.PAYOUT, str(payout.public_id), now, memo, actor, stripe_id=stripe_id)
    post(posting, {payable_of(payout.source): -payout.cents, ours: payout.cents})
    payout.status, payout.stripe_id, payout.paid_at, payout.ask_again_at = Status.PAID, stripe_id, now, None
    payout.save(update_fields=["status", "stripe_id", "paid_at", "ask_again_at"])
    _end(payout.run, now)
    return payout


def _failed(payout: Payout, problem: str, now: datetime) -> Payout:
    return _fail(payout, problem, now) if payout.status == Status.SENT else payout


def _fail(payout: Payout, problem: str, now: datetime) -> Payout:
    payout.status, payout.problem, payout.ask_again_at, payout.paid_at = Status.FAILED, problem[:300], None, None
    payout.save(update_fields=["status", "problem", "ask_again_at", "paid_at"])
    free_earnings(Payout.objects.filter(pk=payout.pk))
    _end(payout.run, now)
    return payout


def _end(run: PayoutRun, now: datetime) -> None:
    if not run.payouts.unfinished().exists():
        approved = PayoutRun.objects.filter(pk=run.pk, status=PayoutRun.Status.APPROVED)
        approved.update(status=PayoutRun.Status.DONE, ended_at=now)
