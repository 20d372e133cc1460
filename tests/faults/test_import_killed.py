"""An import killed in the middle ends with the same result as one that is not."""

import json
import os
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from leads.models import Contact, ImportRun, Lead, Leg
from tests.factories import make_market
from tests.leads.intake.importing.files import ZONE, as_csv, row

ROWS = 6_000
PATIENCE = 60


def start(market, path):
    """Run the command as an operator does, on the test's database."""
    of = connection.settings_dict
    address = f"{quote(of['USER'])}:{quote(of['PASSWORD'])}@{quote(of['HOST'], safe='')}:{of['PORT'] or 5432}"
    return subprocess.Popen(
        [
            *(sys.executable, "manage.py", "import_leads", str(path), "--timezone", ZONE, "--skip-checks"),
            *("--source", market.source.slug, "--vertical", market.vertical.slug),
        ],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": f"postgresql://{address}/{quote(of['NAME'])}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_on_the_way(process):
    """Kill -9 once some rows are imported and others are not."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if ImportRun.objects.filter(rows_read__gt=0).exists():
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()


def counts_of(process):
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err.decode()
    return json.loads(out.decode().splitlines()[-1])


@pytest.mark.django_db(transaction=True)
def test_an_import_killed_in_the_middle_goes_on_where_it_stopped(tmp_path):
    market = make_market()
    path = tmp_path / "requests.csv"
    requests = [row(number, Phone="") for number in range(ROWS - 3)]
    path.write_bytes(as_csv([*requests, row(ROWS, Purpose="boat"), row(ROWS, SubmittedAt="n/a"), requests[0]]))

    kill_on_the_way(start(market, path))
    run = ImportRun.objects.get()
    assert run.status == ImportRun.Status.RUNNING
    assert 0 < run.rows_read < ROWS
    assert Lead.objects.count() == Contact.objects.count() == run.rows_read

    said = counts_of(start(market, path))

    assert said == {"rows": ROWS, "taken": ROWS - 3, "flagged": 1, "refused": 1, "duplicates": 1}
    assert ImportRun.objects.get().status == ImportRun.Status.DONE
    assert Lead.objects.count() == Contact.objects.count() == ROWS - 2
    assert Leg.objects.count() == 4 * (ROWS - 2)
    assert run.problems.count() == 3
