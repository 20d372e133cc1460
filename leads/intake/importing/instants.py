"""Instants: when a person made a request, read from the formats that files use."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from leads.schema.fields import BadValue

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
AMERICAN = re.compile(
    r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d\d)(?:,?\s+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?)?"
)
EPOCH = re.compile(r"\d{10}(\d{3})?")


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant, and the reason to doubt it, if any."""

    at: datetime
    doubt: str = ""


def read_instant(text: str, zone: ZoneInfo, *, latest: datetime) -> Instant:
    """Return the instant; naive ones are in ``zone``. Raises BadValue.

    When clocks go back an hour happens twice, and when they go forward an hour is missing. We take the first of two
    readings, and flag the time as doubtful in both cases.
    """
    local = _local(text.strip())
    doubt = "" if local.hour or local.minute or ":" in text else "has no time of day"
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            doubt = "is in the hour when the clocks change"
    try:
        instant = local.astimezone(UTC)
    except OverflowError as error:
        raise BadValue("is not a valid date and time") from error
    if instant < EARLIEST:
        raise BadValue("is before the year 2000")
    if instant > latest:
        raise BadValue("is in the future")
    return Instant(instant, doubt)


def _local(text: str) -> datetime:
    try:
        if ISO.fullmatch(text):
            return datetime.fromisoformat(text)
        if match := AMERICAN.fullmatch(text):
            return _american(match)
        if EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(text[:10]), UTC)
    except ValueError as error:
        raise BadValue("is not a valid date and time") from error
    raise BadValue("is not a valid date and time")


def _american(match: re.Match[str]) -> datetime:
    """Read month, day, year, and a 12-hour clock if it says am or pm. Raises ValueError."""
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    half = (match[7] or "").lower().replace(".", "")
    if half and not 1 <= hour <= 12:
        raise ValueError("no such hour")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second)  # noqa: DTZ001
