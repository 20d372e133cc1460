"""Residence: a row's state and ZIP code, each filling in for the other.

If both are readable and disagree, two of state, ZIP and city outvote the third: if the ZIP's post office has the
city's name, the state was wrong; otherwise we keep the state and blank the ZIP, because a lead in two states at once
would match the filters for both.
"""

import re
from dataclasses import dataclass

from leads.places import city_of, state_code, state_of

WHOLE = re.compile(r"(\d{5})(?:[- ]?\d{4})?")
EATEN = re.compile(r"(\d{3,4})(?:-\d{4})?")  # a spreadsheet read the ZIP as a number and dropped its leading zeros


@dataclass(frozen=True, slots=True)
class Residence:
    """``state`` is None if it cannot be determined. ``doubts`` are pairs of field and reason."""

    state: str | None
    postal_code: str
    doubts: tuple[tuple[str, str], ...] = ()


def read_residence(state_text: str, zip_text: str, city: str) -> Residence:
    given = state_code(state_text) if state_text else None
    postal_code = _postal_code(zip_text, given)
    doubts = []
    if state_text and given is None:
        doubts.append(("state", "is not a US state"))
    if zip_text and not postal_code:
        doubts.append(("postal_code", "is not a valid ZIP code"))
    located = state_of(postal_code)
    if given is None or located is None or located == given:
        return Residence(given or located, postal_code, tuple(doubts))
    if city and _same_town(city, city_of(postal_code) or ""):
        return Residence(located, postal_code, (("state", "does not match the ZIP code and city"),))
    return Residence(given, "", (("postal_code", "is in another state"),))


def _postal_code(text: str, state: str | None) -> str:
    """Return the five digits of a ZIP that exists, or an empty string."""
    if match := WHOLE.fullmatch(text):
        return match[1] if state_of(match[1]) else ""
    if match := EATEN.fullmatch(text):
        padded = match[1].zfill(5)
        if state is not None and state_of(padded) == state:
            return padded
    return ""


def _same_town(city: str, post_office: str) -> bool:
    return re.sub(r"[^a-z]", "", city.lower()) == re.sub(r"[^a-z]", "", post_office.lower())
