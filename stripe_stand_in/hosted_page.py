"""The page where a person pays, in place of Stripe's own, with Stripe's public test cards to choose from."""

import re
from urllib.parse import parse_qsl

from stripe_stand_in import cards, checkout, errors, pages, paying
from stripe_stand_in.pages import Markup, dollars
from stripe_stand_in.passing_time import acting, at_work
from stripe_stand_in.store import Resource, Store
from stripe_stand_in.web import Reply, Request

PATH = re.compile(r"/(pay|challenge)/([A-Za-z0-9_]+)(/challenge)?$")


class HostedPage:
    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, request: Request) -> Reply:
        if request.path == pages.STYLESHEET:
            return pages.stylesheet()
        match = PATH.match(request.path)
        if not match or request.method not in ("GET", "POST"):
            return self._nothing_here()
        kind, id, challenge = match.groups()
        said = dict(parse_qsl(request.body)) if request.method == "POST" else None
        try:
            if kind == "challenge":
                return self._challenge_intent(id, said)
            return self._challenge_session(id, said) if challenge else self._pay(id, said)
        except errors.Refusal as refusal:
            return self._nothing_here(str(refusal))

    def _pay(self, id: str, said: dict[str, str] | None) -> Reply:
        session = self._session(id)
        if session["status"] != "open":
            return self._closed(session)
        if said is None:
            return self._form(session)
        means = self._chosen(session, said)
        if means is None:
            return self._form(session, "Enter a test card number from the list. Never enter a real card.")
        try:
            with acting(self.store):
                session = self.store.find("checkout.session", id)
                checkout.submit(self.store, session, means, save="save" in said)
        except errors.Refusal as refusal:
            return self._form(self._session(id), f"{refusal} Nothing was paid. Try another card.", means)
        return self._onward(session)

    def _chosen(self, session: Resource, said: dict[str, str]) -> cards.Means | None:
        typed = said.get("number", "").strip()
        means = cards.with_number(typed) if typed else cards.BY_TOKEN.get(said.get("means", ""))
        return means if means and means.type in session["_types"] else None

    def _onward(self, session: Resource) -> Reply:
        if session["status"] == "complete":
            return pages.redirect(checkout.success_url(session))
        return pages.redirect(f"/pay/{session['id']}/challenge")

    def _challenge_session(self, id: str, said: dict[str, str] | None) -> Reply:
        session = self._session(id)
        if session["status"] != "open":
            return self._closed(session)
        intent = self._intent(session["payment_intent"] or "")
        if intent["status"] != "requires_action":
            return pages.redirect(f"/pay/{id}")
        if said is None:
            return self._challenge(intent, f"/pay/{id}/challenge", session["success_url"])
        with acting(self.store):
            session = self.store.find("checkout.session", id)
            checkout.answer_challenge(self.store, session, approved=said.get("answer") == "approve")
        if session["status"] == "open":
            return self._form(session, f"{cards.CHALLENGE_FAILED.message} Nothing was paid.")
        return self._onward(session)

    def _challenge_intent(self, id: str, said: dict[str, str] | None) -> Reply:
        """The challenge of a payment confirmed by the API with the cardholder present."""
        intent = self._intent(id)
        if intent["status"] != "requires_action":
            return self._nothing_here("This payment is not waiting for confirmation.")
        back = intent["_return_url"] or ""
        if said is None:
            return self._challenge(intent, f"/challenge/{id}", back)
        with acting(self.store):
            intent = self.store.find("payment_intent", id)
            paying.answer_challenge(self.store, intent, approved=said.get("answer") == "approve")
        return pages.redirect(back) if back else self._nothing_here(f"The payment is {intent['status']}.")

    def _session(self, id: str) -> Resource:
        with at_work(self.store):
            return self.store.find("checkout.session", id)

    def _intent(self, id: str) -> Resource:
        with at_work(self.store):
            return self.store.find("payment_intent", id)

    def _form(self, session: Resource, problem: str = "", chosen: cards.Means = cards.ALL[0]) -> Reply:
        amount = session["amount_total"]
        body = pages.fill(
            "pay.html",
            merchant=self.store.terms.merchant,
            amount=dollars(amount) if amount is not None else "Save a card",
            lines=pages.join([_line(line) for line in session["_lines"]]),
            problem=pages.fill("problem.html", problem=problem) if problem else Markup(),
            choices=pages.join([_choice(means, chosen) for means in cards.ALL if means.type in session["_types"]]),
            saving=_saving(session),
            button=f"Pay {dollars(amount)}" if amount is not None else "Save card",
            back=_back(session["cancel_url"], self.store.terms.merchant),
        )
        leads_to = (session["success_url"], session["cancel_url"])
        return pages.page("Pay", body, status=422 if problem else 200, leads_to=leads_to)

    def _challenge(self, intent: Resource, action: str, back: str) -> Reply:
        body = pages.fill(
            "challenge.html", merchant=self.store.terms.merchant, amount=dollars(intent["amount"]), action=action
        )
        return pages.page("Confirm with your bank", body, leads_to=(back,))

    def _closed(self, session: Resource) -> Reply:
        done = session["status"] == "complete"
        words = "This is already paid. You cannot pay twice." if done else "This page has expired. Nothing was paid."
        address = checkout.success_url(session) if done else session["cancel_url"]
        merchant = self.store.terms.merchant
        body = pages.fill("closed.html", merchant=merchant, words=words, back=_back(address, merchant))
        return pages.page("Complete" if done else "Expired", body)

    def _nothing_here(self, words: str = "This page does not exist.") -> Reply:
        body = pages.fill("closed.html", merchant=self.store.terms.merchant, words=words, back=Markup())
        return pages.page("Nothing to pay here", body, status=404)


def _line(line: Resource) -> Markup:
    times = f" × {line['quantity']}" if line["quantity"] > 1 else ""
    return pages.fill("line.html", name=line["name"] + times, amount=dollars(line["amount"]))


def _choice(means: cards.Means, chosen: cards.Means) -> Markup:
    checked = Markup(" checked") if means is chosen else Markup()
    number = " ".join(re.findall(".{1,4}", means.number))
    facts = {"token": means.token, "label": means.label, "number": number, "effect": means.effect}
    return pages.fill("choice.html", checked=checked, **facts)


def _saving(session: Resource) -> Markup:
    if checkout.saves_card(session):
        return pages.fill("saved.html")
    return pages.fill("save.html") if checkout.offers_saving(session) else Markup()


def _back(address: str | None, merchant: str) -> Markup:
    return pages.fill("back.html", address=address, merchant=merchant) if address else Markup()
