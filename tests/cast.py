"""Companies with every kind of member and object, and for each the URL of every route about what it owns."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from billing.models import Payment
from buyers.companies.keys import create_key, revoke_key
from buyers.companies.membership import invite
from buyers.models import ApiKey, Buyer, CustomerList, Invitation, Membership, Role, StandingOrder, User
from leads.criteria.criteria import Criteria
from leads.models import ImportRun, Lead
from marketplace.models import BackgroundOrder, Export, Order, OrderAwaitingPayment, Return
from marketplace.orders.checkout import OrderAttempt, place_order
from marketplace.orders.quotes import quote, token_of
from marketplace.orders.request import NamedLeads
from marketplace.returns.claims import Claim, Claimant, ask
from marketplace.standing_orders.lifecycle import NewStandingOrder, place
from marketplace.standing_orders.terms import StandingOrderTerms
from tests.access import own_routes
from tests.factories import Market, credit, make_buyer
from tests.leads.intake.importing.files import as_csv, row, uploaded, worked


def make_person(**changes: bool) -> User:
    """Return a user without a password: hashing one takes longer than everything else here."""
    return User.objects.create_user(f"cast-{uuid.uuid4().hex[:12]}@example.com", **changes)


@dataclass
class Company:
    """A company with every role, an order with its file and a return, a payment, an invitation and two keys."""

    buyer: Buyer
    people: dict[str, User]
    lead: Lead
    order: Order
    export: Export
    standing: StandingOrder
    returned: Return
    payment: Payment
    awaiting: OrderAwaitingPayment
    member: Membership
    invitation: Invitation
    customers: CustomerList
    background_order: BackgroundOrder
    key: ApiKey
    key_text: str
    revoked_text: str


@dataclass
class Cast:
    market: Market
    ours: Company
    rival: Company
    closed: Company
    newcomer: User
    clerk: User
    staff: User
    mapping: ImportRun
    checked: ImportRun
    files: Path

    def person(self, role: str) -> User | None:
        """Return the person who acts in this role of the access table."""
        people = {
            "stranger": None,
            "newcomer": self.newcomer,
            "closed": self.closed.people["owner"],
            "clerk": self.clerk,
            "staff": self.staff,
        }
        return people[role] if role in people else self.ours.people[role]

    def company_of(self, role: str) -> Company:
        return self.closed if role == "closed" else self.ours

    def key(self, role: str) -> str:
        keys = {"revoked": self.ours.revoked_text, "closed": self.closed.key_text, "company": self.ours.key_text}
        return keys.get(role, "nonsense" if role == "nonsense" else "")


def stored_in(files: Path) -> dict[str, Any]:
    """The setting by which uploads go to this folder."""
    stored = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(files)}}
    return {**settings.STORAGES, "default": stored}


def make_cast(market: Market, files: Path) -> Cast:
    closed = make_company(market)
    Buyer.objects.filter(pk=closed.buyer.pk).update(closed_at=timezone.now())
    checked = worked(uploaded(market, as_csv([row(1), row(2, Purpose="boat")])), ImportRun.Status.CHECKING)
    return Cast(
        market,
        make_company(market),
        make_company(market),
        closed,
        make_person(),
        make_person(is_staff=True),
        make_person(is_staff=True, is_superuser=True),
        uploaded(market, as_csv([row(3), row(4)])),
        checked,
        files,
    )


def make_company(market: Market, lead: Lead | None = None) -> Company:
    owner, lead = make_person(), lead or market.lead()
    buyer = make_buyer(owner, market.vertical)
    credit(buyer, 10_000, f"cast {buyer.pk}")
    people = {"owner": owner, "buyer": make_person(), "viewer": make_person()}
    for role in (Role.BUYER, Role.VIEWER):
        Membership.objects.create(user=people[role], buyer=buyer, role=role)
    order = buy(market, buyer, owner, lead)
    key, key_text = create_key(buyer=buyer, name="CRM", created_by=owner)
    revoked, revoked_text = create_key(buyer=buyer, name="Old", created_by=owner)
    revoke_key(key=revoked, now=market.now)
    return Company(
        buyer,
        people,
        lead,
        order,
        Export.objects.create(order=order, preset="plain", status="queued"),
        standing_order(market, buyer, owner),
        ask(Claim(lead.public_id, "made-up", "Nobody is called that."), Claimant(buyer, str(owner), market.now)),
        expired_payment(buyer, owner),
        pending_order(market, buyer, owner),
        Membership.objects.create(user=make_person(), buyer=buyer, role=Role.BUYER),
        invite(buyer=buyer, email=f"new{buyer.pk}@example.com", role=Role.BUYER, now=timezone.now()),
        customer_list(buyer, owner),
        background_order(market, buyer, owner),
        key,
        key_text,
        revoked_text,
    )


def standing_order(market: Market, buyer: Buyer, user: User) -> StandingOrder:
    order_request = NewStandingOrder(
        buyer, user, market.vertical, Criteria.anything(market.vertical), StandingOrder.Kind.BUY
    )
    return place(order_request, StandingOrderTerms("Anything under a dollar", max_price_cents=99), now=market.now)


def expired_payment(buyer: Buyer, user: User) -> Payment:
    now = timezone.now()
    return Payment.objects.create(
        buyer=buyer,
        purpose=Payment.Purpose.TOP_UP,
        amount_cents=5000,
        status=Payment.Status.EXPIRED,
        asked_by=user,
        created_at=now,
        ended_at=now,
    )


def customer_list(buyer: Buyer, user: User) -> CustomerList:
    """Finished, and of nobody in particular."""
    now = timezone.now()
    return CustomerList.objects.create(
        buyer=buyer,
        uploaded_by=user,
        file_name="customers.csv",
        file_sha256=uuid.uuid4().hex,
        status="done",
        created_at=now,
        worked_at=now,
        done_at=now,
    )


def background_order(market: Market, buyer: Buyer, user: User) -> BackgroundOrder:
    """A record waiting for a worker that never comes."""
    return BackgroundOrder.objects.create(
        buyer=buyer, placed_by=user, token="", idempotency_key=uuid.uuid4().hex, total=6_000, asked_at=market.now
    )


def pending_order(market: Market, buyer: Buyer, user: User) -> OrderAwaitingPayment:
    """Of nothing in particular: its buyer is on Stripe's page."""
    payment = Payment.objects.create(
        buyer=buyer, purpose="order", amount_cents=5000, status="open", asked_by=user, created_at=market.now
    )
    return OrderAwaitingPayment.objects.create(
        buyer=buyer,
        placed_by=user,
        idempotency_key=uuid.uuid4().hex,
        token="",
        quantity=1,
        quoted_cents=5000,
        payment=payment,
        created_at=market.now,
        expires_at=market.now,
    )


