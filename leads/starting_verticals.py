"""The verticals that a new market starts with, from ``data/verticals.json``. After that, admins manage them."""

import json
from pathlib import Path
from typing import Any

from django.db import transaction

from leads.models import Vertical
from leads.models.vertical import add_schema_version
from leads.schema.fields import stored_form

CATALOGUE = Path(__file__).parent / "data" / "verticals.json"


def read_catalogue() -> list[dict[str, Any]]:
    """Return each vertical's settings, with its ``fields``."""
    verticals: list[dict[str, Any]] = json.loads(CATALOGUE.read_text())
    return verticals


@transaction.atomic
def load_verticals() -> list[str]:
    """Create missing verticals, and the first fields for those that have none.

    Existing ones stay as they are, even if they differ from the catalog. Return a sentence for each
    vertical that was created or that differs.
    """
    return [sentence for entry in read_catalogue() for sentence in _load(entry)]


def _load(entry: dict[str, Any]) -> list[str]:
    terms = {name: value for name, value in entry.items() if name != "fields"}
    vertical, created = Vertical.objects.get_or_create(slug=terms["slug"], defaults=terms)
    if vertical.newest_schema is None:
        add_schema_version(vertical, entry["fields"])
    if created:
        return [f"{vertical}: created"]
    changed = [name for name, value in terms.items() if getattr(vertical, name) != value]
    if vertical.newest_schema and vertical.newest_schema.fields != stored_form(entry["fields"]):
        changed.append("fields")
    return [f"{vertical}: kept its own {', '.join(changed)}"] if changed else []
