"""Names that no vertical's field may have: something answers to them already, in a file, a filter or a question."""

import re

from django.db.models import JSONField

from leads.schema.common_columns import ENVELOPE_NAMES

LONGEST_NAME = 40
# Two underscores divide a path into the answers; at the end of a name they would make two with what follows.
NAME = re.compile(r"[a-z](?:_?[a-z0-9])*")
ENDS = ("_min", "_max")

# What may be asked of every lead (envelope.py, which stands on the models and so cannot be read from here).
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
        "evidence",
        "channels",
        "price",
    ]
)
# How pages, the API and the filters themselves speak of it, and parts of a person that nobody may ask for.
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
    """Whether a field can be called so at all: small letters, digits and single underscores within."""
    return len(text) <= LONGEST_NAME and bool(NAME.fullmatch(text))


def is_taken(name: str) -> bool:
    """Whether something else is called so. The ends of a from–to are ``<name>_min`` and ``<name>_max``."""
    return name in RESERVED_NAMES or name.endswith(ENDS)
