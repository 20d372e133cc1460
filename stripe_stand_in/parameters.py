"""The parameters a request may have. Anything else is refused by name, so that nothing is silently ignored."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from stripe_stand_in import errors

Params = dict[str, Any]
Reader = Callable[[Any, str], Any]
MAX_CENTS = 99_999_999
MIN_CENTS = 50


def decode(encoded: str) -> Params:
    """Return ``a[b][0]=c`` as nested dicts; an empty index (``expand[]``) takes the next free number."""
    tree: Params = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name) or [""]
        place = tree
        for key, following in zip([head, *rest], rest, strict=False):
            place = _branch(place, key, following)
        last = rest[-1] if rest else head
        place[last or str(len(place))] = value
    return tree


def _branch(place: Params, key: str, name: str) -> Params:
    branch = place.setdefault(key or str(len(place)), {})
    if not isinstance(branch, dict):
        raise errors.invalid(f"Invalid {key}: it is given both a value and parts, as in {key}[{name}]", key)
    return branch


@dataclass(frozen=True)
class Form:
    fields: Mapping[str, Reader]
    required: tuple[str, ...] = ()

    def read(self, given: Any, prefix: str = "") -> Params:
        if not isinstance(given, dict):
            raise errors.invalid(f"Invalid object: {prefix}", prefix)
        read = {}
        for key, value in given.items():
            name = f"{prefix}[{key}]" if prefix else key
            if key not in self.fields:
                raise errors.unknown(name)
            read[key] = self.fields[key](value, name)
        for key in self.required:
            if key not in read:
                raise errors.missing(f"{prefix}[{key}]" if prefix else key)
        return read

    __call__ = read


def text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise errors.invalid(f"Invalid string: {name}", name)
    if not value:
        raise errors.invalid(f"You passed an empty string for '{name}'.", name, "parameter_invalid_empty")
    if len(value) > 5000:
        raise errors.invalid(f"Invalid string: {name} must be at most 5000 characters", name)
    return value


def clearable(value: Any, name: str) -> str | None:
    return None if value == "" else text(value, name)


def choice(*allowed: str) -> Reader:
    def read(value: Any, name: str) -> str:
        if value not in allowed:
            raise errors.invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", name)
        return str(value)

    return read


def boolean(value: Any, name: str) -> bool:
    if value not in ("true", "false"):
        raise errors.invalid(f"Invalid boolean: {value}", name)
    return bool(value == "true")


def integer(value: Any, name: str) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,15}", value):
        raise errors.invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    return int(value)


def between(least: int, most: int) -> Reader:
    def read(value: Any, name: str) -> int:
        number = integer(value, name)
        if not least <= number <= most:
            raise errors.invalid(f"Invalid {name}: must be from {least} to {most}", name)
        return number

    return read


positive = between(1, MAX_CENTS)


def amount(value: Any, name: str) -> int:
    """A valid payment amount: at least 50 cents, at most eight digits."""
    return payable(integer(value, name), name)


def payable(cents: int, name: str = "amount") -> int:
    if cents < MIN_CENTS:
        raise errors.invalid("Amount must be at least $0.50 usd", name, "amount_too_small")
    if cents > MAX_CENTS:
        raise errors.invalid("Amount must be no more than $999,999.99", name, "amount_too_large")
    return cents


def currency(value: Any, name: str) -> str:
    if value != "usd":
        raise errors.invalid(f"Invalid currency: {value}. The stand-in supports usd only.", name)
    return "usd"


def sequence(reader: Reader) -> Reader:
    def read(value: Any, name: str) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise errors.invalid(f"Invalid array: {name}", name)
        return [reader(value[key], f"{name}[{key}]") for key in sorted(value, key=int)]

    return read


def metadata(value: Any, name: str) -> dict[str, str] | None:
    """Keys to set, and empty ones to unset; None unsets all."""
    if value == "":
        return None
    if not isinstance(value, dict) or len(value) > 50:
        raise errors.invalid(f"Invalid {name}: it can have up to 50 keys", name)
    for key, entry in value.items():
        if not isinstance(entry, str) or len(entry) > 500 or len(key) > 40:
            raise errors.invalid(f"Invalid {name}[{key}]: keys can have up to 40 characters, values up to 500", name)
    return value


def with_metadata(old: dict[str, str], new: dict[str, str] | None) -> dict[str, str]:
    if new is None:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value}


def instants(value: Any, name: str) -> dict[str, int]:
    """Return ``created=5`` or ``created[gte]=5`` as inclusive bounds."""
    if isinstance(value, str):
        return {"since": integer(value, name), "until": integer(value, name)}
    asked = Form(dict.fromkeys(("gt", "gte", "lt", "lte"), integer)).read(value, name)
    since = [asked[key] + (key == "gt") for key in ("gt", "gte") if key in asked]
    until = [asked[key] - (key == "lt") for key in ("lt", "lte") if key in asked]
    return {"since": max(since, default=0), "until": min(until, default=2**62)}


def web_address(value: Any, name: str) -> str:
    if not re.match(r"https?://[^/\s]", text(value, name)):
        raise errors.invalid(f"Invalid URL: {value}. It must start with http:// or https://", name, "url_invalid")
    return str(value)


def pick(params: Params, names: Iterable[str]) -> Params:
    return {name: params.get(name) for name in names}
