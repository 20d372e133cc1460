"""Return files: a CSV file or workbook with one lead per row, read by column name.

Reading a file changes nothing. The rows go to the preview page and come back sealed in it, so that what the buyer
confirms is what they saw, and no copy is kept anywhere.
"""

import base64
import binascii
import json
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import BinaryIO

from buyers.models import Buyer
from leads.intake.importing.converting import SheetRefused
from leads.intake.importing.sheet import Sheet, open_sheet, recognise
from leads.people.sealing import SealBroken, key_ring
from marketplace.returns.claims import MOST_CLAIMS, Claim, ClaimResult

LIFE = timedelta(hours=1)
MOST_BYTES = 2 * 1024 * 1024
COLUMNS = {
    "lead": ("lead", "lead id", "id"),
    "reason": ("reason", "reason code", "code"),
    "words": ("words", "what happened", "note"),
}


class FileRefused(Exception):
    """The file, or the confirmed preview, cannot be used at all. The message tells the person why."""


@dataclass(frozen=True)
class ClaimRow:
    """A row of the file, numbered from 1 below the header: a claim, or the problem with it."""

    number: int
    claim: Claim | None = None
    problem: str = ""


@dataclass(frozen=True)
class ClaimRowResult:
    """The result for a row."""

    row: ClaimRow
    answer: ClaimResult | None = None

    @property
    def problem(self) -> str:
        return self.row.problem or (self.answer.refusal.message if self.answer and self.answer.refusal else "")


def read_file(file: BinaryIO, size: int) -> list[ClaimRow]:
    """Return every row in order, without blank lines. Raises FileRefused."""
    if size > MOST_BYTES:
        raise FileRefused(f"The file is larger than {MOST_BYTES // (1024 * 1024)} MB. Split it into smaller files.")
    try:
        with open_sheet(file, recognise(file)) as sheet:
            columns = _columns(sheet)
            rows = [_row(number, cells, columns) for number, cells in enumerate(islice(sheet.rows, MOST_CLAIMS + 1), 1)]
    except SheetRefused as error:
        raise FileRefused(str(error)) from error
    if not rows:
        raise FileRefused("The file has a header but no rows. Add one row per lead.")
    if len(rows) > MOST_CLAIMS:
        raise FileRefused(f"The file has more than {MOST_CLAIMS:,} rows. Split it into smaller files.")
    return rows


def _columns(sheet: Sheet) -> dict[str, int]:
    """Return each column's index. Raises FileRefused if a required column is missing or a name matches twice."""
    headers = [header.lower().replace("_", " ").strip() for header in sheet.headers]
    found: dict[str, int] = {}
    for name, spellings in COLUMNS.items():
        places = [place for place, header in enumerate(headers) if header in spellings]
        if len(places) > 1:
            raise FileRefused(f"Two columns match “{name}”. Keep only one of them.")
        if places:
            found[name] = places[0]
    if missing := [name for name in ("lead", "reason") if name not in found]:
        raise FileRefused(f"The column “{missing[0]}” is missing. Name the columns in the first row.")
    return found


def _row(number: int, cells: list[str], columns: dict[str, int]) -> ClaimRow:
    said = {name: cells[place].strip() if place < len(cells) else "" for name, place in columns.items()}
    try:
        lead = uuid.UUID(said["lead"])
    except ValueError:
        return ClaimRow(number, problem="Enter a lead ID, as shown in any file of an order.")
    if not said["reason"]:
        return ClaimRow(number, problem="Enter a reason code.")
    return ClaimRow(number, Claim(lead, said["reason"].lower().replace("_", "-"), said.get("words", "")))


def paired(rows: list[ClaimRow], answers: list[ClaimResult]) -> list[ClaimRowResult]:
    """Return each row with the result for its claim; ``answers`` are the results for ``claims_in(rows)``."""
    left = iter(answers)
    return [ClaimRowResult(row, next(left) if row.claim else None) for row in rows]


def claims_in(rows: list[ClaimRow]) -> list[Claim]:
    return [row.claim for row in rows if row.claim]


def sealed_rows(rows: list[ClaimRow], *, buyer: Buyer, now: datetime) -> str:
    """Return the rows as sealed text for the page; only this buyer can send it back, within the hour."""
    plain = json.dumps({"at": now.isoformat(), "rows": list(_as_json(rows))}, separators=(",", ":"))
    return base64.urlsafe_b64encode(key_ring().seal(zlib.compress(plain.encode()), row=_seal_row(buyer))).decode()


def open_rows(text: str, *, buyer: Buyer, now: datetime) -> list[ClaimRow]:
    """Return the rows that ``sealed_rows`` sealed. Raises FileRefused."""
    try:
        sealed = base64.b64decode(text, altchars=b"-_", validate=True)
        said = json.loads(zlib.decompress(key_ring().unseal(sealed, row=_seal_row(buyer))))
    except (binascii.Error, ValueError, SealBroken) as error:
        raise FileRefused("This is not a list you previewed. Upload the file again.") from error
    if now >= datetime.fromisoformat(said["at"]) + LIFE:
        raise FileRefused("This preview is more than an hour old. Upload the file again.")
    return [
        ClaimRow(number, Claim(uuid.UUID(lead), reason, words) if lead else None, problem)
        for number, lead, reason, words, problem in said["rows"]
    ]


def _as_json(rows: list[ClaimRow]) -> Iterator[list[int | str]]:
    for row in rows:
        claim = row.claim
        said = [str(claim.lead), claim.reason, claim.words] if claim else ["", "", ""]
        yield [row.number, *said, row.problem]


def _seal_row(buyer: Buyer) -> str:
    return f"return-list|{buyer.pk}"
