"""The logins of the demo market: an admin, and the members of three fictional companies."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from allauth.account.models import EmailAddress
from django.conf import settings

from billing.ledger import credit_wallet
from buyers.companies.keys import create_key, revoke_key
from buyers.companies.membership import ask_approval, grant_approval, register_company
from buyers.models import ApiKey, Buyer, Membership, Role, User
from leads.models import Vertical

KEPT_IN = "demo.json"
EASY_TO_READ = "abcdefghjkmnpqrstuvwxyz23456789"
ADMIN_EMAIL = "admin@remainder.example"
KEY_NAME = "Demo"


class Login(TypedDict):
    """One account in ``var/demo.json``."""

    role: str
    email: str
    password: str
    api_key: str | None


@dataclass(frozen=True)
class Company:
    """A buyer, its owner and its starting wallet balance. With no ``verticals``, it is approved for all open ones."""

    legal_name: str
    trade: str
    street: str
    city: str
    state: str
    postal_code: str
    phone: str
    owner_email: str
    wallet_cents: int
    license: str = ""
    verticals: tuple[str, ...] = ()
    asks_for: tuple[str, ...] = ()


COMPANIES = (
    Company(
        "Tamarack Home Lending LLC", "Mortgage lender and insurance agency", "75 Tamarack Avenue", "Columbus", "OH",
        "43215", "(614) 555-0134", "dana@tamarack.example", 500_000, license="NMLS 0000001",
    ),
    Company(
        "Juniper Street Credit Inc.", "Licensed lender", "12 Juniper Street", "Tacoma", "WA",
        "98402", "(253) 555-0171", "sam@juniper.example", 150_000, license="NMLS 0000002",
        verticals=("mortgage", "personal-loan"),
    ),
    Company(
        "Kestrel Insurance Agency LLC", "Insurance agency", "9 Kestrel Court", "Macon", "GA",
        "31201", "(478) 555-0116", "pat@kestrel.example", 0,
        verticals=("auto-insurance", "home-insurance"), asks_for=("life-insurance",),
    ),
)  # fmt: skip
VIEWER_EMAIL = "lee@tamarack.example"
ROLES = {
    ADMIN_EMAIL: "admin",
    "dana@tamarack.example": "buyer",
    "sam@juniper.example": "buyer",
    "pat@kestrel.example": "buyer, no money",
    VIEWER_EMAIL: "viewer",
}


# The demo's wallets are filled before its oldest purchase.
FUNDED_BEFORE = timedelta(days=130)


def make_accounts(now: datetime) -> list[Login]:
    """Create everyone with new passwords; company owners also get an API key."""
    _verified(User.objects.create_superuser(ADMIN_EMAIL))
    for company in COMPANIES:
        _register(company, now)
    first = Buyer.objects.get(legal_name=COMPANIES[0].legal_name)
    Membership.objects.create(user=_verified(User.objects.create_user(VIEWER_EMAIL)), buyer=first, role=Role.VIEWER)
    return renew_logins(now)


def kept_logins() -> list[Login] | None:
    """Return the logins that the last run saved, if all of them still work."""
    file: Path = settings.VAR_DIR / KEPT_IN
    if not file.exists():
        return None
    logins: list[Login] = json.loads(file.read_text())["accounts"]
    return logins if {login["email"] for login in logins} == set(ROLES) and all(map(_opens, logins)) else None


def renew_logins(now: datetime) -> list[Login]:
    """Give everyone a new password and key; the old ones stop working."""
    return [_renew(email, role, now) for email, role in ROLES.items()]


def _opens(login: Login) -> bool:
    user = User.objects.filter(email=login["email"]).first()
    key = login["api_key"]
    return bool(
        user and user.check_password(login["password"]) and (not key or ApiKey.objects.live().matching(key).exists())
    )


def _renew(email: str, role: str, now: datetime) -> Login:
    user = User.objects.get(email=email)
    password = "-".join("".join(secrets.choice(EASY_TO_READ) for _ in range(5)) for _ in range(4))
    user.set_password(password)
    user.save(update_fields=["password"])
    return Login(role=role, email=email, password=password, api_key=_renew_key(user, now))


def _renew_key(user: User, now: datetime) -> str | None:
    """Return a new API key for the company the user owns; None if they own none."""
    owned = Membership.objects.filter(user=user, role=Role.OWNER).select_related("buyer").first()
    if owned is None:
        return None
    for old in ApiKey.objects.unrevoked().filter(buyer=owned.buyer, name=KEY_NAME):
        revoke_key(key=old, now=now)
    _, key = create_key(buyer=owned.buyer, name=KEY_NAME, created_by=user)
    return key


def _verified(user: User) -> User:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _register(company: Company, now: datetime) -> None:
    buyer = Buyer(
        legal_name=company.legal_name,
        trade=company.trade,
        street=company.street,
        city=company.city,
        state=company.state,
        postal_code=company.postal_code,
        phone=company.phone,
        website=f"https://{company.owner_email.partition('@')[2]}",
        license=company.license,
    )
    shelf = Vertical.objects.for_resale()
    granted = shelf.filter(slug__in=company.verticals) if company.verticals else shelf
    owner = _verified(User.objects.create_user(company.owner_email))
    register_company(user=owner, company=buyer, verticals=granted, now=now)
    for approval in buyer.approvals.requested():
        grant_approval(approval=approval, note="", now=now)
    for vertical in shelf.filter(slug__in=company.asks_for):
        ask_approval(buyer=buyer, vertical=vertical, now=now)
    if company.wallet_cents:
        credit_wallet(
            buyer=buyer,
            cents=company.wallet_cents,
            reference=f"demo-{company.owner_email}",
            memo="Demo money to try the market with",
            actor=ADMIN_EMAIL,
            now=now - FUNDED_BEFORE,
        )
