"""Digests: all we store of a customer. A cell holds a phone, an email address or its public hash; we store none of it.

The public hash is the one in ``leads.people.identity``: SHA-256 of the last ten digits, or of the trimmed
lowercase address, in hex or Base64.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from leads.people.identity import (
    email_digest,
    hashed_email_digest,
    hashed_phone_digest,
    normal_email,
    normal_phone,
    phone_digest,
)

HEX = re.compile(r"[0-9a-fA-F]{64}")
BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=")
LONGEST = 320


@dataclass
class Read:
    """The result for one row: its digests, the first of which stands for the person, and its problems."""

    row: int
    digests: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_row(number: int, cells: Sequence[str], phones: Sequence[int], emails: Sequence[int]) -> Read:
    """Return a row's digests. A row without any is refused, and a problem says why without repeating a value."""
    found = Read(number)
    for text in _filled(cells, phones):
        _note(found, digest_of_phone(text), "is not a valid phone number or the hash of one")
    for text in _filled(cells, emails):
        _note(found, digest_of_email(text), "is not a valid email address or the hash of one")
    if not found.digests and not found.problems:
        found.problems.append("has no phone number or email address")
    return found


def digest_of_phone(text: str) -> bytes | None:
    """Return the digest of a phone number or of its public hash, or None if it is neither."""
    if hashed := _public_hash(text):
        return hashed_phone_digest(hashed)
    phone = normal_phone(text)
    return phone_digest(phone) if phone else None


def digest_of_email(text: str) -> bytes | None:
    if hashed := _public_hash(text):
        return hashed_email_digest(hashed)
    email = normal_email(text)
    return email_digest(email) if email else None


def is_datum(text: str) -> bool:
    """Whether this is a phone number, an email address or a hash, and so not a column name."""
    return bool(_public_hash(text) or normal_phone(text) or ("@" in text and normal_email(text)))


def _public_hash(text: str) -> str:
    """Return the hash in the form that digests are made from, or an empty string if the text is not a hash."""
    if HEX.fullmatch(text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    # Another encoding of the same bytes (the last character has two unused bits) must not give another digest.
    return base64.b64encode(base64.b64decode(text)).decode() if BASE64.fullmatch(text) else ""


def _filled(cells: Sequence[str], places: Sequence[int]) -> Iterator[str]:
    for place in places:
        if place < len(cells) and (text := cells[place].strip()[:LONGEST]):
            yield text


def _note(found: Read, digest: bytes | None, otherwise: str) -> None:
    if digest:
        found.digests.append(digest)
    elif otherwise not in found.problems:
        found.problems.append(otherwise)
