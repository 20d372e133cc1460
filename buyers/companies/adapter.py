"""Where allauth redirects people: the only place where our accounts differ from its defaults."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.shortcuts import resolve_url

from buyers.models import Membership, User


class AccountAdapter(DefaultAccountAdapter):
    """Redirects a user without a company to register one, unless a link (such as an invitation) named another page."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user = request.user
        if isinstance(user, User) and not user.is_staff and not Membership.objects.filter(user=user).exists():
            return resolve_url("buyers:register")
        return str(super().get_login_redirect_url(request))

    def unstash_verified_email(self, request: HttpRequest) -> str | None:
        """Return the address that an invitation proved, but only if the same address is signing up."""
        proved = super().unstash_verified_email(request)
        asked = request.POST.get("email", "").strip().lower()
        return proved if proved and proved.lower() == asked else None

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)
