"""The OpenAPI description as the docs page shows it: operations with their parameters, fields, headers and examples."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class ManualField:
    """A parameter or a field: its name, its type in a word or two, what it means."""

    name: str
    type: str
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class ManualResponse:
    """``fields`` only where the operation succeeded; refusals are described once for all."""

    status: str
    meaning: str
    fields: list[ManualField]
    headers: list[str]
    examples: list[tuple[str, str]]


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    said: dict[str, Any]
    schema: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.said["operationId"])

    @property
    def summary(self) -> str:
        return str(self.said["summary"])

    @property
    def subject(self) -> str:
        return str(self.said["tags"][0])

    @property
    def paragraphs(self) -> list[str]:
        return [" ".join(part.split()) for part in self.said.get("description", "").split("\n\n")]

    @property
    def parameters(self) -> list[ManualField]:
        return [
            ManualField(one["name"], type_of(one["schema"]), one.get("description", ""), one.get("required", False))
            for one in self.said.get("parameters", [])
        ]

    @property
    def body(self) -> list[ManualField]:
        content = self.said.get("requestBody", {}).get("content", {}).get(JSON)
        fields = fields_of(content["schema"], self.schema) if content else ()
        return list({field.name: field for field in fields}.values())

    @property
    def examples(self) -> list[tuple[str, str]]:
        return examples_of(self.said.get("requestBody", {}).get("content", {}).get(JSON, {}))

    @property
    def answers(self) -> list[ManualResponse]:
        return [self._answer(status, said) for status, said in sorted(self.said["responses"].items())]

    def _answer(self, status: str, said: dict[str, Any]) -> ManualResponse:
        content = said.get("content", {}).get(JSON, {})
        fields = fields_of(content.get("schema", {}), self.schema) if status < "300" else ()
        return ManualResponse(
            status, said.get("description", ""), list(fields), list(said.get("headers", {})), examples_of(content)
        )


def operations_of(schema: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method, said in methods.items():
            yield Operation(method.upper(), path, said, schema)


def fields_of(said: dict[str, Any], schema: dict[str, Any], before: str = "") -> Iterator[ManualField]:
    """The fields of an object and of what it holds, each by its path, such as ``results[].legs.left``."""
    shape = resolved(said, schema)
    for one in shape.get("oneOf", shape.get("anyOf", ())):
        yield from fields_of(one, schema, before)
    if shape.get("type") == "array":
        yield from fields_of(shape["items"], schema, before and f"{before}[]")
        return
    for name, one in shape.get("properties", {}).items():
        path = f"{before}.{name}" if before else name
        inner = resolved(one, schema)
        meaning = one.get("description") or inner.get("description", "")
        yield ManualField(path, type_of(inner), " ".join(meaning.split()), name in shape.get("required", ()))
        yield from fields_of(inner, schema, path)


def resolved(said: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to. A reference with its own description stands in ``allOf``."""
    reference = said.get("$ref") or said.get("allOf", [{}])[0].get("$ref")
    if not reference:
        return said
    found: dict[str, Any] = schema["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return found


def type_of(said: dict[str, Any]) -> str:
    """The type in a few words, with its bounds."""
    if several := said.get("oneOf") or said.get("anyOf"):
        return " or ".join(dict.fromkeys(type_of(one) for one in several))
    if "items" in said:
        return f"list of {bounds_of(said, 'Items')}{type_of(said['items'])}"
    if "enum" in said:
        return " | ".join(f"{value}" for value in said["enum"])
    name = {"uuid": "id", "date-time": "instant", "date": "date", "uri": "URL"}.get(said.get("format", ""))
    name = name or {"integer": "whole number", "boolean": "true or false", "string": "text"}.get(said.get("type", ""))
    bounds = bounds_of(said, "imum") or bounds_of(said, "Length")
    return f"{name or said.get('type', '')}{bounds and f', {bounds}'}{', or null' if said.get('nullable') else ''}"


def bounds_of(said: dict[str, Any], kind: str) -> str:
    """The bounds of a number (``imum``), a text (``Length``) or a list (``Items``)."""
    low, high = said.get(f"min{kind}"), said.get(f"max{kind}")
    unit = " characters" if kind == "Length" else " " if kind == "Items" else ""
    if low is not None and high is not None:
        return f"{low:,} to {high:,}{unit}"
    return f"at most {high:,}{unit}" if high is not None else f"at least {low:,}{unit}" if low is not None else ""


def examples_of(content: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, JSON) of each example."""
    found = content.get("examples", {}).values()
    return [(one.get("summary", ""), json.dumps(one["value"], indent=2, ensure_ascii=False)) for one in found]
