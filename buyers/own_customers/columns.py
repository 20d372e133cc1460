"""Columns: which of a file's are phones and which are e-mail addresses, plain or hashed."""

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
    """Nothing in the file is known to be a phone or an address. The message is fit for who sent it."""


@dataclass(frozen=True)
class CustomerColumns:
    """Places of the columns, counted from nought: names could be anything, and are kept nowhere."""

    phones: tuple[int, ...]
    emails: tuple[int, ...]

    def as_json(self) -> dict[str, list[int]]:
        return {name: list(places) for name, places in asdict(self).items()}


def find_columns(found: Survey, *, phone: str = "", email: str = "") -> CustomerColumns:
    """The columns that were named, else those called like a phone or an address, else those that hold nothing else.

    Raises ColumnsUnclear.
    """
    if any(is_datum(header) for header in found.headers):
        raise ColumnsUnclear("The first line of the file must name its columns, as in: phone, email.")
    columns = CustomerColumns(_phones(found, phone), _emails(found, email))
    if not columns.phones and not columns.emails:
        raise ColumnsUnclear("No column of the file is known to hold phones or e-mail addresses. Say below which one.")
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
    """ "Phone 3", "Phone (2)" and "phone_sha256" are all phones."""
    return LAST_NUMBER.sub("", HASH_WORDS.sub("", loose(header)))


def _names_of(*fields: str) -> frozenset[str]:
    spellings = {
        loose(spelling)
        for field in ENVELOPE
        if field.name in fields
        for spelling in (field.name, field.label, *field.aliases)
    }
    return frozenset(LAST_NUMBER.sub("", spelling) for spelling in spellings)
