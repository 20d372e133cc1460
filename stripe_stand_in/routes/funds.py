from stripe_stand_in import balance, errors, parameters, paying_out
from stripe_stand_in.parameters import Form, Params, choice, currency, positive, text
from stripe_stand_in.routing import Route, listing, page_form
from stripe_stand_in.store import Resource, Store

PAYOUT = Form(
    {
        "amount": positive,
        "currency": currency,
        "description": text,
        "metadata": parameters.metadata,
        "statement_descriptor": text,
    },
    ("amount", "currency"),
)
PAYOUT_STATUS = choice("pending", "in_transit", "paid", "failed", "canceled")


def statement(store: Store, params: Params) -> Resource:
    return balance.statement(store)


def retrieve_entry(store: Store, params: Params, id: str) -> Resource:
    return store.find("balance_transaction", id)


def entries(store: Store, params: Params) -> Resource:
    equal = parameters.pick(params, ("currency", "source", "type"))
    if payout := params.get("payout"):
        equal["_payout"] = _automatic(store, payout)
    return listing(store, "balance_transaction", "/v1/balance_transactions", params, **equal)


def _automatic(store: Store, id: str) -> str:
    if not store.find("payout", id, "payout")["automatic"]:
        raise errors.invalid("Balance transactions can be listed by payout for automatic payouts only.", "payout")
    return id


def create_payout(store: Store, params: Params) -> Resource:
    given = parameters.pick(params, ("description", "statement_descriptor"))
    return paying_out.pay_out(store, params["amount"], **given, metadata=params.get("metadata") or {})


def retrieve_payout(store: Store, params: Params, id: str) -> Resource:
    return store.find("payout", id)


def payouts(store: Store, params: Params) -> Resource:
    return listing(store, "payout", "/v1/payouts", params, status=params.get("status"))


ROUTES = (
    Route("GET", "/v1/balance", statement),
    Route(
        "GET",
        "/v1/balance_transactions",
        entries,
        page_form(currency=currency, payout=text, source=text, type=text),
    ),
    Route("GET", "/v1/balance_transactions/:id", retrieve_entry),
    Route("POST", "/v1/payouts", create_payout, PAYOUT),
    Route("GET", "/v1/payouts", payouts, page_form(status=PAYOUT_STATUS)),
    Route("GET", "/v1/payouts/:id", retrieve_payout),
)
