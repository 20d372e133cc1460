"""Identity without plain text: normal forms of phone numbers and email addresses, and their keyed digests.

Two records are the same person if any digest matches. The digest's inner hash is the one that California's
deletion platform publishes (trimmed lowercase address, or the last ten digits, SHA-256, Base64), so that state
lists and our own stops share one index; the outer HMAC keeps a stolen table from being brute-forced.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from functools import lru_cache

import phonenumbers
from django.conf import settings
from email_validator import EmailNotValidError, validate_email

from leads.places import is_area_code

REGION = "US"
PLAIN_PHONE = re.compile(r"(?:\+?1[ .-]?)?\(?([2-9][0-9]{2})\)?[ .-]{0,2}([0-9]{3})[ .-]?([0-9]{4})")
PHONE_LIKE = re.compile(r"[\d ().+/-]{10,24}")
NORTH_AMERICAN = re.compile(r"[2-9]\d\d(?![2-9]11)[2-9]\d{6}")
PLAIN_LOCAL_PART = re.compile(r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*")
LONGEST_LOCAL_PART = 64
LONGEST_ADDRESS = 254
FICTIONAL_LINES = range(100, 200)  # 555-0100 to 555-0199 are reserved for fiction and reach nobody


def normal_phone(raw: str) -> str | None:
    """Return a valid North American number as E.164 (``+12125550123``), or None."""
    number = _parsed(raw.strip())
    if number is None or number.country_code != 1:
        return None
    # The shape is quick to check and nearly always right; the library's lists take longer than the rest of the row.
    if not (_is_assigned(number.national_number) or phonenumbers.is_valid_number(number)):
        return None
    return f"+1{number.national_number}"


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    if plain := PLAIN_PHONE.fullmatch(text):  # nearly all match; the parser takes as long as the rest of the row
        return phonenumbers.PhoneNumber(country_code=1, national_number=int("".join(plain.groups())))
    try:
        return phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None


def _is_assigned(national_number: int | None) -> bool:
    """Whether it looks like a North American number in an area code in use; the library's lists lag behind."""
    digits = str(national_number)
    return bool(NORTH_AMERICAN.fullmatch(digits)) and is_area_code(digits[:3])


def is_fictional(phone: str) -> bool:
    """Whether an E.164 number is in the block reserved for fiction."""
    return phone[-7:-4] == "555" and int(phone[-4:]) in FICTIONAL_LINES


def normal_email(raw: str) -> str | None:
    """Return the address in lowercase, or None if it is not valid. Makes no DNS query."""
    address = raw.strip().lower()
    local, at, domain = address.rpartition("@")
    if at and len(local) <= LONGEST_LOCAL_PART and PLAIN_LOCAL_PART.fullmatch(local):
        # Most addresses have this shape and share a few domains; only the domain needs the validator.
        normal = _normal_domain(domain)
        return f"{local}@{normal}" if normal and len(local) + len(normal) < LONGEST_ADDRESS else None
    return _validated(address)


@lru_cache(maxsize=10_000)
def _normal_domain(domain: str) -> str | None:
    address = _validated(f"a@{domain}")
    return address and address.partition("@")[2]


def _validated(address: str) -> str | None:
    try:
        return validate_email(
            address, check_deliverability=False, test_environment=True, strict=True
        ).normalized.lower()
    except EmailNotValidError:
        return None


def national_digits(phone: str) -> str:
    """Return the ten digits of an E.164 number, the form that dialers and spreadsheets expect."""
    return phone[-10:]


def phone_digest(phone: str) -> bytes:
    """Return the 32-byte digest of an E.164 number."""
    return hashed_phone_digest(public_hash(national_digits(phone)))


def email_digest(email: str) -> bytes:
    """Return the 32-byte digest of an email address in its normal form."""
    return hashed_email_digest(public_hash(email.strip().lower()))


def hashed_phone_digest(hashed: str) -> bytes:
    """Return the digest of a phone number of which we only have the public hash."""
    return _keyed("phone", hashed)


def hashed_email_digest(hashed: str) -> bytes:
    return _keyed("email", hashed)


def request_fingerprint(vertical: str, phone: str, email: str, asked_at: datetime) -> str:
    """Return an id for a request that has none; the same person, vertical and instant give the same id."""
    instant = asked_at.astimezone(UTC).isoformat()
    return "fp:" + _keyed("request", "|".join((vertical, phone, email.lower(), instant))).hex()


def says_who(source_id: str) -> bool:
    """Whether a source's id is the person's own phone number or email address."""
    return "@" in source_id or bool(PHONE_LIKE.fullmatch(source_id) and normal_phone(source_id))


def keyed_id(source_id: str) -> str:
    """Return a stand-in for a source's id that is too long, or that identifies a person."""
    return "id:" + _keyed("id", source_id).hex()


def public_hash(text: str) -> str:
    """Return the SHA-256 in Base64, 44 characters: the format of the state's deletion lists."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _keyed(kind: str, hashed: str) -> bytes:
    return hmac.digest(_decoded(settings.DIGEST_KEY), f"{kind}|{hashed}".encode(), "sha256")


@lru_cache(maxsize=4)
def _decoded(key: str) -> bytes:
    return base64.b64decode(key)
