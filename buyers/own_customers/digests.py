"""Digests: what is kept of a customer. A cell holds a phone or an address, or its public hash; none of it is kept.

The public hash is the one of ``leads.people.identity``: SHA-256 of the last ten digits, or of the trimmed
lower-case address, in hex or Base64.
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
    """What one row gave: digests, the first one standing for the person, and what is wrong with it."""

    row: int
    digests: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_row(number: int, cells: Sequence[str], phones: Sequence[int], emails: Sequence[int]) -> Read:
    """The digests of a row. It is refused when there are none, and then a problem says why; no value is repeated."""
    found = Read(number)
    for text in _filled(cells, phones):
        _note(found, digest_of_phone(text), "is no phone number that could ring, and no hash of one")
    for text in _filled(cells, emails):
        _note(found, digest_of_email(text), "is no e-mail address, and no hash of one")
    if not found.digests and not found.problems:
        found.problems.append("has neither a phone nor an e-mail address")
    return found


def digest_of_phone(text: str) -> bytes | None:
    """From a number as people write it, or from its public hash; None when it is neither."""
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
    """Whether this is itself a phone, an address or a hash: then it does not name a column."""
    return bool(_public_hash(text) or normal_phone(text) or ("@" in text and normal_email(text)))


def _public_hash(text: str) -> str:
    """The hash in the spelling that digests are made from; empty when the text is none."""
    if HEX.fullmatch(text):
        return base64.b64encode(bytes.fromhex(text)).decode()
    # Another spelling of the same bytes (the last character has two idle bits) must not become another digest.
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
