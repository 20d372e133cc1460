"""The inventory in separate processes: killed while they load or build, and in agreement while it changes."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from leads.people.privacy import withdraw_lead
from marketplace.inventory import builder, startup
from marketplace.models import InventorySnapshot
from tests.factories import make_market

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def large_shelves_in_one_place(monkeypatch, settings, tmp_path):
    monkeypatch.setattr(startup, "SMALL", 0)
    settings.VAR_DIR = tmp_path
    kept = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(tmp_path / "inventory")},
    }
    settings.STORAGES = {**settings.STORAGES, "inventory": kept}


@contextmanager
def process(*words):
    of = connection.settings_dict
    address = f"{quote(of['USER'])}:{quote(of['PASSWORD'])}@{quote(of['HOST'], safe='')}:{of['PORT'] or 5432}"
    ours = {
        "DATABASE_URL": f"postgresql://{address}/{quote(of['NAME'])}",
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "MODE": "demo",
        "VAR_DIR": str(settings.VAR_DIR),
        "LOG_LEVEL": "ERROR",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.shelf", *words],
        cwd=settings.BASE_DIR,
        env={**os.environ, **ours},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as one:
        try:
            yield one
        finally:
            one.kill()


def said(one):
    return one.stdout.readline().strip()


def killed_in_the_middle(*words):
    with process(*words, "pause") as one:
        assert said(one) == "in the middle"


def test_a_process_killed_while_it_loads_is_followed_by_one_that_answers():
    market = make_market()
    leads = market.leads(3)
    builder.build()

    killed_in_the_middle("load")

    with process("load") as next_one:
        assert json.loads(said(next_one)) == [lead.pk for lead in leads]
    assert InventorySnapshot.objects.get().status == "ready"


def test_a_builder_killed_at_the_end_leaves_nothing_that_is_taken_for_a_snapshot(tmp_path):
    market = make_market()
    market.leads(3)

    killed_in_the_middle("build")

    row = InventorySnapshot.objects.get()
    assert row.status == "building"
    assert not (tmp_path / "inventory" / row.name).exists()
    assert builder.build() is None
    built = builder.build_due(clock=lambda: timezone.now() + timedelta(minutes=6))
    assert built.status == "ready"
    with process("load") as one:
        assert len(json.loads(said(one))) == 3


def test_two_processes_agree_after_every_change():
    market = make_market()
    market.leads(4)
    builder.build()

    with process("serve") as first, process("serve") as second:
        both = (first, second)
        assert [said(one) for one in both] == ["ready", "ready"]
        for step in range(6):
            if step % 2:
                withdraw_lead(market.lead(), timezone.now())
            kept = market.lead()
            answers = []
            for one in both:
                one.stdin.write("?\n")
                one.stdin.flush()
                answers.append(json.loads(said(one)))
            assert answers[0] == answers[1]
            assert kept.pk in answers[0]
            assert len(answers[0]) == 5 + step
