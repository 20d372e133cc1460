"""When something of ours broke: a page for people, JSON for programs, and never what broke."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import server_error as error_page

BROKEN = {"code": "broken", "message": "Something of ours broke. Nothing half was done; try again.", "fields": {}}


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(BROKEN, status=500)
    return error_page(request)