def buy(market: Market, buyer: Buyer, user: User, *leads: Lead) -> Order:
    order_request = NamedLeads(tuple(lead.public_id for lead in leads))
    token = token_of(quote(order_request, buyer=buyer, now=market.now))
    return place_order(OrderAttempt(buyer, user, token, uuid.uuid4().hex, False, market.now))


def addresses(cast: Cast, company: Company) -> dict[str, str]:
    """Return, by route, the URL about this company's own objects, or about nobody's in particular."""
    arguments = _arguments(cast, company)
    queries = {"api:listings": f"?vertical={cast.market.vertical.slug}"}
    return {
        route.name: reverse(route.name, kwargs=arguments.get(route.name)) + queries.get(route.name, "")
        for route in own_routes()
    }


def _arguments(cast: Cast, company: Company) -> dict[str, dict[str, object]]:
    slug, order = {"slug": cast.market.vertical.slug}, {"public_id": company.order.public_id}
    payment = {"public_id": company.payment.public_id}
    awaiting = {"public_id": company.awaiting.public_id}
    checked, mapping = {"public_id": cast.checked.public_id}, {"public_id": cast.mapping.public_id}
    returned = {"public_id": company.returned.public_id}
    customers = {"public_id": company.customers.public_id}
    standing = {"public_id": company.standing.public_id}
    member, lead = {"pk": company.member.pk}, {"public_id": company.lead.public_id}
    return {
        "storefront:browse": slug,
        **{f"checkout:{name}": slug for name in ("buy-bar", "review")},
        **{f"orders:{name}": order for name in ("detail", "receipt", "invoice", "leads", "ask", "file")},
        **{f"api:{name}": order for name in ("order", "file", "manifest")},
        **{f"billing:{name}": payment for name in ("payment", "done", "back", "stop-payment", "receipt")},
        **{f"leads:import{name}": checked for name in ("", "-start", "-problems")},
        **{f"leads:import-{name}": mapping for name in ("columns", "discard")},
        **{f"checkout:{name}": awaiting for name in ("waiting", "pay-again", "cancel")},
        **{f"returns:{name}": returned for name in ("detail", "credit-note", "appeal", "take-back")},
        **{f"buyers:{name}": customers for name in ("customer-list", "remove-customers")},
        "orders:background": {"public_id": company.background_order.public_id},
        "api:background-order": {"public_id": company.background_order.public_id},
        **{f"standing_orders:{name}": slug for name in ("buy", "save")},
        **{f"standing_orders:{name}": standing for name in ("detail", "edit", "pause", "resume", "end")},
        "api:standing-order": standing,
        "returns:ask": order,
        "api:return": returned,
        "storefront:lead": lead,
        "api:listing": lead,
        "orders:progress": {**order, "export_id": company.export.public_id},
        "buyers:ask": slug,
        "buyers:role": member,
        "buyers:remove": member,
        "buyers:withdraw": {"pk": company.invitation.pk},
        "buyers:accept": {"token": company.invitation.token},
        "buyers:revoke": {"pk": company.key.pk},
    }
