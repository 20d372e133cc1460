"""Our books compared with Stripe's balance transactions, movement by movement. Nothing here writes.

Movements are matched by Stripe's own IDs, never by amount or time. A movement counts in the period in which Stripe
dates it. We may book it up to ``EDGE`` earlier or later, even on the other side of midnight: events come late, and
clocks differ. Beyond that it is a difference, even if the amounts agree: that day was closed with other books.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from billing.models import CURRENCY, Account, Customer, Difference, Entry, Refund, Transaction
from billing.stripe.gateway import Movement

Kind = Transaction.Kind
Found = Difference.Kind
EDGE = timedelta(hours=6)
# How far back we look for a movement that we booked in the period but Stripe dates earlier.
REACH = timedelta(days=35)


@dataclass(frozen=True)
class Rule:
    """How a Stripe category appears in our books: in which kinds of transaction, under which ID."""

    kinds: frozenset[str]
    key: Callable[[Movement], str]


def _source(movement: Movement) -> str:
    return movement.source_id


def _reversed(movement: Movement) -> str:
    return f"{movement.source_id}:reversed"


def _own(movement: Movement) -> str:
    return movement.id


RULES: Mapping[str, Rule] = {
    "charge": Rule(frozenset({Kind.TOP_UP}), _source),
    "refund": Rule(frozenset({Kind.REFUND}), _source),
    "refund_failure": Rule(frozenset({Kind.REVERSAL}), _reversed),
    "dispute": Rule(frozenset({Kind.DISPUTE_FUNDS}), _own),
    "dispute_reversal": Rule(frozenset({Kind.DISPUTE_FUNDS}), _own),
    "payout": Rule(frozenset({Kind.SETTLEMENT}), _source),
    "payout_reversal": Rule(frozenset({Kind.REVERSAL}), _reversed),
    "transfer": Rule(frozenset({Kind.PAYOUT}), _source),
    "transfer_reversal": Rule(frozenset({Kind.REVERSAL}), _source),
}
ABOUT_WALLETS = frozenset({"charge", "refund"})
UNNAMED = frozenset({(Kind.REFUND, ""), (Kind.REVERSAL, ":reversed")})


@dataclass(frozen=True)
class Span:
    """``from_at`` inclusive, ``until_at`` exclusive."""

    from_at: datetime
    until_at: datetime

    def holds(self, instant: datetime) -> bool:
        return self.from_at <= instant < self.until_at


@dataclass(frozen=True)
class Booking:
    """One of our transactions that moved money at Stripe, with Stripe's sign: positive came in."""

    id: int
    kind: str
    stripe_id: str
    at: datetime
    payment_id: int | None
    net_cents: int
    fee_cents: int
    currency: str

    @property
    def gross_cents(self) -> int:
        return self.net_cents + self.fee_cents


@dataclass(frozen=True)
class Mismatch:
    kind: Difference.Kind
    stripe_id: str
    our_cents: int | None = None
    their_cents: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Compared:
    """The result. The sums cover everything that belongs to the period, on either side."""

    movements: int
    our_cents: int
    their_cents: int
    findings: list[Mismatch]


def compare(span: Span, movements: Sequence[Movement], around: Callable[[], Iterable[Movement]]) -> Compared:
    """Compare our books with ``movements``, Stripe's lines of the period. ``around`` yields the lines around it,
    nearest first, and is read only as far as needed."""
    books = _bookings(span, movements)
    by_id = defaultdict(list)
    for booking in books.values():
        by_id[booking.stripe_id].append(booking)
    findings: list[Mismatch] = []
    ours: dict[int, Booking] = {}
    for movement in movements:
        belonging = _belonging(movement, by_id)
        ours |= {booking.id: booking for booking in belonging}
        findings += _judge(movement, belonging, span)
    left = [booking for booking in books.values() if booking.id not in ours and span.holds(booking.at)]
    elsewhere = _elsewhere(left, around) if left else {}
    findings += [finding for booking in left for finding in _judge_alone(booking, elsewhere.get(booking.id))]
    counted = [*ours.values(), *(booking for booking in left if booking.id not in elsewhere)]
    return Compared(
        len(movements),
        sum(booking.net_cents for booking in counted),
        sum(movement.net_cents for movement in movements),
        findings + list(_wallets(movements, by_id)),
    )


