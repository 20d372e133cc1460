"""Counts for each filter: how many leads a further choice would leave. Small groups are not counted."""

from collections.abc import Iterator
from typing import Any

from leads.criteria.filter_fields import FilterField
from marketplace.api import examples
from marketplace.api.serializers import COUNT
from marketplace.inventory.facets import Counts, Histogram
from marketplace.inventory.small_counts import masked

_CHOICE = {"value": {"type": "string"}, "label": {"type": "string"}, "count": COUNT}
_BAR = {"from": {"type": "number"}, "to": {"type": "number", "nullable": True}, "count": COUNT}
_BAND = {**_BAR, "tier_cents": {"type": "integer", "nullable": True}}
FACETS = {
    "type": "object",
    "additionalProperties": {
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "object", "title": title, "properties": shape, "required": list(shape)}
                for title, shape in {"Choice": _CHOICE, "Amount": _BAR, "Age": _BAND}.items()
            ]
        },
    },
    "example": examples.FACETS,
    "description": "By field: choices with their counts; amounts and ages as bars from–to, open where “to” is null.",
}
YES_NO = {"true": "Yes", "false": "No"}


def facets_of(filter_fields: dict[str, FilterField], counts: Counts) -> dict[str, list[dict[str, Any]]]:
    """Field to its rows, as FACETS describes them."""
    closed = [
        filter_field
        for filter_field in filter_fields.values()
        if filter_field.choices or filter_field.kind == "is" or filter_field.name == "times_sold"
    ]
    facets = {
        filter_field.name: list(_choices(filter_field, counts.choices.get(filter_field.name, {})))
        for filter_field in closed
    }
    facets |= {name: list(_bars(histogram)) for name, histogram in counts.histograms.items()}
    facets["age_days"] = [
        {"from": band.from_day, "to": band.to_day, "count": masked(band.offered), "tier_cents": band.price_cents}
        for band in counts.bands
    ]
    return facets


def _choices(filter_field: FilterField, found: dict[str, int]) -> Iterator[dict[str, Any]]:
    labels = filter_field.choices or (
        YES_NO if filter_field.kind == "is" else {value: value for value in sorted(found)}
    )
    for value, label in labels.items():
        if quantity := found.get(value):
            yield {"value": value, "label": label, "count": masked(quantity)}


def _bars(histogram: Histogram) -> Iterator[dict[str, Any]]:
    step = (histogram.high - histogram.low) / len(histogram.bars)
    for number, quantity in enumerate(histogram.bars):
        last = number + 1 == len(histogram.bars)
        low, high = histogram.low + number * step, histogram.low + (number + 1) * step
        yield {"from": round(low, 2), "to": None if last else round(high, 2), "count": masked(quantity)}
