"""Request bodies read as strictly as money requires: JSON types as they are, and no field that is not declared.

REST framework would take "1", 1.0 and true for the number 1. What these fields check is what OpenAPI says of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leads.criteria.clauses import FARTHEST_MILES, MOST_VALUES
from leads.criteria.criteria import MOST_CLAUSES


class StrictSerializer(serializers.Serializer[Any]):
    """An object with no other fields than these."""

    default_error_messages = {"invalid": "Send an object."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError({min(unknown)[:40]: ["This field is unknown."]})
        return super().to_internal_value(data)


def check_body(shape: type[StrictSerializer], body: Any, *, partial: bool = False) -> dict[str, Any]:
    """The body with its values read. Raises ValidationError."""
    serializer = shape(data=body, partial=partial)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class OfType:
    """Takes values of one JSON type only, where REST framework would convert others."""

    json_type: type

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not self.json_type:
            self.fail("invalid")  # type: ignore[attr-defined]
        return super().to_internal_value(data)  # type: ignore[misc]


class WholeNumber(OfType, serializers.IntegerField):
    json_type = int

    def __init__(self, *, min_value: int, max_value: int, **more: Any) -> None:
        sentence = f"Enter a whole number from {min_value:,} to {max_value:,}."
        messages: dict[str, Any] = dict.fromkeys(("invalid", "min_value", "max_value"), sentence)
        super().__init__(min_value=min_value, max_value=max_value, error_messages=messages, **more)


class Flag(OfType, serializers.BooleanField):
    json_type = bool
    default_error_messages = {"invalid": "Enter true or false."}


class Text(OfType, serializers.CharField):
    json_type = str
    default_error_messages = {"invalid": "Enter text."}

    def __init__(self, **more: Any) -> None:
        super().__init__(trim_whitespace=False, **more)


class Identifier(OfType, serializers.UUIDField):
    json_type = str
    default_error_messages = {"invalid": "Enter an id, as an answer of the API gave it."}


class OneOfThese(serializers.ChoiceField):
    """An enum, in and out. REST framework's own message would repeat what was sent."""

    def __init__(self, choices: Iterable[Any], **more: Any) -> None:
        names = [str(name) for name in choices]
        super().__init__(names, error_messages={"invalid_choice": f"Use one of: {', '.join(names)}."}, **more)

    def to_representation(self, value: Any) -> Any:
        return value


class BoundedList(serializers.ListField):
    """Counts its items before it reads them."""

    def __init__(self, *, min_length: int, max_length: int, **more: Any) -> None:
        super().__init__(min_length=min_length, max_length=max_length, **more)
        self.bounds = range(min_length, max_length + 1)
        self.error_messages["not_a_list"] = f"Send a list of {min_length} to {max_length:,} items."

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, list) or len(data) not in self.bounds:
            self.fail("not_a_list")
        return super().to_internal_value(data)


_NAMED = {"field": {"type": "string", "description": "The “field” of one of the vertical's filters."}}
_VALUES = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_VALUES}
_END = {"oneOf": [{"type": "number"}, {"type": "string", "format": "date"}]}


def _clause(title: str, required: list[str], **values: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "title": title,
        "properties": {**_NAMED, **values},
        "required": ["field", *required],
        "additionalProperties": False,
    }


CLAUSE = {
    "oneOf": [
        _clause("Any of", ["in"], **{"in": _VALUES}),
        _clause("All of", ["has"], has=_VALUES),
        _clause("Yes or no", ["is"], **{"is": {"type": "boolean"}}),
        {
            **_clause("From, to", [], min=_END, max=_END),
            "anyOf": [{"required": ["min"]}, {"required": ["max"]}],
        },
        _clause(
            "Near a ZIP",
            ["zip", "miles"],
            zip={"type": "string", "pattern": "^[0-9]{5}$"},
            miles={"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": FARTHEST_MILES},
        ),
    ]
}


@extend_schema_field(CLAUSE)
class ClauseField(serializers.DictField):
    """One clause of criteria; what it may say of which field is read with the vertical (leads/criteria)."""

    default_error_messages = {"not_a_dict": "Send a clause: an object with “field”."}


class ClausesField(BoundedList):
    child = ClauseField()

    def __init__(self, **more: Any) -> None:
        super().__init__(min_length=0, max_length=MOST_CLAUSES, **more)
