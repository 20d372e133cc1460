from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from buyers.companies.authentication import ApiKeyAuthentication, HasBuyer
from buyers.companies.keys import create_key, revoke_key
from buyers.models import ApiKey, Buyer

pytestmark = pytest.mark.django_db


class WhoAmI(APIView):
    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasBuyer]
    throttle_classes = []

    def get_exception_handler(self):
        return exception_handler

    def get(self, request):
        return Response({"company": request.auth.buyer.legal_name, "user": request.user})


def ask(header=None, **extra):
    headers = {"Authorization": header} if header is not None else {}
    return WhoAmI.as_view()(RequestFactory().get("/", headers=headers, **extra))


@pytest.fixture
def key(company, owner):
    return create_key(buyer=company, name="import", created_by=owner)


@pytest.mark.parametrize("scheme", ["Api-Key", "api-key"])
def test_a_key_speaks_for_its_company_and_for_no_person(key, scheme):
    response = ask(f"{scheme} {key[1]}")

    assert (response.status_code, response.data) == (200, {"company": "Miller LLC", "user": None})


def refused(response):
    return response.status_code, response["WWW-Authenticate"], str(response.data["detail"])


BAD = (401, 'Api-Key realm="api"', "This API key is invalid or no longer works.")
NONE = (401, 'Api-Key realm="api"', "Authentication credentials were not provided.")


@pytest.mark.parametrize("text", ["rem_wrong", "", "x y", "rem_" + "a" * 5000, "clé"])
def test_a_wrong_key_is_refused(key, text):
    assert refused(ask(f"Api-Key {text}")) == BAD


def test_half_a_key_is_refused(key):
    assert refused(ask(f"Api-Key {key[0].prefix}")) == BAD


def test_the_stored_digest_is_no_key(key):
    assert refused(ask(f"Api-Key {key[0].digest}")) == BAD


def test_a_revoked_key_is_refused_like_an_unknown_one(key, now):
    revoke_key(key=key[0], now=now)

    assert refused(ask(f"Api-Key {key[1]}")) == BAD
    assert ApiKey.objects.get().last_used_at is None


def test_a_closed_company_s_key_is_refused_like_an_unknown_one(key, now):
    Buyer.objects.update(closed_at=now)

    assert refused(ask(f"Api-Key {key[1]}")) == BAD
    assert ApiKey.objects.get().last_used_at is None


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "Token"])
def test_other_schemes_are_nobody(key, scheme):
    assert refused(ask(f"{scheme} {key[1]}")) == NONE


def test_without_a_key_nobody_is_there():
    assert refused(ask()) == NONE


def test_use_is_noted_to_the_minute(key, now):
    record = key[0]

    record.note_use(now)
    ApiKey.objects.get().note_use(now + timedelta(seconds=60))
    assert ApiKey.objects.get().last_used_at == now

    ApiKey.objects.get().note_use(now + timedelta(seconds=61))
    assert ApiKey.objects.get().last_used_at == now + timedelta(seconds=61)


def test_a_used_key_says_when(key):
    ask(f"Api-Key {key[1]}")

    assert ApiKey.objects.get().last_used_at is not None


def test_the_schema_describes_the_scheme():

    schema = SchemaGenerator(patterns=[path("me/", WhoAmI.as_view())]).get_schema(request=None, public=True)

    assert schema["components"]["securitySchemes"]["ApiKey"]["name"] == "Authorization"
    assert schema["paths"]["/me/"]["get"]["security"] == [{"ApiKey": []}]
