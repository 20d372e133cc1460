"""How a program says who it is: ``Authorization: Api-Key …``. Sessions and cookies mean nothing to the API."""

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from buyers.models import ApiKey

SCHEME = "Api-Key"
# One answer for every bad key: whether it was revoked, or its company closed, is nobody's business but the owner's.
BAD_KEY = "This API key is unknown or no longer works."


class ApiKeyAuthentication(BaseAuthentication):
    """A live key sets ``request.auth`` to its ApiKey; ``request.auth.buyer`` is who acts. ``request.user`` is None:
    a key stands for a company, not for a person. Without a key nobody is there, and HasBuyer answers 401.
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
        """Makes the refusal a 401 that names the scheme."""
        return f'{SCHEME} realm="api"'


class HasBuyer(BasePermission):
    """A key of a company was shown."""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, ApiKey)
