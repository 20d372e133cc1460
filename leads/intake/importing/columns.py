"""Columns: what a file's headers mean. The guess is a proposal; the operator's word, once saved, wins."""

import re
from collections.abc import Iterable, Iterator

from leads.models import ColumnMapping, Source, Vertical
from leads.schema.common_columns import ENVELOPE, ENVELOPE_NAMES
from leads.schema.fields import Schema

# Nobody who buys a lead needs these, and whoever holds them answers for them.
NEVER_TAKEN = re.compile(
    r"^(ssn|ssnlast4|socialsecurity.*|bankaccount.*|account(number|no)|routing(number|no)?|(credit)?card(number|no)|cvv"
    r"|cvc|driverslicen[cs]e(number|no)?|passport.*|password)$"
)


class MappingIncomplete(Exception):
    """A file cannot be read like this. The message is fit for the operator."""


def loose(header: str) -> str:
    """``Name_First``, "name first" and ``nameFirst`` are one; so are ``ZIP`` and "Zip "."""
    return re.sub(r"[^a-z0-9]", "", header.lower())


def is_never_taken(header: str) -> bool:
    """Social security, bank account, card and licence numbers are not read, whatever the mapping says."""
    return bool(NEVER_TAKEN.match(loose(header)))


def guess_columns(headers: list[str], samples: dict[str, list[str]], schema: Schema) -> dict[str, str]:
    """Field to header: by name first, then by alias; what a column holds decides only where no name did."""
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
    """What the operator confirmed for this source before; guesses where there is nothing, or the header is gone."""
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
    """Keep the mapping for this source's next file."""
    ColumnMapping.objects.update_or_create(
        source=source, vertical=vertical, defaults={"columns": columns, "timezone": timezone}
    )


def check_columns(columns: dict[str, str], headers: list[str], schema: Schema, *, has_default_consent: bool) -> None:
    """Raises MappingIncomplete for a mapping that does not fit the file, or under which every row would be refused."""
    for field, header in columns.items():
        if field not in ENVELOPE_NAMES and field not in schema.by_name:
            raise MappingIncomplete(f"There is no field “{field}”.")
        if header not in headers:
            raise MappingIncomplete(f"The file has no column “{header}”.")
        if is_never_taken(header):
            raise MappingIncomplete(f"The column “{header}” is never taken.")
    missing = list(_missing(columns.keys(), has_default_consent=has_default_consent))
    if missing:
        raise MappingIncomplete("No column says " + ", nor ".join(missing) + ".")


def _missing(fields: Iterable[str], *, has_default_consent: bool) -> Iterator[str]:
    mapped = set(fields)
    if mapped.isdisjoint({"phone", "second_phone", "email"}):
        yield "a phone or an e-mail address"
    if "captured_at" not in mapped:
        yield "when the person asked"
    if mapped.isdisjoint({"state", "postal_code"}):
        yield "the state or the ZIP code"
    if "consent_text" not in mapped and not has_default_consent:
        yield "which consent text the person saw (choose one for the whole file, or a column)"


def _rounds(schema: Schema) -> Iterator[list[tuple[str, list[str]]]]:
    """Names as they are, then labels, then other names; within a round the vertical comes before the envelope."""
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
    """The one free column whose values all look like it; with two there is no telling."""
    matching = [
        name
        for name, header in free.items()
        if samples.get(header) and all(pattern.fullmatch(value) for value in samples[header])
    ]
    return {field: free.pop(matching[0])} if len(matching) == 1 else {}
