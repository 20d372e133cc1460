"""JSON as strict as money requires: whatever two parsers could read differently is refused."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

MOST_BYTES = 256 * 1024
DEEPEST = 20
MOST_DIGITS = 15


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = f"Send at most {MOST_BYTES // 1024} KB."


class StrictJSONParser(BaseParser):
    """An object, in UTF-8, at most 256 KB and 20 levels, each key once, every number finite and of sane length."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise TooLarge
        return read_object(body)


def read_object(body: bytes) -> dict[str, Any]:
    """Read the bytes as an object. Raises ParseError with a sentence that repeats none of them."""
    try:
        said = json.loads(
            body.decode(),
            object_pairs_hook=_once_each,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_no_number,
        )
    except ParseError:
        raise
    except (ValueError, RecursionError) as error:
        raise ParseError("The body must be JSON in UTF-8.") from error
    if not isinstance(said, dict):
        raise ParseError("The body must be a JSON object.")
    _check(said, DEEPEST)
    return said


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("Use each key once in an object.")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ParseError(f"Numbers may have at most {MOST_DIGITS} digits.")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ParseError("A number is too large.")
    return number


def _no_number(constant: str) -> float:
    raise ParseError("NaN and Infinity are not numbers in JSON.")


def _check(value: Any, levels: int) -> None:
    """Refuse what is nested too deep, and text that no database can hold: NUL and halves of surrogate pairs."""
    if levels < 0:
        raise ParseError(f"The body may be nested {DEEPEST} levels deep at most.")
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ParseError("The text has characters that are not valid Unicode.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, levels)
            _check(item, levels - 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, levels - 1)
