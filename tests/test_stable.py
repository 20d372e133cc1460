"""What other programs count on stays as docs/stable.md describes it."""

import io
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand

from leads.management.commands import import_leads
from marketplace.audit import CHECKS, Violation
from marketplace.management.commands.demo import Command as Demo
from marketplace.ops.demo.accounts import Login
from tests.leads.intake.importing.files import ZONE, as_csv, row

PROJECT = Path(__file__).resolve().parent.parent
PAGE = (PROJECT / "docs" / "stable.md").read_text()


def shown(start):
    """Return the keys of the JSON that the page shows after this heading."""
    text = PAGE[PAGE.index(start) :].split("\n## ")[0]
    return re.findall(r'"(\w+)":', "".join(line for line in text.splitlines() if line.startswith("    ")))


def manage(*words):
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=PROJECT, capture_output=True, text=True, env=os.environ, check=False
    )


@pytest.mark.parametrize("command", ["demo", "test", "lint", "bench"])
def test_make_knows_its_commands(command):
    asked = ["make", "--dry-run", command]

    assert subprocess.run(asked, cwd=PROJECT, capture_output=True, check=False).returncode == 0
    assert f"`make {command}`" in PAGE


def test_port_moves_the_market_and_the_stand_in():
    code = "from django.conf import settings as s; print(s.PORT, s.SITE_URL, s.STRIPE_STAND_IN_PORT)"
    environment = {**os.environ, "PORT": "8123", "DJANGO_SETTINGS_MODULE": "marketplace.settings"}
    for name in ("SITE_URL", "STRIPE_STAND_IN_PORT"):
        environment.pop(name, None)

    said = subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, env=environment, text=True)

    assert said.split() == ["8123", "http://localhost:8123", "8124"]


def test_the_file_of_the_demo_has_the_keys_of_the_page(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    demo = Demo()
    demo.address = "http://localhost:8000"
    demo.accounts = [Login(role="administrator", email="a@example.com", password="secret", api_key=None)]

    demo.keep_accounts()

    file = tmp_path / "demo.json"
    kept = json.loads(file.read_text())
    assert [*kept, *kept["accounts"][0]] == shown("## `var/demo.json`")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_import_has_the_options_of_the_page():
    parser = import_leads.Command().create_parser("manage.py", "import_leads")
    everyones = {
        word for action in BaseCommand().create_parser("manage.py", "x")._actions for word in action.option_strings
    }
    own = [action for action in parser._actions if not set(action.option_strings) & everyones]

    assert {(action.option_strings or [action.dest])[0]: action.required for action in own} == {
        "file": True,
        "--source": True,
        "--vertical": True,
        "--timezone": True,
        "--dry-run": False,
        "--report": False,
        "--consent-text": False,
        "--legs": False,
        "--map": False,
    }
    assert set(re.findall(r"--[a-z-]+", PAGE)) >= {word for action in own for word in action.option_strings}


def test_the_import_ends_with_the_counts_of_the_page(market, tmp_path):
    path, out = tmp_path / "leads.csv", io.StringIO()
    path.write_bytes(as_csv([row(1), row(1)]))

    asked = {"source": market.source.slug, "vertical": market.vertical.slug, "timezone": ZONE}
    call_command("import_leads", str(path), stdout=out, stderr=io.StringIO(), **asked)

    said = json.loads(out.getvalue().splitlines()[-1])
    assert list(said) == shown("## `manage.py import_leads FILE`")
    assert said["rows"] == sum(said.values()) - said["rows"] == 2


def test_an_import_without_its_options_ends_with_two():
    assert manage("import_leads", "nothing.csv").returncode == 2


def test_the_audit_prints_one_line_with_the_keys_of_the_page(market, capsys):
    call_command("audit_invariants", json=True)

    (line,) = capsys.readouterr().out.splitlines()
    assert [*json.loads(line), *(one.name for one in fields(Violation))] == shown("## `manage.py audit")
    assert json.loads(line)["checks"] == len(CHECKS)
