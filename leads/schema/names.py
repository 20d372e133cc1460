"""Names that no vertical's field may have, because a file, a filter or a lookup already uses them."""

import re

from django.db.models import JSONField

from leads.schema.common_columns import ENVELOPE_NAMES

LONGEST_NAME = 40
# Two underscores separate the parts of a lookup path; one at the end of a name would join with the next to make two.
NAME = re.compile(r"[a-z](?:_?[a-z0-9])*")
ENDS = ("_min", "_max")

# What can be asked of every lead (common_fields.py, which imports the models and so cannot be imported here).
ASKED = frozenset(
    [
        "state",
        "postal_code",
        "zip_prefix",
        "near",
        "age_days",
        "times_sold",
        "legs_left",
        "phone_type",
        "source_kind",
        "grade",
        "incentive",
        "proof",
        "channels",
        "price",
    ]
)
# Parameters of pages, the API and the filters themselves, and parts of a contact that nobody may filter by.
SPOKEN = frozenset(
    [
        "vertical",
        "filter_fields",
        "zip",
        "miles",
        "age",
        "sort",
        "page",
        "q",
        "buy_sort",
        "max_price",
        "limit",
        "quantity",
        "by",
        "lead",
        "after",
        "exclusive",
        "column",
        "row",
    ]
)
LOOKUPS = frozenset(JSONField().get_lookups())

RESERVED_NAMES = ASKED | SPOKEN | LOOKUPS | ENVELOPE_NAMES


def is_name(text: str) -> bool:
    """Whether a field can have this name: lowercase letters, digits, and single underscores inside it."""
    return len(text) <= LONGEST_NAME and bool(NAME.fullmatch(text))


def is_taken(name: str) -> bool:
    """Whether the name is already used. The ends of a from–to filter are ``<name>_min`` and ``<name>_max``."""
    return name in RESERVED_NAMES or name.endswith(ENDS)
