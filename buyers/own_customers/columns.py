"""Columns: which of a file's columns hold phone numbers and which hold email addresses, plain or hashed."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass

from buyers.own_customers.digests import is_datum
from leads.intake.importing.columns import SNIFFED, loose
from leads.intake.importing.sheet import Survey
from leads.schema.common_columns import ENVELOPE

HASH_WORDS = re.compile(r"sha256|sha|hashed|hash")
LAST_NUMBER = re.compile(r"\d+$")


class ColumnsUnclear(Exception):
    """No column is known to hold phone numbers or email addresses. The message is fit to show the uploader."""


@dataclass(frozen=True)
class CustomerColumns:
    """Positions of the columns, counted from 0. We never store their names, which could be anything."""

    phones: tuple[int, ...]
    emails: tuple[int, ...]

    def as_json(self) -> dict[str, list[int]]:
        return {name: list(places) for name, places in asdict(self).items()}


def find_columns(found: Survey, *, phone: str = "", email: str = "") -> CustomerColumns:
    """Return the columns the user named, else those named like phone or email, else those that hold nothing else.

    Raises ColumnsUnclear.
    """
    if any(is_datum(header) for header in found.headers):
        raise ColumnsUnclear("The first row of the file must name its columns, such as: phone, email.")
    columns = CustomerColumns(_phones(found, phone), _emails(found, email))
    if not columns.phones and not columns.emails:
        raise ColumnsUnclear("We cannot tell which column holds phones or email addresses. Enter its name below.")
    return columns


def _phones(found: Survey, named: str) -> tuple[int, ...]:
    return _places(found, named, _names_of("phone", "second_phone"), SNIFFED["phone"])


def _emails(found: Survey, named: str) -> tuple[int, ...]:
    return _places(found, named, _names_of("email"), SNIFFED["email"])


def _places(found: Survey, named: str, known: frozenset[str], looks: re.Pattern[str]) -> tuple[int, ...]:
    if named:
        places = _called(found.headers, {loose(named)}, loose)
        if not places:
            raise ColumnsUnclear(f"The file has no column “{named[:80]}”.")
        return places
    return _called(found.headers, known, _plain_name) or tuple(
        place
        for place, header in enumerate(found.headers)
        if found.samples[header] and all(looks.fullmatch(value) for value in found.samples[header])
    )


def _called(headers: Sequence[str], known: Collection[str], spelling: Callable[[str], str]) -> tuple[int, ...]:
    return tuple(place for place, header in enumerate(headers) if spelling(header) in known)


def _plain_name(header: str) -> str:
    """Return the name without numbers or hash words: "Phone 3", "Phone (2)" and "phone_sha256" are all phones."""
    return LAST_NUMBER.sub("", HASH_WORDS.sub("", loose(header)))


def _names_of(*fields: str) -> frozenset[str]:
    spellings = {
        loose(spelling)
        for field in ENVELOPE
        if field.name in fields
        for spelling in (field.name, field.label, *field.aliases)
    }
    return frozenset(LAST_NUMBER.sub("", spelling) for spelling in spellings)
