"""What happens by itself happens before anything is asked: no answer ever shows a time that is over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stripe_stand_in import balance, checkout, errors, paying, paying_out
from stripe_stand_in.store import Resource, Store


def settle_payment(store: Store, intent: Resource) -> None:
    if intent["status"] == "processing":
        paying.settle_by_itself(store, intent)
        checkout.follow_settlement(store, intent)


VERBS: dict[str, tuple[str, Callable[[Store, Resource], None]]] = {
    "expire_session": ("checkout.session", checkout.expire_by_itself),
    "land_payout": ("payout", paying_out.arrive_by_itself),
    "make_available": ("balance_transaction", balance.make_available),
    "settle_payment": ("payment_intent", settle_payment),
}
DUE = "SELECT seq, verb, subject FROM reminders WHERE due_at <= ? ORDER BY due_at, seq"


@contextmanager
def at_work(store: Store) -> Iterator[None]:
    """One transaction, with everything done that has become due."""
    with store.transaction():
        pass_time(store)
        yield


@contextmanager
def acting(store: Store) -> Iterator[None]:
    """The same for an act that may be refused: a refusal is raised when what it leaves behind is committed."""
    refusal = None
    with at_work(store):
        try:
            with store.undone_if_refused():
                yield
        except errors.Refusal as refused:
            refusal = refused
    if refusal:
        raise refusal


def pass_time(store: Store) -> None:
    for seq, verb, subject in store.run(DUE, store.now()):
        kind, act = VERBS[verb]
        act(store, store.find(kind, subject))
        store.run("DELETE FROM reminders WHERE seq = ?", seq)
