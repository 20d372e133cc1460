"""How a program authenticates: ``Authorization: Api-Key …``. The API ignores sessions and cookies."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from buyers.models import ApiKey

SCHEME = "Api-Key"
# One message for every bad key: only its owner may know whether it was revoked or its company closed.
BAD_KEY = "This API key is invalid or no longer works."


class ApiKeyAuthentication(BaseAuthentication):
    """A live key sets ``request.auth`` to its ApiKey; ``request.auth.buyer`` is the company. ``request.user`` is None:
    a key belongs to a company, not a person. Without a key, HasBuyer responds with a 401.
    """

    def authenticate(self, request: Request) -> tuple[None, ApiKey] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        key = ApiKey.objects.live().matching(text.strip()).select_related("buyer").first()
        if key is None:
            raise AuthenticationFailed(BAD_KEY)
        key.note_use(timezone.now())
        return None, key

    def authenticate_header(self, request: Request) -> str:
        """Return the scheme, which makes the refusal a 401 that names it."""
        return f'{SCHEME} realm="api"'


class HasBuyer(BasePermission):
    """Require a company's API key."""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, ApiKey)
