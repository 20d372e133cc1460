"""What is out there stays valid: no released migration changes, there is one newest, and old databases come along."""

import gzip
import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from tests.released.make import FOLDER, PROJECT, migrations

RELEASES = sorted(path.stem for path in FOLDER.glob("*.json"))


def run(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("version", RELEASES)
def test_no_released_migration_was_edited_or_removed(version):
    released, today = json.loads((FOLDER / f"{version}.json").read_text()), migrations()

    assert {path: today.get(path) for path in released} == released


def test_each_app_has_one_newest_migration():
    loader = MigrationLoader(None, ignore_no_migrations=True)

    assert loader.detect_conflicts() == {}


@pytest.fixture
def empty_database(django_db_setup, django_db_blocker, worker_id):
    """The address of a database of its own beside the tests' own."""
    name = f"released_{worker_id}"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
        yield name
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize("version", RELEASES)
def test_a_database_of_that_release_migrates_with_its_data(empty_database, version):
    of = connection.settings_dict
    psql = [settings.EMBEDDED_CLUSTER.programs.directory / "psql", "--quiet", "--set=ON_ERROR_STOP=1"]
    address = {"PGHOST": of["HOST"], "PGPORT": of["PORT"] or "5432", "PGUSER": of["USER"], "PGPASSWORD": of["PASSWORD"]}
    dump = gzip.decompress((FOLDER / f"{version}.sql.gz").read_bytes())
    subprocess.run(psql, input=dump, env={**address, "PGDATABASE": empty_database}, check=True, capture_output=True)

    url = f"postgresql:///{empty_database}?host={of['HOST']}&user={of['USER']}&password={of['PASSWORD']}"
    environment = {"DATABASE_URL": url, "MODE": "test"}
    run("migrate", "--verbosity=0", **environment)

    assert json.loads(run("audit_invariants", "--json", **environment))["violations"] == []
    counts = run("shell", "-c", "from leads.models import Lead; print(Lead.objects.count())", **environment)
    assert counts.strip().endswith("120")
