"""The price curves a new market starts with, from ``curves.json``: an estimate, to be corrected by what sells.

``published`` lists the prices in published tables by age, if any, in cents; the curve agrees with them at those ages.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from leads.models import Vertical
from marketplace.models import PriceCurve, PriceTier, VolumeStep

CURVES = Path(__file__).parent / "curves.json"


def read_curves() -> dict[str, Any]:
    """Return ``multipliers``, ``volume``, and ``curves`` by vertical slug."""
    curves: dict[str, Any] = json.loads(CURVES.read_text())
    return curves


@transaction.atomic
def load_curves(*, effective_at: datetime) -> list[str]:
    """Create a first curve for each vertical that has none. Return a sentence for each curve created."""
    starting = read_curves()
    bare = Vertical.objects.filter(slug__in=starting["curves"], curves=None)
    return [_load(vertical, starting, effective_at) for vertical in bare]


def _load(vertical: Vertical, starting: dict[str, Any], effective_at: datetime) -> str:
    entry = starting["curves"][vertical.slug]
    curve = PriceCurve.objects.create(
        vertical=vertical,
        version=1,
        effective_at=effective_at,
        floor_cents=entry["floor_cents"],
        note=entry["note"],
        **starting["multipliers"],
    )
    PriceTier.objects.bulk_create(PriceTier(curve=curve, from_day=day, cents=cents) for day, cents in entry["tiers"])
    VolumeStep.objects.bulk_create(
        VolumeStep(curve=curve, from_quantity=int(quantity), multiplier=share)
        for quantity, share in starting["volume"].items()
    )
    return f"{vertical}: starts at {entry['tiers'][0][1]} cents, falls to {entry['tiers'][-1][1]} cents"
