"""Check that a list of fields is a valid schema. Each fault is a sentence for the admin who edits it."""

import math
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError

from leads.schema.fields import CHOOSING, Field, FieldType
from leads.schema.names import is_name, is_taken


def check_schema(items: Any) -> None:
    """Raises ValidationError with one sentence per fault of a schema in its JSON form."""
    if not isinstance(items, list):
        raise ValidationError("A schema must be a list of fields.")
    faults = [fault for position, item in enumerate(items, 1) for fault in _faults(position, item)]
    names = [item.get("name") for item in items if isinstance(item, dict)]
    faults += [f"“{name}” is listed twice." for name in sorted({str(n) for n in names if names.count(n) > 1})]
    if faults:
        raise ValidationError(faults)


def _faults(position: int, item: Any) -> Iterator[str]:
    if not isinstance(item, dict) or not is_name(str(item.get("name", ""))):
        yield f"Field {position}: enter a name of lowercase letters, digits and _."
        return
    name = item["name"]
    if unknown := set(item) - set(Field.__dataclass_fields__):
        yield f"“{name}” has unknown settings: {', '.join(sorted(map(str, unknown)))}."
    if is_taken(name):
        yield f"“{name}” is a reserved name. Choose another."
    if not str(item.get("label", "")).strip():
        yield f"“{name}”: enter a label."
    if item.get("type") not in FieldType.values:
        yield f"“{name}”: choose a type."
    yield from _faults_of_choices(name, item)
    yield from _faults_of_settings(name, item)


def _faults_of_choices(name: str, item: dict[str, Any]) -> Iterator[str]:
    choices = _choices_of(item)
    if choices is None or any(not key or "," in key or len(key) > 60 for key in choices):
        yield f"“{name}”: enter choices as key and label. A key can have at most 60 characters and no comma."
    elif (item.get("type") in CHOOSING) != bool(choices):
        yield f"“{name}” has a type that {'needs' if item.get('type') in CHOOSING else 'cannot have'} choices."


def _choices_of(item: dict[str, Any]) -> dict[str, str] | None:
    """Return choices given as an object or as pairs, or None if they are neither."""
    try:
        choices = dict(item.get("choices", {}))
    except (TypeError, ValueError):
        return None
    return choices if all(isinstance(text, str) for pair in choices.items() for text in pair) else None


def _faults_of_settings(name: str, item: dict[str, Any]) -> Iterator[str]:
    bounds = [bound for key in ("minimum", "maximum") if (bound := item.get(key)) is not None]
    if not all(_is_number(bound) for bound in bounds):
        yield f"“{name}”: enter numbers for the minimum and maximum."
    elif bounds != sorted(bounds):
        yield f"“{name}”: enter a maximum that is not below the minimum."
    aliases = item.get("aliases", [])
    if not isinstance(aliases, list | tuple) or not all(isinstance(alias, str) for alias in aliases):
        yield f"“{name}”: enter aliases as a list of texts."
    for key in ("filterable", "sensitive"):
        if not isinstance(item.get(key, False), bool):
            yield f"“{name}”: enter true or false for “{key}”."


def _is_number(bound: Any) -> bool:
    return isinstance(bound, int | float) and not isinstance(bound, bool) and math.isfinite(bound)
