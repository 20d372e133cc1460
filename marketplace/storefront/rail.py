"""The filter rail: every facet with its choices, how many leads match each, and what is selected."""

from dataclasses import dataclass, field

from django.http import QueryDict

from leads.criteria.filter_fields import FilterField
from leads.criteria.filters import parameters_of
from marketplace.inventory.facets import Counts
from marketplace.inventory.small_counts import masked, masked_text

SHOWN_CHOICES = 8
BAR_HEIGHT = 44.0
FIRST = ["age_days"]
LAST = ["channels", "phone_type", "near", "zip_prefix", "postal_code"]
PROVENANCE = ["times_sold", "proof", "grade", "source_kind", "incentive"]
UNSHOWN = {"price", "legs_left"}
TIMES_SOLD = [(0, "never"), (1, "1"), (2, "2"), (3, "3"), (4, "4")]


@dataclass(frozen=True)
class FacetChoice:
    value: str
    label: str
    count_text: str
    share: float
    checked: bool
    empty: bool


@dataclass(frozen=True)
class Facet:
    """One fieldset of the rail. ``kind`` decides how it is drawn: choices, segments, span, near or text."""

    name: str
    label: str
    kind: str
    note: str = ""
    choices: list[FacetChoice] = field(default_factory=list)
    bars: str = ""
    low: str = ""
    high: str = ""
    bounds: tuple[float, float] | None = None
    unit: str = ""
    is_date: bool = False
    multiple: bool = True
    text: str = ""
    miles: str = ""

    @property
    def first_choices(self) -> list[FacetChoice]:
        return self.choices[:SHOWN_CHOICES]

    @property
    def more_choices(self) -> list[FacetChoice]:
        return self.choices[SHOWN_CHOICES:]

    @property
    def is_set(self) -> bool:
        return bool(self.low or self.high or self.text or any(choice.checked for choice in self.choices))


def rail_of(filter_fields: dict[str, FilterField], counts: Counts, data: QueryDict) -> list[Facet]:
    """Return the facets in the order a buyer thinks: age, product, location, provenance, how to reach the person."""
    own = [name for name in filter_fields if name not in {*FIRST, *LAST, *PROVENANCE, *UNSHOWN, "state"}]
    order = [*FIRST, *own[:1], "state", *own[1:2], *PROVENANCE, *own[2:], *LAST]
    return [_facet(filter_fields[name], counts, data) for name in order]


def _facet(filter_field: FilterField, counts: Counts, data: QueryDict) -> Facet:
    if filter_field.name == "times_sold":
        return _times_sold(filter_field, counts, data)
    if filter_field.kind == "span":
        return _span(filter_field, counts, data)
    if filter_field.kind == "near":
        return Facet("near", filter_field.label, "near", text=data.get("near", ""), miles=data.get("miles", ""))
    if filter_field.kind in ("in", "has") and filter_field.choices is None:
        return Facet(filter_field.name, filter_field.label, "text", text=data.get(filter_field.name, ""))
    return _choosing(filter_field, counts, data)


def _choosing(filter_field: FilterField, counts: Counts, data: QueryDict) -> Facet:
    found = counts.choices.get(filter_field.name, {})
    labels = filter_field.choices or {"true": "Yes", "false": "No"}
    chosen = set(data.getlist(filter_field.name))
    most = max(found.values(), default=0) or 1
    choices = [_choice(value, label, found.get(value, 0), most, value in chosen) for value, label in labels.items()]
    if filter_field.name == "state":
        choices = sorted((c for c in choices if not c.empty or c.checked), key=lambda c: -found.get(c.value, 0))
    note = f"{len(chosen)} of {len(choices)}" if chosen and len(choices) > SHOWN_CHOICES else ""
    return Facet(filter_field.name, filter_field.label, "choices", note, choices, multiple=filter_field.kind != "is")


def _choice(value: str, label: str, quantity: int, most: int, checked: bool) -> FacetChoice:
    share = 0.0 if isinstance(masked(quantity), str) else round(100 * quantity / most, 1)
    return FacetChoice(value, label, masked_text(quantity), share, checked, quantity == 0)


def _times_sold(filter_field: FilterField, counts: Counts, data: QueryDict) -> Facet:
    """Return the facet for times sold, as a maximum: each choice counts leads sold that often or less."""
    found = {int(times): quantity for times, quantity in counts.choices.get("times_sold", {}).items()}
    chosen = data.get("times_sold_max", "")
    choices = []
    for most, label in TIMES_SOLD:
        quantity = sum(quantity for times, quantity in found.items() if times <= most)
        choices.append(FacetChoice(str(most), label, masked_text(quantity), 0.0, chosen == str(most), quantity == 0))
    return Facet(
        "times_sold_max", "Times sold, at most", "segments", f"{masked_text(found.get(0, 0))} never sold", choices
    )


def _span(filter_field: FilterField, counts: Counts, data: QueryDict) -> Facet:
    low_name, high_name = parameters_of(filter_field)
    histogram = counts.histograms.get(filter_field.name)
    return Facet(
        low_name.removesuffix("_min"),
        filter_field.label,
        "span",
        bars=_drawn(_quantities(filter_field, counts)),
        low=data.get(low_name, ""),
        high=data.get(high_name, ""),
        bounds=(histogram.low, histogram.high) if histogram else None,
        unit=filter_field.unit,
        is_date=filter_field.is_date,
    )


def _quantities(filter_field: FilterField, counts: Counts) -> list[int]:
    if filter_field.name == "age_days":
        return [band.offered for band in counts.bands]
    histogram = counts.histograms.get(filter_field.name)
    return histogram.bars if histogram else []


def _drawn(quantities: list[int]) -> str:
    """Return the bars as one SVG path in a box of 100 by ``BAR_HEIGHT``."""
    most = max(quantities, default=0) or 1
    width = 100 / max(1, len(quantities))
    tops = [_top(quantity, most) for quantity in quantities]
    return "".join(
        f"M{number * width:.2f} {BAR_HEIGHT:g}V{top:g}h{0.82 * width:.2f}V{BAR_HEIGHT:g}z"
        for number, top in enumerate(tops)
    )


def _top(quantity: int, most: int) -> float:
    shown = 0 if isinstance(masked(quantity), str) else quantity
    return round(BAR_HEIGHT - (BAR_HEIGHT - 2) * shown / most, 1)
