"""Places: what a ZIP code says about where somebody lives. The data ships in a package, so there are no network calls.

Loaded on first use (about a second), then kept for the life of the process.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Any

import zipcodes

STATES: dict[str, str] = {
    "AL": "Alabama",
    "AK": "Alaska",
    "AZ": "Arizona",
    "AR": "Arkansas",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DE": "Delaware",
    "DC": "District of Columbia",
    "FL": "Florida",
    "GA": "Georgia",
    "HI": "Hawaii",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "IA": "Iowa",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "ME": "Maine",
    "MD": "Maryland",
    "MA": "Massachusetts",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MS": "Mississippi",
    "MO": "Missouri",
    "MT": "Montana",
    "NE": "Nebraska",
    "NV": "Nevada",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NY": "New York",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VT": "Vermont",
    "VA": "Virginia",
    "WA": "Washington",
    "WV": "West Virginia",
    "WI": "Wisconsin",
    "WY": "Wyoming",
    "AS": "American Samoa",
    "GU": "Guam",
    "MP": "Northern Mariana Islands",
    "PR": "Puerto Rico",
    "VI": "U.S. Virgin Islands",
    "AA": "Armed Forces Americas",
    "AE": "Armed Forces Europe",
    "AP": "Armed Forces Pacific",
}
_CODES = {name.lower(): code for code, name in STATES.items()} | {code.lower(): code for code in STATES}

EARTH_MILES = 3958.8
MILES_A_DEGREE = 69.0  # of latitude, rounded down, so that the band below is never too narrow


@dataclass(frozen=True, slots=True)
class Place:
    """One ZIP code. ``spot`` is latitude and longitude, or None for military ones, which have no location."""

    postal_code: str
    state: str
    city: str
    spot: tuple[float, float] | None


def state_of(postal_code: str) -> str | None:
    """Return the two-letter state of a five-digit ZIP, or None if the ZIP does not exist."""
    place = _places().get(postal_code)
    return place.state if place else None


def city_of(postal_code: str) -> str | None:
    """Return the post office's city name for the ZIP, or None."""
    place = _places().get(postal_code)
    return place.city if place else None


def is_area_code(digits: str) -> bool:
    """Whether these three digits are an area code of any place with a ZIP code."""
    return digits in _area_codes()


def state_code(text: str) -> str | None:
    """Return ``TX`` for "tx", "Texas" and "TEXAS", or None for anything that is not a state."""
    return _CODES.get(" ".join(text.replace(".", "").lower().split()))


@lru_cache(maxsize=256)
def zips_within(postal_code: str, miles: float) -> frozenset[str]:
    """Return the ZIPs whose center is within this many miles, including the ZIP itself; empty if it does not exist."""
    center = _places().get(postal_code)
    if center is None:
        return frozenset()
    if center.spot is None:
        return frozenset({postal_code})
    north_to_south = _by_latitude()
    latitude = center.spot[0]
    reach = miles / MILES_A_DEGREE
    low = bisect_left(north_to_south, latitude - reach, key=_latitude)
    high = bisect_right(north_to_south, latitude + reach, key=_latitude)
    return frozenset(
        place.postal_code
        for place in north_to_south[low:high]
        if place.spot and _miles_between(center.spot, place.spot) <= miles
    )


def is_within(postal_code: str, center: str, miles: float) -> bool:
    """Whether the ZIP is in ``zips_within(center, miles)``, without finding the others."""
    place, middle = _places().get(postal_code), _places().get(center)
    if place is None or middle is None or middle.spot is None:
        return middle is not None and postal_code == center
    return place.spot is not None and _miles_between(middle.spot, place.spot) <= miles


def _latitude(place: Place) -> float:
    return place.spot[0] if place.spot else 0.0


def _miles_between(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the distance along the surface (haversine)."""
    latitude, longitude, other_latitude, other_longitude = map(radians, (*here, *there))
    half = sin((other_latitude - latitude) / 2) ** 2
    half += cos(latitude) * cos(other_latitude) * sin((other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_MILES * asin(min(1.0, sqrt(half)))


@lru_cache(maxsize=1)
def _places() -> dict[str, Place]:
    return {row["zip_code"]: _place(row) for row in zipcodes.list_all() if row["state"] in STATES}


@lru_cache(maxsize=1)
def _area_codes() -> frozenset[str]:
    return frozenset(code for row in zipcodes.list_all() if row["state"] in STATES for code in row["area_codes"])


@lru_cache(maxsize=1)
def _by_latitude() -> list[Place]:
    return sorted((place for place in _places().values() if place.spot), key=_latitude)


def _place(row: dict[str, Any]) -> Place:
    spot = (float(row["lat"]), float(row["long"])) if row["lat"] and row["long"] else None
    return Place(row["zip_code"], row["state"], row["city"], None if spot == (0.0, 0.0) else spot)
