"""The filter rail: every facet with its choices, what each would leave, and what is chosen now."""

from dataclasses import dataclass, field

from django.http import QueryDict

from leads.criteria.filter_fields import Want
from leads.criteria.filters import parameters_of
from marketplace.inventory.facets import Counts
from marketplace.inventory.masking import masked, masked_text

SHOWN_CHOICES = 8
BAR_HEIGHT = 44.0
FIRST = ["age_days"]
LAST = ["channels", "phone_type", "near", "zip_prefix", "postal_code"]
PROVENANCE = ["times_sold", "evidence", "grade", "kind", "incentive"]
UNSHOWN = {"price", "legs_left"}
TIMES_SOLD = [(0, "never"), (1, "1"), (2, "2"), (3, "3"), (4, "4")]


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count_text: str
    share: float
    checked: bool
    empty: bool


@dataclass(frozen=True)
class Facet:
    """One fieldset of the rail. ``kind`` chooses how it is drawn: choices, segments, span, near or text."""

    name: str
    label: str
    kind: str
    note: str = ""
    choices: list[Choice] = field(default_factory=list)
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
    def first_choices(self) -> list[Choice]:
        return self.choices[:SHOWN_CHOICES]

    @property
    def more_choices(self) -> list[Choice]:
        return self.choices[SHOWN_CHOICES:]

    @property
    def is_set(self) -> bool:
        return bool(self.low or self.high or self.text or any(choice.checked for choice in self.choices))


def rail_of(wants: dict[str, Want], counts: Counts, data: QueryDict) -> list[Facet]:
    """The facets in the order in which a buyer thinks: age, what is wanted, where, how it came about, how to reach."""
    own = [name for name in wants if name not in {*FIRST, *LAST, *PROVENANCE, *UNSHOWN, "state"}]
    order = [*FIRST, *own[:1], "state", *own[1:2], *PROVENANCE, *own[2:], *LAST]
    return [_facet(wants[name], counts, data) for name in order]


def _facet(want: Want, counts: Counts, data: QueryDict) -> Facet:
    if want.name == "times_sold":
        return _times_sold(want, counts, data)
    if want.kind == "span":
        return _span(want, counts, data)
    if want.kind == "near":
        return Facet("near", want.label, "near", text=data.get("near", ""), miles=data.get("miles", ""))
    if want.kind in ("in", "has") and want.choices is None:
        return Facet(want.name, want.label, "text", text=data.get(want.name, ""))
    return _choosing(want, counts, data)


def _choosing(want: Want, counts: Counts, data: QueryDict) -> Facet:
    found = counts.choices.get(want.name, {})
    labels = want.choices or {"true": "Yes", "false": "No"}
    chosen = set(data.getlist(want.name))
    most = max(found.values(), default=0) or 1
    choices = [_choice(value, label, found.get(value, 0), most, value in chosen) for value, label in labels.items()]
    if want.name == "state":
        choices = sorted((c for c in choices if not c.empty or c.checked), key=lambda c: -found.get(c.value, 0))
    note = f"{len(chosen)} of {len(choices)}" if chosen and len(choices) > SHOWN_CHOICES else ""
    return Facet(want.name, want.label, "choices", note, choices, multiple=want.kind != "is")


def _choice(value: str, label: str, quantity: int, most: int, checked: bool) -> Choice:
    share = 0.0 if isinstance(masked(quantity), str) else round(100 * quantity / most, 1)
    return Choice(value, label, masked_text(quantity), share, checked, quantity == 0)


def _times_sold(want: Want, counts: Counts, data: QueryDict) -> Facet:
    """Sold before, at most so often: a choice counts all that were sold that often or less."""
    found = {int(times): quantity for times, quantity in counts.choices.get("times_sold", {}).items()}
    chosen = data.get("times_sold_max", "")
    choices = []
    for most, label in TIMES_SOLD:
        quantity = sum(quantity for times, quantity in found.items() if times <= most)
        choices.append(Choice(str(most), label, masked_text(quantity), 0.0, chosen == str(most), quantity == 0))
    return Facet(
        "times_sold_max", "Sold before, at most", "segments", f"{masked_text(found.get(0, 0))} never sold", choices
    )


def _span(want: Want, counts: Counts, data: QueryDict) -> Facet:
    low_name, high_name = parameters_of(want)
    histogram = counts.histograms.get(want.name)
    return Facet(
        low_name.removesuffix("_min"),
        want.label,
        "span",
        bars=_drawn(_quantities(want, counts)),
        low=data.get(low_name, ""),
        high=data.get(high_name, ""),
        bounds=(histogram.low, histogram.high) if histogram else None,
        unit=want.unit,
        is_date=want.is_date,
    )


def _quantities(want: Want, counts: Counts) -> list[int]:
    if want.name == "age_days":
        return [band.offered for band in counts.bands]
    histogram = counts.histograms.get(want.name)
    return histogram.bars if histogram else []


def _drawn(quantities: list[int]) -> str:
    """The bars as one SVG path in a box of 100 by ``BAR_HEIGHT``."""
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
