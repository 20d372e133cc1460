"""The control port: JSON for tests, and a page of plain forms for a person who tries the demo."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from stripe_stand_in import balance, errors, pages
from stripe_stand_in.control import Controls
from stripe_stand_in.pages import Markup, dollars
from stripe_stand_in.passing_time import at_work
from stripe_stand_in.store import Resource
from stripe_stand_in.web import Reply, Request

SHOWN = 25
LOCAL = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Shelf:
    """One kind of object on the page, with the actions that each status allows."""

    kind: str
    title: str
    argument: str
    acts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def shows(self, resource: Resource) -> bool:
        """Whether to show it: a card that no customer keeps is hidden."""
        return self.kind != "payment_method" or bool(resource["customer"])


SHELVES = (
    Shelf(
        "payment_intent",
        "Payments",
        "payment",
        {"succeeded": ("refund", "dispute"), "processing": ("settle", "return_debit")},
    ),
    Shelf("refund", "Refunds", "refund", {"succeeded": ("fail_refund",)}),
    Shelf(
        "dispute",
        "Disputes",
        "dispute",
        {
            "needs_response": ("submit_evidence", "win_dispute", "lose_dispute"),
            "under_review": ("win_dispute", "lose_dispute"),
        },
    ),
    Shelf("payout", "Payouts", "payout", {"in_transit": ("land_payout", "fail_payout"), "paid": ("fail_payout",)}),
    Shelf("transfer", "Transfers", "transfer", {"": ("reverse_transfer",)}),
    Shelf("account", "Connected accounts", "account"),
    Shelf("payment_method", "Saved cards", "payment_method", {"": ("detach",)}),
)
PARTIAL = {"refund", "reverse_transfer"}


class ControlPanel:
    def __init__(self, controls: Controls) -> None:
        self.controls = controls
        self.store = controls.store

    def __call__(self, request: Request) -> Reply:
        if not _is_from_here(request):
            return Reply(403, b'{"error": {"message": "The control port is for this machine only."}}')
        if request.method == "GET" and request.path == pages.STYLESHEET:
            return pages.stylesheet()
        if request.method == "GET" and request.path == "/":
            return self._page(dict(parse_qsl(request.query)).get("said", ""))
        if request.method == "POST":
            verb = request.path.strip("/")
            is_json = (request.headers.get("Content-Type") or "").startswith("application/json")
            return self._from_test(verb, request.body) if is_json else self._from_person(verb, request.body)
        return Reply(404, b'{"error": {"message": "The control port has a page at / and takes POSTs."}}')

    def _from_test(self, verb: str, body: str) -> Reply:
        try:
            return Reply(200, json.dumps(self.controls.perform(verb, _object(body))).encode())
        except errors.Refusal as refusal:
            return Reply(refusal.status, json.dumps(refusal.body()).encode())

    def _from_person(self, verb: str, body: str) -> Reply:
        try:
            done = self.controls.perform(verb, _arguments(body))
            said = f"Done: {verb.replace('_', ' ')} {done.get('id', '')}"
        except errors.Refusal as refusal:
            said = str(refusal)
        return pages.redirect(f"/?said={quote(said)}")

    def _page(self, said: str) -> Reply:
        with at_work(self.store):
            funds = balance.statement(self.store)
            tables = [self._table(shelf) for shelf in SHELVES]
        body = pages.fill(
            "control_panel.html",
            said=pages.fill("said.html", said=said) if said else Markup(),
            available=dollars(funds["available"][0]["amount"]),
            pending=dollars(funds["pending"][0]["amount"]),
            webhooks=", ".join(f"{count} {state}" for state, count in self._webhooks().items()),
            tables=pages.join(tables),
        )
        return pages.page("Control panel", body)

    def _webhooks(self) -> dict[str, int]:
        return dict(self.controls.network["state"]()["webhooks"])

    def _table(self, shelf: Shelf) -> Markup:
        found = self.store.page(shelf.kind, limit=SHOWN, equal={})
        rows = [_row(resource, shelf) for resource in found if shelf.shows(resource)]
        return pages.fill("table.html", title=shelf.title, rows=pages.join(rows)) if rows else Markup()


def _row(resource: Resource, shelf: Shelf) -> Markup:
    verbs = shelf.acts.get(str(resource.get("status", "")), ())
    acts = [_act(verb, shelf.argument, resource["id"]) for verb in verbs]
    status = str(resource.get("status") or "").replace("_", " ")
    return pages.fill("row.html", id=resource["id"], what=_what(resource), status=status, acts=pages.join(acts))


def _what(resource: Resource) -> str:
    if "amount" in resource:
        return dollars(resource["amount"])
    if resource["object"] == "payment_method":
        kept = resource[resource["type"]]
        return f"{kept.get('brand') or kept.get('bank_name')} {kept['last4']}"
    return str(resource.get("email") or "")


def _act(verb: str, argument: str, id: str) -> Markup:
    asked = pages.fill("dollars.html", id=id) if verb in PARTIAL else Markup()
    words = verb.replace("_", " ").capitalize()
    return pages.fill("act.html", verb=verb, argument=argument, id=id, asked=asked, words=words)


def _object(body: str) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise errors.invalid("The control port accepts JSON objects only.")
    return said


def _arguments(body: str) -> dict[str, Any]:
    said: dict[str, Any] = dict(parse_qsl(body))
    if typed := said.pop("dollars", "").strip():
        match = re.fullmatch(r"\$?([0-9]{1,6})(?:\.([0-9]{2}))?", typed)
        if not match:
            raise errors.invalid(f"Enter an amount in dollars, such as 12 or 12.50, not {typed}.")
        said["amount"] = int(match[1]) * 100 + int(match[2] or 0)
    return said


def _is_from_here(request: Request) -> bool:
    """Whether it is from this machine: no page of another site, under any name of this port, may press a button."""
    host = request.headers.get("Host") or ""
    origin = request.headers.get("Origin")
    return urlsplit(f"//{host}").hostname in LOCAL and origin in (None, f"http://{host}")
