"""The return terms a new market starts with, from ``policies.json``; after that the operator edits them."""

import json
from pathlib import Path
from typing import Any

from django.db import transaction

from leads.models import Vertical
from marketplace.models import ReturnPolicy, ReturnReason

RETURNS = Path(__file__).parent / "policies.json"


def read_returns() -> dict[str, Any]:
    """Return ``reasons``, for all verticals unless they list their own, and ``policies`` by slug or ``otherwise``."""
    returns: dict[str, Any] = json.loads(RETURNS.read_text())
    return returns


@transaction.atomic
def load_returns() -> list[str]:
    """Create terms and reasons for each vertical that has no terms. Return a sentence for each."""
    starting = read_returns()
    return [_load(vertical, starting) for vertical in Vertical.objects.filter(return_policy=None)]


def _load(vertical: Vertical, starting: dict[str, Any]) -> str:
    terms = starting["policies"].get(vertical.slug, starting["otherwise"])
    policy = ReturnPolicy.objects.create(vertical=vertical, **terms)
    ReturnReason.objects.bulk_create(
        ReturnReason(vertical=vertical, position=position, **_fields(entry))
        for position, entry in enumerate(starting["reasons"])
        if vertical.slug in entry.get("verticals", [vertical.slug])
    )
    return f"{vertical}: {policy.in_words}"


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "verticals"}
