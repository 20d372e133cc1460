import json
import logging

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse, JsonResponse
from django.urls import path

from marketplace.ops import logs

CANARY = "canary" + "-row"  # in two parts: a traceback shows the source line


def fine(request):
    return HttpResponse("<p>fine")


def broken(request, token):
    phone = "(212) 555-0187"
    raise ValueError(f"no lead for ann.canary@mail.test at {phone}")


urlpatterns = [
    path("fine/", fine, name="fine"),
    path("api/", lambda request: JsonResponse({}), name="api"),
    path("health/live/", fine),
    path("reset/<token>/", broken, name="reset"),
]
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def lines(settings, capsys):
    """Return what a production process would have written to standard error."""
    logs.configure({"level": "INFO", "json": True})

    def read():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield read
    logs.configure(settings.LOGGING)


def only(events):
    assert len(events) == 1
    return events[0]


def test_a_request_is_one_line_with_its_route_and_no_query(client, lines):
    answer = client.get("/fine/?q=ann.canary@mail.test", headers={"X-Request-ID": "abcdef-123456"})

    event = only(lines())
    assert (event["event"], event["status"], event["level"], event["user"]) == ("GET fine", 200, "info", None)
    assert (event["request_id"], answer["X-Request-ID"]) == ("abcdef-123456", "abcdef-123456")
    assert isinstance(event["ms"], int)
    assert "canary" not in json.dumps(event)


def test_a_request_id_that_is_none_is_replaced(client, lines):
    answer = client.get("/fine/", headers={"X-Request-ID": "<script>"})

    assert len(answer["X-Request-ID"]) == 32
    assert only(lines())["request_id"] == answer["X-Request-ID"]


def test_health_checks_are_not_logged(client, lines):
    client.get("/health/live/")

    assert lines() == []


def test_an_error_tells_where_but_not_whom(client, lines):
    client.raise_request_exception = False
    client.get("/reset/canary-token/?phone=2125550187")

    error, request = lines()
    assert (request["event"], request["status"], request["level"]) == ("GET reset", 500, "error")
    assert "in broken" in error["exception"]
    assert error["exception"].endswith("builtins.ValueError: no lead for <email> at <phone>\n")
    assert error["request_id"] == request["request_id"]
    assert error["event"] == "Internal Server Error"
    assert "2125550187" not in json.dumps([error, request])
    assert "canary@" not in json.dumps([error, request])
    assert "canary-token" not in json.dumps([error, request])


@pytest.mark.django_db
def test_a_database_error_is_told_without_the_row(lines):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE people (email text CONSTRAINT one_each UNIQUE)")
            cursor.executemany("INSERT INTO people VALUES (%s)", [[CANARY], [CANARY]])
    except IntegrityError:
        logging.getLogger("marketplace").exception("could not save")

    told = only(lines())["exception"]
    assert 'UniqueViolation: duplicate key value violates unique constraint "one_each"\n' in told
    assert "Key (email)" not in told
    assert "canary-row" not in told


def test_a_refused_value_is_not_repeated():
    assert logs.what_it_says(psycopg.errors.InvalidTextRepresentation('for integer: "canary"')) == (
        "the database refused a value"
    )


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ann@mail.test wrote", "<email> wrote"),
        ("call +1 (212) 555-0187 now", "call <phone> now"),
        ("call 212.555.0187", "call <phone>"),
        ("call +12125550187", "call <phone>"),
        ("lead 8f14e45f-ceea-467f-9a36-dedd4bea2543", "lead 8f14e45f-ceea-467f-9a36-dedd4bea2543"),
        ("took 2026-11-22 10:25:37 rows 1000000", "took 2026-11-22 10:25:37 rows 1000000"),
    ],
)
def test_people_are_masked(text, masked):
    assert logs.mask_people(None, "info", {"event": text}) == {"event": masked}


def test_a_person_at_a_terminal_reads_short_lines():
    event = {"timestamp": "10:00:00", "level": "warning", "logger": "x", "event": "slow", "ms": 900, "user": None}

    assert logs.in_one_line(None, "warning", event) == "10:00:00 WARNING slow ms=900"
