"""Server errors: a page for people, JSON for programs, and never the details."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import server_error as error_page

BROKEN = {"code": "broken", "message": "Something went wrong on our side and nothing changed. Try again.", "fields": {}}


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(BROKEN, status=500)
    return error_page(request)
