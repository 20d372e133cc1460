"""Columns: what a file's headers mean. The guess is a suggestion; a mapping that the operator saved wins."""

import re
from collections.abc import Iterable, Iterator

from leads.models import ColumnMapping, Source, Vertical
from leads.schema.common_columns import ENVELOPE, ENVELOPE_NAMES
from leads.schema.fields import Schema

# No buyer needs these, and whoever stores them is liable for them.
NEVER_TAKEN = re.compile(
    r"^(ssn|ssnlast4|socialsecurity.*|bankaccount.*|account(number|no)|routing(number|no)?|(credit)?card(number|no)|cvv"
    r"|cvc|driverslicen[cs]e(number|no)?|passport.*|password)$"
)


class MappingIncomplete(Exception):
    """The file cannot be read with this mapping. The message is fit to show the operator."""


def loose(header: str) -> str:
    """Return a loose spelling: ``Name_First``, "name first" and ``nameFirst`` match; so do ``ZIP`` and "Zip "."""
    return re.sub(r"[^a-z0-9]", "", header.lower())


def is_never_taken(header: str) -> bool:
    """Whether we never read it, whatever the mapping: Social Security, bank account, card and license numbers."""
    return bool(NEVER_TAKEN.match(loose(header)))


def guess_columns(headers: list[str], samples: dict[str, list[str]], schema: Schema) -> dict[str, str]:
    """Map fields to headers: by name first, then by alias, and by the column's values only if no name matches."""
    columns: dict[str, str] = {}
    free = {loose(header): header for header in reversed(headers) if not is_never_taken(header)}
    for spellings in _rounds(schema):
        for field, names in spellings:
            found = next((name for name in names if name in free), None)
            if field not in columns and found:
                columns[field] = free.pop(found)
    for field, pattern in SNIFFED.items():
        if field not in columns:
            columns |= _sniff(field, pattern, free, samples)
    if {"first_name", "last_name"} <= columns.keys():
        columns.pop("full_name", None)
    return columns


def propose_columns(
    source: Source, vertical: Vertical, headers: list[str], samples: dict[str, list[str]]
) -> dict[str, str]:
    """Return the mapping the operator confirmed for this source; guess what is missing or whose header is gone."""
    guesses = guess_columns(headers, samples, vertical.schema)
    saved = ColumnMapping.objects.filter(source=source, vertical=vertical).first()
    if saved is None:
        return guesses
    known = {field: header for field, header in saved.columns.items() if header in headers}
    lost = {field for field in saved.columns if field not in known}
    return known | {
        field: header for field, header in guesses.items() if field in lost and header not in known.values()
    }


def save_columns(source: Source, vertical: Vertical, columns: dict[str, str], timezone: str) -> None:
    """Save the mapping for this source's next file."""
    ColumnMapping.objects.update_or_create(
        source=source, vertical=vertical, defaults={"columns": columns, "timezone": timezone}
    )


def check_columns(columns: dict[str, str], headers: list[str], schema: Schema, *, has_default_consent: bool) -> None:
    """Raises MappingIncomplete if the mapping does not fit the file, or if every row would be refused under it."""
    for field, header in columns.items():
        if field not in ENVELOPE_NAMES and field not in schema.by_name:
            raise MappingIncomplete(f"There is no field “{field}”.")
        if header not in headers:
            raise MappingIncomplete(f"The file has no column “{header}”.")
        if is_never_taken(header):
            raise MappingIncomplete(f"The column “{header}” is never imported.")
    missing = list(_missing(columns.keys(), has_default_consent=has_default_consent))
    if missing:
        raise MappingIncomplete("Map a column for " + ", and for ".join(missing) + ".")


def _missing(fields: Iterable[str], *, has_default_consent: bool) -> Iterator[str]:
    mapped = set(fields)
    if mapped.isdisjoint({"phone", "second_phone", "email"}):
        yield "a phone number or email address"
    if "captured_at" not in mapped:
        yield "when the person made the request"
    if mapped.isdisjoint({"state", "postal_code"}):
        yield "the state or the ZIP code"
    if "consent_text" not in mapped and not has_default_consent:
        yield "the consent text the person saw (or choose one text for the whole file)"


def _rounds(schema: Schema) -> Iterator[list[tuple[str, list[str]]]]:
    """Yield names, then labels, then aliases; within a round, the vertical's fields come before the common ones."""
    yield [(field.name, [loose(field.name)]) for field in (*schema, *ENVELOPE)]
    yield [(field.name, [loose(field.label)]) for field in (*schema, *ENVELOPE)]
    yield [(field.name, [loose(alias) for alias in field.aliases]) for field in (*schema, *ENVELOPE)]


SNIFFED: dict[str, re.Pattern[str]] = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE),
    "phone": re.compile(r"\+?1?[ .-]?\(?\d{3}\)?[ .-]?\d{3}[ .-]?\d{4}"),
    "captured_at": re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|\d{1,2}/\d{1,2}/\d{2,4} \d{1,2}:\d\d.*"),
    "trustedform_url": re.compile(r"https://cert\.trustedform\.com/.+"),
    "postal_code": re.compile(r"\d{5}(-\d{4})?"),
}


def _sniff(field: str, pattern: re.Pattern[str], free: dict[str, str], samples: dict[str, list[str]]) -> dict[str, str]:
    """Return the only free column whose values all match; if two match, we cannot tell."""
    matching = [
        name
        for name, header in free.items()
        if samples.get(header) and all(pattern.fullmatch(value) for value in samples[header])
    ]
    return {field: free.pop(matching[0])} if len(matching) == 1 else {}