def _bookings(span: Span, movements: Sequence[Movement]) -> dict[int, Booking]:
    """Return what we booked in the period, and our bookings at any time for Stripe's lines of the period."""
    ids = {key for movement in movements for key in (movement.id, movement.source_id, _reversed(movement))} - {""}
    refunds = [str(one) for one in Refund.objects.filter(stripe_id__in=ids).values_list("public_id", flat=True)]
    booked = Transaction.objects.filter(
        Q(posted_at__gte=span.from_at, posted_at__lt=span.until_at)
        | Q(stripe_id__in=ids)
        | Q(kind=Kind.REFUND, reference__in=refunds)
    )
    return {booking.id: booking for booking in _read(booked)}


def _read(booked: QuerySet[Transaction]) -> Iterator[Booking]:
    at_stripe = Q(entries__account__kind=Account.Kind.STRIPE)
    fees = Q(entries__account__kind=Account.Kind.FEES)
    rows = booked.annotate(
        net=Sum("entries__cents", filter=at_stripe),
        fee=Coalesce(Sum("entries__cents", filter=fees), 0),
        currency=Max("entries__account__currency", filter=at_stripe),
    ).exclude(net=None)
    found = list(rows.order_by("id"))
    refunds = _refunds_behind(found)
    for row in found:
        refund = refunds.get(row.pk)
        if refund and not refund.stripe_id and refund.status == Refund.Status.FAILED:
            continue  # Stripe never made it, and our part was undone
        name = row.stripe_id or (refund.stripe_id if refund else "")
        yield Booking(row.pk, row.kind, name, row.posted_at, row.payment_id, -row.net, -row.fee, row.currency)


def _refunds_behind(rows: Sequence[Transaction]) -> dict[int, Refund]:
    """Return, by transaction, the refund that was booked or undone without Stripe's ID. The wallet is debited before
    Stripe is asked, and a posting never changes, so only the refund's own row has the ID."""
    unnamed = [row for row in rows if (row.kind, row.stripe_id) in UNNAMED]
    payments = {row.payment_id for row in unnamed}
    refunds = {str(one.public_id): one for one in Refund.objects.filter(payment__in=payments)}
    booked = Transaction.objects.filter(kind=Kind.REFUND, payment__in=payments).values_list("public_id", "reference")
    undone = {str(public_id): reference for public_id, reference in booked}
    about = {row.pk: row.reference if row.kind == Kind.REFUND else undone.get(row.reference, "") for row in unnamed}
    return {pk: refunds[reference] for pk, reference in about.items() if reference in refunds}


def _belonging(movement: Movement, by_id: Mapping[str, list[Booking]]) -> list[Booking]:
    """Return the movement's own booking, normally one, and its fee's."""
    rule = RULES.get(movement.category)
    main = [one for one in by_id.get(rule.key(movement), []) if one.kind in rule.kinds] if rule else []
    return main + [one for one in by_id.get(movement.id, []) if one not in main]


def _judge(movement: Movement, belonging: list[Booking], span: Span) -> Iterator[Mismatch]:
    rule, net = RULES.get(movement.category), sum(booking.net_cents for booking in belonging)
    name = movement.source_id or movement.id
    if movement.currency != CURRENCY or any(booking.currency != movement.currency for booking in belonging):
        yield Mismatch(Found.CURRENCY, name, net, movement.net_cents, f"Stripe's currency is {movement.currency}.")
        return
    if rule is None:
        yield Mismatch(Found.UNKNOWN, name, net, movement.net_cents, f"Stripe calls it {movement.category}.")
        return
    main = [booking for booking in belonging if booking.kind in rule.kinds]
    if not main:
        yield Mismatch(
            Found.MISSING_HERE, name, None, movement.net_cents, f"A {movement.category} on {movement.at:%c}."
        )
        return
    yield from _judge_amounts(movement, main, belonging)
    if (late := abs(main[0].at - movement.at)) > EDGE and not span.holds(main[0].at):
        yield Mismatch(Found.TIME, name, net, movement.net_cents, f"Booked at {main[0].at:%c}, {late} apart.")


def _judge_amounts(movement: Movement, main: list[Booking], belonging: list[Booking]) -> Iterator[Mismatch]:
    name = movement.source_id or movement.id
    gross, fee = sum(one.gross_cents for one in belonging), sum(one.fee_cents for one in belonging)
    if len(main) > 1:
        yield Mismatch(Found.TWICE, name, gross, movement.cents, f"{len(main)} transactions were booked for it.")
    elif gross != movement.cents:
        yield Mismatch(Found.AMOUNT, name, gross, movement.cents)
    if fee != movement.fee_cents:
        yield Mismatch(Found.FEE, name, fee, movement.fee_cents)


