"""A Checkout Session: a page to pay or to save a card, once, before it expires."""

from typing import Any

from stripe_stand_in import cards, errors, holding, parameters, paying
from stripe_stand_in.announcing import announce
from stripe_stand_in.store import Resource, Store

SOONEST, LATEST = 30 * 60, 24 * 60 * 60


def open_session(store: Store, given: dict[str, Any]) -> Resource:
    expires_at = _expiry(store, given.get("expires_at"))
    amount = _amount(given) if given["mode"] == "payment" else None
    echoed = ("cancel_url", "client_reference_id", "customer", "customer_email", "saved_payment_method_options")
    session = store.add(
        "checkout.session",
        "cs_test",
        amount_subtotal=amount,
        amount_total=amount,
        currency="usd",
        customer_details=None,
        expires_at=expires_at,
        livemode=False,
        metadata=given.get("metadata") or {},
        mode=given["mode"],
        payment_intent=None,
        payment_status="unpaid" if amount is not None else "no_payment_required",
        setup_intent=None,
        status="open",
        success_url=given["success_url"],
        ui_mode="hosted_page",
        url=None,
        **{name: given.get(name) for name in echoed},
        _given={name: given.get(name) or {} for name in ("payment_intent_data", "setup_intent_data")},
        _lines=[_line(item) for item in given.get("line_items", [])],
        _types=given.get("allowed_payment_method_types") or ["card", "us_bank_account"],
    )
    store.remind(expires_at, "expire_session", session["id"])
    return store.save(session, url=f"{store.terms.public_url}/pay/{session['id']}")


def submit(store: Store, session: Resource, means: cards.Means, *, save: bool = False) -> Resource:
    """Do what the page's button does. Afterward the session is complete, or the intent waits for confirmation."""
    _require_open(session)
    if means.type not in session["_types"]:
        raise errors.invalid(f"This session does not accept {means.type}.")
    method = holding.make(store, means)
    if session["mode"] == "setup":
        return _keep_card(store, session, method)
    intent = _intent(store, session)
    if save and session["customer"]:
        store.save(method, allow_redisplay="always")
        store.save(intent, setup_future_usage="off_session")
    paying.confirm(store, intent, method)
    return _complete_if_taken(store, session, intent)


def answer_challenge(store: Store, session: Resource, *, approved: bool) -> Resource:
    _require_open(session)
    intent = store.find("payment_intent", session["payment_intent"])
    paying.answer_challenge(store, intent, approved=approved)
    return _complete_if_taken(store, session, intent)


def expire(store: Store, session: Resource) -> Resource:
    _require_open(session)
    store.save(session, status="expired", url=None)
    if session["payment_intent"]:
        intent = store.find("payment_intent", session["payment_intent"])
        paying.cancel(store, intent, "automatic")
    announce(store, "checkout.session.expired", session)
    return session


def expire_by_itself(store: Store, session: Resource) -> None:
    if session["status"] == "open":
        expire(store, session)


def follow_settlement(store: Store, intent: Resource) -> None:
    """Update the session with the result of a slow payment."""
    if not intent["_session"]:
        return
    session = store.find("checkout.session", intent["_session"])
    paid = intent["status"] == "succeeded"
    if paid:
        store.save(session, payment_status="paid")
    announce(store, f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}", session)


def saves_card(session: Resource) -> bool:
    return session["mode"] == "setup" or bool(session["_given"]["payment_intent_data"].get("setup_future_usage"))


def offers_saving(session: Resource) -> bool:
    options = session["saved_payment_method_options"] or {}
    return bool(options.get("payment_method_save") == "enabled" and session["customer"] and not saves_card(session))


def success_url(session: Resource) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _intent(store: Store, session: Resource) -> Resource:
    if session["payment_intent"]:
        return store.find("payment_intent", session["payment_intent"])
    given = {**session["_given"]["payment_intent_data"]}
    given["metadata"] = given.get("metadata") or {}
    intent = paying.open_intent(
        store, session["amount_total"], customer=session["customer"], _session=session["id"], **given
    )
    store.save(session, payment_intent=intent["id"])
    return intent


def _complete_if_taken(store: Store, session: Resource, intent: Resource) -> Resource:
    if intent["status"] == "succeeded":
        return _complete(store, session, payment_status="paid")
    if intent["status"] == "processing":
        return _complete(store, session, payment_status="unpaid")
    return session


def _keep_card(store: Store, session: Resource, method: Resource) -> Resource:
    customer = store.find("customer", session["customer"])
    holding.attach(store, method, customer)
    store.save(method, _is_saved=True)
    data = session["_given"]["setup_intent_data"]
    intent = store.add(
        "setup_intent",
        "seti",
        customer=customer["id"],
        description=data.get("description"),
        last_setup_error=None,
        livemode=False,
        metadata=data.get("metadata") or {},
        next_action=None,
        payment_method=method["id"],
        status="succeeded",
        usage="off_session",
    )
    announce(store, "setup_intent.succeeded", intent)
    return _complete(store, session, setup_intent=intent["id"])


def _complete(store: Store, session: Resource, **changes: Any) -> Resource:
    customer = store.find("customer", session["customer"]) if session["customer"] else {}
    details = {name: customer.get(name) for name in ("email", "name", "phone")}
    details["email"] = details["email"] or session["customer_email"]
    store.save(session, status="complete", url=None, customer_details=details, **changes)
    announce(store, "checkout.session.completed", session)
    return session


def _require_open(session: Resource) -> None:
    if session["status"] != "open":
        raise errors.invalid(
            f'Only Checkout Sessions with a status in ["open"] can be used. This one is {session["status"]}.'
        )


def _expiry(store: Store, asked: int | None) -> int:
    now = store.now()
    if asked is None:
        return now + LATEST
    if not now + SOONEST <= asked <= now + LATEST:
        raise errors.invalid(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session "
            "creation.",
            "expires_at",
        )
    return asked


def _amount(given: dict[str, Any]) -> int:
    if not given.get("line_items"):
        raise errors.missing("line_items")
    cents = sum(item["price_data"]["unit_amount"] * item["quantity"] for item in given["line_items"])
    return parameters.payable(cents, "line_items")


def _line(item: dict[str, Any]) -> Resource:
    price = item["price_data"]
    amount = price["unit_amount"] * item["quantity"]
    return {"name": price["product_data"]["name"], "quantity": item["quantity"], "amount": amount}
