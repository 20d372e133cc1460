"""Rows: turn one row of a file into a request, or say why not.

A row without an essential (a contact, time, place or consent) is refused; anything else that cannot be read is left out
and flagged. A reason names the field and never repeats the value (promise P31).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from leads.intake.capture import CLOCK_TOLERANCE, Capture, CaptureRefused, Evidence, check_capture
from leads.intake.importing.evidence import read_certificate, read_day, read_ip_address, read_page, read_token
from leads.intake.importing.instants import read_instant
from leads.intake.importing.people import read_person
from leads.intake.importing.residence import Residence, read_residence
from leads.intake.importing.sheet import LONGEST_CELL
from leads.models import ConsentText, FieldSchema, ImportRun, PhoneType
from leads.models.contact import Person
from leads.people.identity import keyed_id, request_fingerprint, says_who
from leads.schema.fields import BadValue, plain_text

LONGEST_ID = 80
LONGEST_FLAG = 60
UNSAID = {"unknown", "other", "n/a", "none"}
T = TypeVar("T")
PHONE_TYPES = {
    "mobile": PhoneType.MOBILE,
    "cell": PhoneType.MOBILE,
    "cellular": PhoneType.MOBILE,
    "wireless": PhoneType.MOBILE,
    "landline": PhoneType.LANDLINE,
    "land": PhoneType.LANDLINE,
    "fixed": PhoneType.LANDLINE,
    "voip": PhoneType.VOIP,
}


@dataclass(frozen=True, slots=True)
class Problem:
    field: str
    reason: str


class RowRefused(Exception):
    """Something that every lead needs is missing."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.problem = Problem(field, reason)


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading a row: a request and its doubts, or no request and the reasons."""

    capture: Capture | None
    problems: list[Problem]


@dataclass
class _Row:
    """A row being read: its cells by field, and the problems found so far."""

    cells: dict[str, str]
    flags: list[Problem] = field(default_factory=list)
    refusals: list[Problem] = field(default_factory=list)

    def text(self, name: str) -> str:
        return self.cells.get(name, "")

    def flag(self, name: str, reason: str) -> None:
        self.flags.append(Problem(name, reason))

    def refuse(self, name: str, reason: str) -> None:
        self.refusals.append(Problem(name, reason))


class RowReader:
    """Reads the rows of one run. Fetches what it needs from the database once, here: another thread reads the rows."""

    def __init__(self, run: ImportRun, headers: list[str], schema: FieldSchema, now: datetime) -> None:
        self.run, self.vertical, self.source = run, run.vertical, run.source
        self.width = len(headers)
        self.schema = schema
        self.latest = now + CLOCK_TOLERANCE
        self.now = now
        self.zone = ZoneInfo(run.timezone)
        self.places = {name: headers.index(header) for name, header in run.columns.items() if header in headers}
        self.fields = [item for item in schema.parsed if item.name in self.places]
        self.consent_texts = {text.version.lower(): text for text in run.source.consent_texts.all()}
        self.default_consent_text = run.default_consent_text
        # For a file that does not name the page: the source's site, if we know it.
        self.default_page = f"https://{run.source.site}" if run.source.site else ""

    def read(self, cells: list[str]) -> Reading:
        """Return the request in a row, or every reason to refuse it, not just the first."""
        if fault := self._fault(cells):
            return Reading(None, [Problem("row", fault)])
        row = _Row({name: cells[place].strip() for name, place in self.places.items()})
        capture = self._capture(row)
        if capture is not None and not row.refusals:
            try:
                check_capture(capture, self.now)
            except CaptureRefused as refusal:
                row.refuse("row", str(refusal))
        return Reading(None, row.refusals) if row.refusals or capture is None else Reading(capture, row.flags)

    def _fault(self, cells: list[str]) -> str:
        if len(cells) < self.width:
            return "has too few cells"
        if len(cells) > self.width and any(cell.strip() for cell in cells[self.width :]):
            return "has too many cells"
        if any(len(cell) > LONGEST_CELL for cell in cells):
            return f"has a cell with more than {LONGEST_CELL:,} characters"
        return ""

    def _capture(self, row: _Row) -> Capture | None:
        person = read_person(row.cells, row.flag)
        if not person.phone and not person.email:
            row.refuse("phone", "has no usable phone number or email address")
        captured_at = self._captured_at(row)
        residence = self._residence(row, person.city)
        text = self._consent_text(row)
        legs = self._legs(row, text) if text else None
        if row.refusals or captured_at is None or residence.state is None or text is None or legs is None:
            return None
        evidence = self._evidence(row, text, captured_at)
        attributes = self._attributes(row)
        phone_type = self._phone_type(row)
        return Capture(
            vertical=self.vertical,
            schema=self.schema,
            source=self.source,
            external_id=self._external_id(row, person, captured_at),
            captured_at=captured_at,
            state=residence.state,
            postal_code=residence.postal_code,
            person=person,
            evidence=evidence,
            legs_authorized=legs[0],
            legs_sold_elsewhere=legs[1],
            phone_type=phone_type,
            attributes=attributes,
            flags=tuple(f"{problem.field}:{problem.reason}"[:LONGEST_FLAG] for problem in row.flags),
            import_run=self.run if self.run.pk else None,
        )

    def _captured_at(self, row: _Row) -> datetime | None:
        text = row.text("captured_at")
        if not text:
            row.refuse("captured_at", "is missing")
            return None
        try:
            instant = read_instant(text, self.zone, latest=self.latest)
        except BadValue as error:
            row.refuse("captured_at", str(error))
            return None
        if instant.doubt:
            row.flag("captured_at", instant.doubt)
        return instant.at

    def _residence(self, row: _Row, city: str) -> Residence:
        residence = read_residence(row.text("state"), row.text("postal_code"), city)
        for name, reason in residence.doubts:
            row.flag(name, reason)
        if residence.state is None:
            row.refuse("state", "is missing or unknown, and so is the ZIP code")
        return residence

    def _consent_text(self, row: _Row) -> ConsentText | None:
        """Return the text the person saw. The run's default applies only if the file has no column for it."""
        if "consent_text" not in self.places:
            return self.default_consent_text
        version = row.text("consent_text")
        text = self.consent_texts.get(version.lower())
        if text is None:
            row.refuse("consent_text", "is not a text of this source" if version else "is missing: no known consent")
        return text

    def _legs(self, row: _Row, text: ConsentText) -> tuple[int, int] | None:
        """Return how many companies may call, and how many of those already bought the lead."""
        default = min(self.run.default_legs or self.vertical.default_legs, text.most_companies)
        authorized = self._count(row, "legs_authorized", default)
        sold = self._count(row, "legs_sold", 0)
        if authorized is None or sold is None:
            return None
        if not 1 <= authorized <= text.most_companies:
            row.refuse("legs_authorized", f"the consent text allows 1 to {text.most_companies}")
        elif sold > authorized:
            row.refuse("legs_sold", "is more than the consent allows")
        return authorized, sold

    def _count(self, row: _Row, name: str, default: int) -> int | None:
        text = row.text(name)
        if not text:
            if name in self.places:
                row.flag(name, f"is missing, so we used {default}")
            return default
        if not re.fullmatch(r"\d{1,4}(\.0+)?", text):
            row.refuse(name, "is not a whole number of companies")
            return None
        return int(text.partition(".")[0])

    def _evidence(self, row: _Row, text: ConsentText, captured_at: datetime) -> Evidence:
        return Evidence(
            text=text,
            given_at=self._given_at(row, captured_at),
            page=self._read(row, "consent_page", read_page, self.default_page),
            ip_address=self._read(row, "ip_address", read_ip_address, ""),
            user_agent=self._read(row, "user_agent", plain_text, ""),
            trustedform_url=self._read(row, "trustedform_url", read_certificate, ""),
            leadid_token=self._read(row, "leadid_token", read_token, None),
            retained_until=self._read(row, "retained_until", read_day, None),
        )

    def _given_at(self, row: _Row, captured_at: datetime) -> datetime:
        return self._read(
            row, "consent_at", lambda text: read_instant(text, self.zone, latest=self.latest).at, captured_at
        )

    def _read(self, row: _Row, name: str, reader: Callable[[str], T], missing: T) -> T:
        """Return one field's value, or flag it and return ``missing`` if it cannot be read."""
        text = row.text(name)
        if not text:
            return missing
        try:
            return reader(text)
        except BadValue as error:
            row.flag(name, str(error))
            return missing

    def _attributes(self, row: _Row) -> dict[str, Any]:
        values = {}
        for item in self.fields:
            value = self._read(row, item.name, item.read, None)
            if value is not None and value != "":
                values[item.name] = value
        return values

    def _phone_type(self, row: _Row) -> PhoneType:
        text = row.text("phone_type")
        kind = PHONE_TYPES.get(text.lower(), PhoneType.UNKNOWN)
        if text and kind is PhoneType.UNKNOWN and text.lower() not in UNSAID:
            row.flag("phone_type", "is not a known phone type")
        return kind

    def _external_id(self, row: _Row, person: Person, captured_at: datetime) -> str:
        """Return the source's own id, or one made from the request, so that the same file sent twice adds nothing."""
        given = row.text("external_id")
        if len(given) > LONGEST_ID or not given.isprintable() or says_who(given):
            return keyed_id(given)
        return given or request_fingerprint(self.vertical.slug, person.phone, person.email, captured_at)
