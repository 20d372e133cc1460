"""Holds an answer to what the API's own description declares for it: status, headers and shape."""

import re
from functools import cache

from jsonschema import Draft4Validator, FormatChecker

from marketplace.api.schema import described

# Of the protocol, not of an operation; docs/api.md lists them.
FOR_ALL = {405, 413, 415}
HEADERS = ("Retry-After", "Location", "Idempotent-Replayed", "WWW-Authenticate", "RateLimit-Limit")


def as_json_schema(said):
    """OpenAPI 3.0 is JSON Schema of draft 4, but for ``nullable``."""
    if isinstance(said, list):
        return [as_json_schema(item) for item in said]
    if not isinstance(said, dict):
        return said
    shape = {key: as_json_schema(value) for key, value in said.items() if key not in ("nullable", "example")}
    return {"anyOf": [shape, {"type": "null"}]} if said.get("nullable") is True else shape


@cache
def components():
    return as_json_schema(described()["components"])


def check(value, shape):
    Draft4Validator(
        {**as_json_schema(shape), "components": components()},
        format_checker=FormatChecker(["date"]),
    ).validate(value)


def operation_of(method, path):
    """What the description says of an address, if anything. One without ids is meant before one with."""
    paths = described()["paths"]
    fitting = [one for one in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one), path)]
    found = min(fitting, key=lambda template: template.count("{"), default=None)
    return paths[found].get(method.lower()) if found else None


def check_answer(method, path, answer):
    operation = operation_of(method, path)
    if operation is None or answer.status_code in FOR_ALL:
        return
    declared = operation["responses"][str(answer.status_code)]
    content = declared["content"].get("application/json")
    if content:
        check(answer.json(), content["schema"])
    sent = {name for name in HEADERS if name in answer}
    assert sent <= set(declared["headers"]), (method, path, answer.status_code)
