"""The operator's pages want a second factor of staff, where the settings say so."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect

from buyers.companies.access import MarketRequest

STAFF_PAGES = ("/admin/", "/operator/")


class StaffSecondFactorMiddleware:
    """Sends staff without a second factor to where one is set up. The log-in itself then asks for it each time."""

    def __init__(self, get_response: Callable[[MarketRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: MarketRequest) -> HttpResponseBase:
        if settings.STAFF_SECOND_FACTOR and request.path.startswith(STAFF_PAGES) and _lacks_one(request):
            messages.warning(request, "These pages show people's data: set up a second factor first.")
            return redirect("mfa_index")
        return self.get_response(request)


def _lacks_one(request: MarketRequest) -> bool:
    user = request.user
    return user.is_authenticated and user.is_staff and not is_mfa_enabled(user)
