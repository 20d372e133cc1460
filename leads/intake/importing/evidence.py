"""Evidence: the proof of consent that a file may contain, each in its normal form. All raise BadValue."""

import re
import uuid
from datetime import date
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from leads.schema.fields import BadValue, Field, FieldType

LONGEST_PAGE = 300
CERTIFICATE = re.compile(r"(https://cert\.trustedform\.com/[0-9A-Za-z]{20,100})/?(?:[?#].*)?")
PERSONAL_PATH = re.compile(r"@|%40|\d{7}|\d{3}[-. ]\d{3}[-. ]\d{4}")
DAY = Field(name="day", label="Day", type=FieldType.DATE)


@lru_cache(maxsize=1024)
def read_page(text: str) -> str:
    """Return the page without query and fragment, which may identify a person; if the path may too, only the host."""
    address = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadValue("is not a valid web address") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or "." not in host or not address.isprintable() or " " in address:
        raise BadValue("is not a valid web address")
    page = f"{parts.scheme}://{host}{'' if PERSONAL_PATH.search(unquote(parts.path)) else parts.path}"
    if len(page) > LONGEST_PAGE:
        raise BadValue("is too long for a web address")
    return page


def read_ip_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise BadValue("is not a valid IP address") from error


def read_certificate(text: str) -> str:
    """Return the URL of a TrustedForm certificate on TrustedForm's own host."""
    match = CERTIFICATE.fullmatch(text)
    if not match:
        raise BadValue("is not a TrustedForm certificate URL")
    return match[1]


def read_token(text: str) -> uuid.UUID:
    if len(text) != 36:
        raise BadValue("is not a valid LeadiD")
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise BadValue("is not a valid LeadiD") from error


def read_day(text: str) -> date:
    return date.fromisoformat(DAY.read(text))
