"""Where consumers live: states by population, and within a state each of its ordinary ZIP codes."""

from collections import defaultdict
from collections.abc import Iterator

import zipcodes

ROWS = 200_000  # a place is drawn by number: a state has as many numbers as its share of the population

# Residents in hundreds of thousands, by the Census Bureau's 2023 estimates.
RESIDENTS = {
    "CA": 390, "TX": 305, "FL": 226, "NY": 196, "PA": 130, "IL": 125, "OH": 118, "GA": 110, "NC": 108, "MI": 100,
    "NJ": 93, "VA": 87, "WA": 78, "AZ": 74, "TN": 71, "MA": 70, "IN": 69, "MD": 62, "MO": 62, "WI": 59,
    "CO": 59, "MN": 57, "SC": 54, "AL": 51, "LA": 46, "KY": 45, "OR": 42, "OK": 41, "CT": 36, "UT": 34,
    "IA": 32, "NV": 32, "AR": 31, "KS": 29, "MS": 29, "NM": 21, "NE": 20, "ID": 20, "WV": 18, "HI": 14,
    "NH": 14, "ME": 14, "MT": 11, "RI": 11, "DE": 10, "SD": 9, "ND": 8, "AK": 7, "DC": 7, "VT": 6, "WY": 6,
}  # fmt: skip


def places() -> Iterator[tuple[int, str, str]]:
    """Yield number, state and ZIP code, numbered from 0, state by state."""
    zips = _ordinary_zips()
    number, people = 0, sum(RESIDENTS.values())
    for state, residents in RESIDENTS.items():
        for place in range(ROWS * residents // people):
            yield number, state, zips[state][place % len(zips[state])]
            number += 1


def _ordinary_zips() -> dict[str, list[str]]:
    """Leave out ZIP codes of post-office boxes and of single companies."""
    found = defaultdict(list)
    for row in zipcodes.list_all():
        if row["zip_code_type"] == "STANDARD":
            found[row["state"]].append(row["zip_code"])
    return found
