"""Require a second factor from staff on the operator's pages, if the settings say so."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect

from buyers.companies.access import MarketRequest

STAFF_PAGES = ("/admin/", "/operator/")


class StaffSecondFactorMiddleware:
    """Redirects staff without a second factor to set one up. After that, each login asks for it."""

    def __init__(self, get_response: Callable[[MarketRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: MarketRequest) -> HttpResponseBase:
        if settings.STAFF_SECOND_FACTOR and request.path.startswith(STAFF_PAGES) and _lacks_one(request):
            messages.warning(request, "Set up two-factor authentication first, because these pages show personal data.")
            return redirect("mfa_index")
        return self.get_response(request)


def _lacks_one(request: MarketRequest) -> bool:
    user = request.user
    return user.is_authenticated and user.is_staff and not is_mfa_enabled(user)
