"""What is due by time happens before any request is answered: no answer shows a state that is out of date."""

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
    """One transaction, after doing everything that has become due."""
    with store.transaction():
        pass_time(store)
        yield


@contextmanager
def acting(store: Store) -> Iterator[None]:
    """The same for an action that may be refused: the refusal is raised after its side effects are committed."""
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
