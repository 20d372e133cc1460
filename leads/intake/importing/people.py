"""People: a row's names, phones and addresses in their normal form."""

import re
from collections.abc import Callable, Mapping

from leads.models.contact import Person
from leads.people.identity import is_fictional, normal_email, normal_phone
from leads.schema.fields import BadValue, plain_text

EXTENSION = re.compile(r"\d\s*(?:x|ext\.?|extension|#)\s*\d+$", re.IGNORECASE)
LONGEST_NAME = 80

Flag = Callable[[str, str], None]
Cells = Mapping[str, str]


def read_person(cells: Cells, flag: Flag) -> Person:
    """Return the person in the row. A second phone replaces a first one that is not usable."""
    phones = [phone for name in ("phone", "second_phone") if (phone := _phone(cells, name, flag))]
    first_name, last_name = _name(cells, flag)
    return Person(
        first_name=first_name,
        last_name=last_name,
        phone=phones[0] if phones else "",
        second_phone=phones[1] if len(phones) == 2 and phones[1] != phones[0] else "",
        email=_email(cells, flag),
        street=" ".join(filter(None, (_plain(cells, "street", flag), _plain(cells, "second_street", flag)))),
        city=_plain(cells, "city", flag),
    )


def _phone(cells: Cells, name: str, flag: Flag) -> str:
    text = cells.get(name, "")
    if not text:
        return ""
    phone = normal_phone(text)
    if phone is None:
        flag(name, "is not a valid phone number")
    elif is_fictional(phone):
        flag(name, "is a fictional number")
        return ""
    elif EXTENSION.search(text):
        flag(name, "has an extension, which we do not store")
    return phone or ""


def _email(cells: Cells, flag: Flag) -> str:
    text = cells.get("email", "")
    if not text:
        return ""
    email = normal_email(text)
    if email is None:
        flag("email", "is not a valid email address")
    return email or ""


def _name(cells: Cells, flag: Flag) -> tuple[str, str]:
    """Return first and last name; a single column is "Last, First", or first names followed by one last name."""
    first, last = _plain(cells, "first_name", flag), _plain(cells, "last_name", flag)
    whole = _plain(cells, "full_name", flag)
    if first or last or not whole:
        return first, last
    if "," in whole:
        last, _, first = whole.partition(",")
    else:
        first, _, last = whole.rpartition(" ")
    return (first.strip() or last.strip(), last.strip() if first else "")


def _plain(cells: Cells, name: str, flag: Flag) -> str:
    text = cells.get(name, "")
    if not text:
        return ""
    try:
        return plain_text(text, LONGEST_NAME)
    except BadValue as error:
        flag(name, str(error))
        return ""