def _judge_alone(booking: Booking, elsewhere: Movement | None) -> Iterator[Mismatch]:
    """Judge a booking of ours that matches no movement of the period."""
    name = booking.stripe_id or f"transaction {booking.id}"
    if elsewhere is None:
        yield Mismatch(Found.MISSING_THERE, name, booking.net_cents, None, f"A {booking.kind} on {booking.at:%c}.")
    elif (apart := abs(elsewhere.at - booking.at)) > EDGE:
        note = f"Stripe dates it {elsewhere.at:%c}, {apart} apart."
        yield Mismatch(Found.TIME, name, booking.net_cents, elsewhere.net_cents, note)


def _elsewhere(left: list[Booking], around: Callable[[], Iterable[Movement]]) -> dict[int, Movement]:
    by_id = defaultdict(list)
    for booking in left:
        by_id[booking.stripe_id].append(booking)
    found: dict[int, Movement] = {}
    for movement in around():
        found |= {booking.id: movement for booking in _belonging(movement, by_id)}
        if len(found) == len(left):
            break
    return found


# --- Whose wallet was credited, and how much
@dataclass(frozen=True)
class Credit:
    """What a payment's money did to one wallet."""

    payment_id: int
    buyer_id: int
    owner_id: int
    cents: int


def _wallets(movements: Sequence[Movement], by_id: Mapping[str, list[Booking]]) -> Iterator[Mismatch]:
    """A paid charge must be credited in full, once, to the payer's wallet; a refund must be taken from that wallet."""
    about = [
        (movement, main[0])
        for movement in movements
        if movement.category in ABOUT_WALLETS
        and (main := [one for one in _belonging(movement, by_id) if one.kind in RULES[movement.category].kinds])
    ]
    payments = {booking.payment_id for _, booking in about if booking.payment_id}
    charged, refunded = _credits(payments), _credits_of([one.id for _, one in about])
    customers = dict(Customer.objects.filter(buyer__payments__in=payments).values_list("stripe_id", "buyer"))
    for movement, booking in about:
        found = charged[booking.payment_id] if movement.category == "charge" else refunded[booking.id]
        yield from _judge_wallet(movement, found, customers)


def _judge_wallet(movement: Movement, found: list[Credit], customers: Mapping[str, int]) -> Iterator[Mismatch]:
    strangers = [credit for credit in found if credit.buyer_id != credit.owner_id]
    owners = {credit.owner_id for credit in found}
    own = sum(credit.cents for credit in found if credit.buyer_id == credit.owner_id)
    if strangers or (movement.customer_id and customers.get(movement.customer_id, -1) not in {*owners, -1}):
        wrong = sum(credit.cents for credit in strangers)
        yield Mismatch(
            Found.BUYER, movement.source_id, wrong, movement.cents, "In the wallet of a company that did not pay."
        )
    if own != movement.cents and not strangers:
        yield Mismatch(Found.CREDIT, movement.source_id, own, movement.cents)


def _credits(payments: Iterable[int]) -> defaultdict[int | None, list[Credit]]:
    """Return, by payment, everything that ever reached a wallet for it."""
    found: defaultdict[int | None, list[Credit]] = defaultdict(list)
    entries = Entry.objects.filter(
        transaction__payment__in=list(payments), transaction__kind__in=[Kind.TOP_UP, Kind.CREDIT]
    )
    for credit in _read_credits(entries, "transaction__payment"):
        found[credit.payment_id].append(credit)
    return found


def _credits_of(transactions: list[int]) -> defaultdict[int, list[Credit]]:
    found: defaultdict[int, list[Credit]] = defaultdict(list)
    entries = Entry.objects.filter(transaction__in=transactions, transaction__payment__isnull=False)
    for credit in _read_credits(entries, "transaction"):
        found[credit.payment_id].append(credit)
    return found


def _read_credits(entries: QuerySet[Entry], by: str) -> Iterator[Credit]:
    on_wallets = entries.filter(account__kind=Account.Kind.WALLET).order_by()
    rows = on_wallets.values_list(by, "account__buyer", "transaction__payment__buyer").annotate(total=Sum("cents"))
    return (Credit(*row) for row in rows)
