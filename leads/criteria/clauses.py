"""The kinds of clause a field can have: one of, from–to, yes or no, all of, near a place."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from pyroaring import BitMap

from leads.places import zips_within

MOST_VALUES = 1000
LARGEST_NUMBER = 10**12
FARTHEST_MILES = 250


class CriteriaError(ValueError):
    """The criteria are invalid. ``field`` says where; the message is a sentence for the user."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Index(Protocol):
    """Leads by what can be asked of them, as sets of numbers whose meaning is up to the index.
    Never change a set that it returned."""

    def any_of(self, field: str, values: Collection[str]) -> BitMap: ...

    def between(self, field: str, low: float | str | None, high: float | str | None) -> BitMap: ...

    def answered(self, field: str, answer: bool) -> BitMap: ...

    def all_of(self, field: str, values: Collection[str]) -> BitMap: ...

    def in_area(self, field: str, postal_codes: Collection[str]) -> BitMap: ...


class Clause(Protocol):
    """One condition on one field. A lead without a value never satisfies it."""

    kind: ClassVar[str]

    @property
    def field(self) -> str: ...

    @classmethod
    def read(cls, field: str, said: dict[str, Any]) -> "Clause": ...

    def accepts(self, value: Any) -> bool: ...

    def among(self, index: Index) -> BitMap: ...

    def as_json(self) -> dict[str, Any]: ...


def _only(field: str, said: dict[str, Any], allowed: set[str]) -> None:
    if not said or set(said) - allowed:
        words = " and ".join(f"“{key}”" for key in sorted(allowed))
        raise CriteriaError(field, f"Use {words} here.")


def _texts(field: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise CriteriaError(field, "Enter a list of values.")
    if len(values) > MOST_VALUES:
        raise CriteriaError(field, f"Enter at most {MOST_VALUES:,} values.")
    return tuple(dict.fromkeys(values))


@dataclass(frozen=True)
class OneOf:
    """Any of these values; for a field with several answers, at least one of them among the answers."""

    kind: ClassVar[str] = "in"
    field: str
    values: tuple[str, ...]

    @classmethod
    def read(cls, field: str, said: dict[str, Any]) -> Self:
        _only(field, said, {"in"})
        return cls(field, _texts(field, said["in"]))

    def accepts(self, value: Any) -> bool:
        if isinstance(value, list):
            return not set(self.values).isdisjoint(value)
        return value in self.values

    def among(self, index: Index) -> BitMap:
        return index.any_of(self.field, self.values)

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "in": list(self.values)}


@dataclass(frozen=True)
class Between:
    """From–to, both ends included, either end open. A value that is itself a range must overlap it."""

    kind: ClassVar[str] = "span"
    field: str
    low: float | str | None
    high: float | str | None

    @classmethod
    def read(cls, field: str, said: dict[str, Any]) -> Self:
        _only(field, said, {"min", "max"})
        low, high = _end(field, said.get("min")), _end(field, said.get("max"))
        if low is None and high is None:
            raise CriteriaError(field, "Enter a “min”, a “max” or both.")
        if isinstance(low, str) != isinstance(high, str) and None not in (low, high):
            raise CriteriaError(field, "“min” and “max” must be of the same type.")
        if low is not None and high is not None and low > high:  # type: ignore[operator]
            raise CriteriaError(field, "“min” must not be above “max”.")
        return cls(field, low, high)

    def accepts(self, value: Any) -> bool:
        if value is None:
            return False
        low, high = (value.get("min"), value.get("max")) if isinstance(value, dict) else (value, value)
        return (self.low is None or high is None or high >= self.low) and (
            self.high is None or low is None or low <= self.high
        )

    def among(self, index: Index) -> BitMap:
        return index.between(self.field, self.low, self.high)

    def as_json(self) -> dict[str, Any]:
        ends = {"min": self.low, "max": self.high}
        return {"field": self.field, **{key: end for key, end in ends.items() if end is not None}}


def _end(field: str, end: Any) -> float | str | None:
    if end is None or isinstance(end, str):
        return end
    if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end) or abs(end) > LARGEST_NUMBER:
        raise CriteriaError(field, "Enter a valid number.")
    return end


@dataclass(frozen=True)
class Is:
    """Yes, or no."""

    kind: ClassVar[str] = "is"
    field: str
    answer: bool

    @classmethod
    def read(cls, field: str, said: dict[str, Any]) -> Self:
        _only(field, said, {"is"})
        if not isinstance(said["is"], bool):
            raise CriteriaError(field, "Enter true or false.")
        return cls(field, said["is"])

    def accepts(self, value: Any) -> bool:
        return value is self.answer

    def among(self, index: Index) -> BitMap:
        return index.answered(self.field, self.answer)

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "is": self.answer}


@dataclass(frozen=True)
class AllOf:
    """All of these among the field's values."""

    kind: ClassVar[str] = "has"
    field: str
    values: tuple[str, ...]

    @classmethod
    def read(cls, field: str, said: dict[str, Any]) -> Self:
        _only(field, said, {"has"})
        return cls(field, _texts(field, said["has"]))

    def accepts(self, value: Collection[str] | None) -> bool:
        return value is not None and set(self.values) <= set(value)

    def among(self, index: Index) -> BitMap:
        return index.all_of(self.field, self.values)

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "has": list(self.values)}


@dataclass(frozen=True)
class Near:
    """Within a number of miles of a ZIP's center; the value is a lead's ZIP. ``area`` is the set of ZIPs within it."""

    kind: ClassVar[str] = "near"
    field: str
    postal_code: str
    miles: float

    @classmethod
    def read(cls, field: str, said: dict[str, Any]) -> Self:
        _only(field, said, {"zip", "miles"})
        postal_code, miles = said.get("zip"), said.get("miles")
        if not isinstance(postal_code, str) or not (
            len(postal_code) == 5 and postal_code.isascii() and postal_code.isdigit()
        ):
            raise CriteriaError(field, "Enter a five-digit ZIP code.")
        if isinstance(miles, bool) or not isinstance(miles, int | float) or not 0 < miles <= FARTHEST_MILES:
            raise CriteriaError(field, f"Enter a number of miles above 0 and up to {FARTHEST_MILES}.")
        return cls(field, postal_code, miles)

    @property
    def area(self) -> frozenset[str]:
        return zips_within(self.postal_code, self.miles)

    def accepts(self, value: Any) -> bool:
        return value in self.area

    def among(self, index: Index) -> BitMap:
        return index.in_area(self.field, self.area)

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "zip": self.postal_code, "miles": self.miles}


CLAUSE_KINDS: dict[str, type[Clause]] = {kind.kind: kind for kind in (OneOf, Between, Is, AllOf, Near)}
