"""The OpenAPI description as the docs page shows it: operations with their parameters, fields and examples."""

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
    """``fields`` only where the operation succeeded; all refusals have the same."""

    status: str
    meaning: str
    fields: list[ManualField]
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
        return list(fields_of(content["schema"], self.schema)) if content else []

    @property
    def examples(self) -> list[tuple[str, str]]:
        return examples_of(self.said.get("requestBody", {}).get("content", {}).get(JSON, {}))

    @property
    def answers(self) -> list[ManualResponse]:
        return [self._answer(status, said) for status, said in sorted(self.said["responses"].items())]

    def _answer(self, status: str, said: dict[str, Any]) -> ManualResponse:
        content = said.get("content", {}).get(JSON, {})
        fields = fields_of(content.get("schema", {}), self.schema) if status < "300" else ()
        return ManualResponse(status, said.get("description", ""), list(fields), examples_of(content))


def operations_of(schema: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in schema["paths"].items():
        for method, said in methods.items():
            yield Operation(method.upper(), path, said, schema)


def fields_of(said: dict[str, Any], schema: dict[str, Any], before: str = "") -> Iterator[ManualField]:
    """The fields of an object and of what it holds, each by its path, as in ``results[].legs.left``."""
    shape = resolved(said, schema)
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
    """What a reference refers to. A reference with a meaning of its own stands in ``allOf``."""
    reference = said.get("$ref") or said.get("allOf", [{}])[0].get("$ref")
    if not reference:
        return said
    found: dict[str, Any] = schema["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    return found


def type_of(said: dict[str, Any]) -> str:
    """The type in a word or two."""
    if "oneOf" in said:
        return " or ".join(type_of(one) for one in said["oneOf"])
    if "enum" in said:
        return " | ".join(f"{value}" for value in said["enum"])
    name = {"uuid": "id", "date-time": "instant", "date": "date", "uri": "URL"}.get(said.get("format", ""))
    name = name or {"integer": "whole number", "boolean": "true or false", "string": "text"}.get(said.get("type", ""))
    return f"{name or said.get('type', '')}{', or null' if said.get('nullable') else ''}"


def examples_of(content: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, JSON) of each example."""
    found = content.get("examples", {}).values()
    return [(one.get("summary", ""), json.dumps(one["value"], indent=2, ensure_ascii=False)) for one in found]
