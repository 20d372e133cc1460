import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch

from marketplace.middleware import PrivateResponseMiddleware


class Person:
    is_authenticated = True


def answered(response, *, user=None, method="get", route="page", **more):
    request = getattr(RequestFactory(), method)("/", **more)
    request.user = user or AnonymousUser()
    request.resolver_match = ResolverMatch(None, (), {}, url_name=route)
    return PrivateResponseMiddleware(lambda _: response)(request)


def test_a_stranger_s_page_may_be_kept():
    assert "Cache-Control" not in answered(HttpResponse())


def test_a_page_of_somebody_logged_in_is_not_kept():
    assert answered(HttpResponse(), user=Person())["Cache-Control"] == "no-store"


def test_an_answer_to_an_api_key_is_not_kept():
    response = answered(JsonResponse({}), headers={"Authorization": "Api-Key x"})

    assert response["Cache-Control"] == "no-store"


def test_a_request_whose_user_the_api_took_away_is_answered():
    request = RequestFactory().get("/")
    request.user = None

    assert "Cache-Control" not in PrivateResponseMiddleware(lambda _: HttpResponse())(request)


def test_a_view_s_own_rule_stays():
    response = HttpResponse(headers={"Cache-Control": "private, max-age=5"})

    assert answered(response, user=Person())["Cache-Control"] == "private, max-age=5"


@pytest.mark.parametrize(
    ("response", "vary"),
    [
        (HttpResponse(), "HX-Request"),
        (HttpResponse(headers={"Vary": "Cookie"}), "Cookie, HX-Request"),
        (StreamingHttpResponse(["<p>"]), "HX-Request"),
        (JsonResponse({}), None),
    ],
)
def test_pages_vary_on_htmx(response, vary):
    assert answered(response).get("Vary") == vary


def test_every_answer_is_closed_to_others_and_to_devices():
    response = answered(JsonResponse({}))

    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    policy = dict(part.split("=") for part in response["Permissions-Policy"].split(", "))
    assert policy.pop("publickey-credentials-get") == "(self)"
    assert policy.pop("publickey-credentials-create") == "(self)"
    assert set(policy.values()) == {"()"}
    assert {"camera", "geolocation", "microphone", "payment", "usb"} <= set(policy)


@pytest.mark.parametrize(
    ("method", "route", "cleared"),
    [
        ("post", "account_logout", '"cache", "storage"'),
        ("get", "account_logout", None),
        ("post", "page", None),
    ],
)
def test_logging_out_clears_the_browser(method, route, cleared):
    assert answered(HttpResponse(), method=method, route=route).get("Clear-Site-Data") == cleared
