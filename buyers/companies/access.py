"""Access: the company a request acts for, and the decorators that check permissions."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django_htmx.middleware import HtmxDetails

from buyers.models import Buyer, Membership, User
from leads.staff import View


class MarketRequest(HttpRequest):
    """A request that BuyerMiddleware has processed: the membership and its company, or None for both."""

    membership: Membership | None
    buyer: Buyer | None
    htmx: HtmxDetails


class PersonRequest(MarketRequest):
    """Behind ``login_required``: a user is logged in, with or without a company."""

    user: User


class MemberRequest(PersonRequest):
    """Behind a decorator that requires a member, so the company is set."""

    membership: Membership
    buyer: Buyer


class BuyerMiddleware:
    """Sets ``request.membership`` and ``request.buyer``; both are None for visitors and for users without a company."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: MarketRequest) -> HttpResponseBase:
        request.membership = _membership_of(request)
        request.buyer = request.membership.buyer if request.membership else None
        return self.get_response(request)


def member_required(view: View) -> View:
    """Require a logged-in member of a company. A user without a company is redirected to register one."""
    return _asking(lambda membership: True, view)


def buying_required(view: View) -> View:
    """Require a member who may spend the company's money; others get a 404."""
    return _asking(lambda membership: membership.can_buy, view)


def owner_required(view: View) -> View:
    """Require a member who may manage the company; others get a 404."""
    return _asking(lambda membership: membership.can_manage, view)


def contacts_required(view: View) -> View:
    """Require a member who may buy, of a company that is not closed: nobody else may see contacts."""

    @buying_required
    @wraps(view)
    def inner(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_buy(request):
            raise Http404
        return view(request, *args, **kwargs)

    return inner


def may_buy(request: MemberRequest) -> bool:
    """Whether this member may spend money and read contacts. A closed company keeps its pages but can do neither."""
    return request.membership.can_buy and request.buyer.closed_at is None


def _asking(may: Callable[[Membership], bool], view: View) -> View:
    @login_required
    @wraps(view)
    def inner(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.membership is None:
            return redirect("buyers:register")
        if not may(request.membership):
            raise Http404
        return view(request, *args, **kwargs)

    return inner


def _membership_of(request: HttpRequest) -> Membership | None:
    if not request.user.is_authenticated:
        return None
    return Membership.objects.select_related("buyer").filter(user_id=request.user.pk).first()
