"""Fictional people at real places: ZIP, city, state and area code match; phone numbers are reserved for fiction."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import zipcodes

from leads.models.contact import Person
from leads.people.identity import FICTIONAL_LINES

MADE_OF = json.loads((Path(__file__).parent / "people.json").read_text())
STREET_KINDS = ("Street", "Avenue", "Road", "Lane", "Drive", "Court")
DOMAINS = ("example.com", "example.org")


@dataclass(frozen=True)
class Resident:
    person: Person
    state: str
    postal_code: str


@dataclass(frozen=True)
class _Zip:
    postal_code: str
    city: str
    area_codes: tuple[str, ...]


def residents(chance: random.Random) -> Iterator[Resident]:
    """Yield people without end, each with a unique email, and with a unique phone while the area code has one left."""
    zips = _zips_by_state()
    states = list(MADE_OF["millions_by_state"])
    state_weights = list(accumulate(MADE_OF["millions_by_state"].values()))
    lines_given: Counter[str] = Counter()
    number = 0
    while True:
        number += 1
        [state] = chance.choices(states, cum_weights=state_weights)
        place = chance.choice(zips[state])
        phone = _next_phone(chance.choice(place.area_codes), lines_given)
        yield Resident(_person(chance, number, place, phone), state, place.postal_code)


def _next_phone(area_code: str, lines_given: Counter[str]) -> str:
    """Return the area code's next number reserved for fiction; empty if all are used."""
    line = FICTIONAL_LINES.start + lines_given[area_code]
    if line not in FICTIONAL_LINES:
        return ""
    lines_given[area_code] += 1
    return f"+1{area_code}555{line:04}"


def _person(chance: random.Random, number: int, place: _Zip, phone: str) -> Person:
    first, last = chance.choice(MADE_OF["first_names"]), chance.choice(MADE_OF["last_names"])
    return Person(
        first_name=first,
        last_name=last,
        phone=phone,
        email=f"{first}.{last}{number}@{chance.choice(DOMAINS)}".lower(),
        street=f"{chance.randrange(1, 9900)} {chance.choice(MADE_OF['streets'])} {chance.choice(STREET_KINDS)}",
        city=place.city,
    )


def _zips_by_state() -> dict[str, list[_Zip]]:
    """Return ZIP codes by state. A ZIP is listed once per area code, because cities have more of them."""
    zips: dict[str, list[_Zip]] = {}
    for row in zipcodes.list_all():
        if row["active"] and row["zip_code_type"] == "STANDARD" and row["area_codes"]:
            one = _Zip(row["zip_code"], row["city"], tuple(row["area_codes"]))
            zips.setdefault(row["state"], []).extend([one] * len(one.area_codes))
    return zips
