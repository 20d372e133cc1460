import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.urls import path

from marketplace.ops import health

pytestmark = pytest.mark.urls(__name__)
urlpatterns = [path("health/live/", health.live), path("health/ready/", health.ready)]


@pytest.fixture(autouse=True)
def forget_migrations():
    health._all_migrations_applied.cache_clear()
    yield
    health._all_migrations_applied.cache_clear()


def refuse(*_, **__):
    raise OperationalError('connection failed: role "remainder" with password "canary"')


def test_a_live_process_answers_without_a_database(client):
    answer = client.get("/health/live/")

    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_market_with_its_database_is_ready(client):
    answer = client.get("/health/ready/")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "database": True, "migrated": True, "queue": True}


@pytest.mark.django_db
def test_no_database_is_503_with_a_time_to_come_back(client, monkeypatch):
    monkeypatch.setattr(connection, "cursor", refuse)

    answer = client.get("/health/ready/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json() == {"status": "unavailable", "database": False, "migrated": False, "queue": False}
    assert b"canary" not in answer.content


@pytest.mark.django_db
def test_a_missing_migration_is_not_ready_until_it_is_there(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'buyers'")
    assert client.get("/health/ready/").status_code == 503

    MigrationRecorder(connection).record_applied("buyers", "0001_initial")
    assert client.get("/health/ready/").json()["migrated"] is True


@pytest.mark.django_db
def test_purchases_go_on_without_a_broker(client, settings, monkeypatch):
    settings.CELERY_BROKER_URL = "amqp://nowhere/"
    monkeypatch.setattr(health.app, "connection_for_write", refuse_broker)

    answer = client.get("/health/ready/")

    assert (answer.status_code, answer.json()["queue"]) == (200, False)


def refuse_broker(**_):
    raise ConnectionRefusedError


@pytest.mark.parametrize("address", ["/health/live/", "/health/ready/"])
def test_health_is_only_read(client, address):
    assert client.post(address).status_code == 405
