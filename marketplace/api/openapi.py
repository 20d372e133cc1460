"""How the API describes itself beyond its fields: summaries, common headers, and bodies that take nothing else."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from marketplace.api.refusals import CODES

ANSWERED = [200, 201, 202, *(status for status in CODES if status != 401)]


def header(name: str, kind: Any, statuses: list[int], meaning: str) -> OpenApiParameter:
    """A header of answers with these statuses."""
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, response=statuses, description=meaning)


COMMON = [
    header("RateLimit-Limit", int, ANSWERED, "Requests that your company may make in a window."),
    header("RateLimit-Remaining", int, ANSWERED, "Requests left in this window."),
    header("RateLimit-Reset", int, ANSWERED, "Seconds until the next window."),
    header("WWW-Authenticate", str, [401], "How to send a key."),
    header("Retry-After", int, [429, 503], "Seconds to wait before you try again."),
]
PUBLIC_ID = OpenApiParameter(
    "public_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The “id” that another answer gave."
)


class MarketSchema(AutoSchema):
    """Every operation has a summary, made of its id, and the headers that every answer has."""

    def get_summary(self) -> str:
        return str(self.get_operation_id()).replace("_", " ").capitalize()

    def get_override_parameters(self) -> list[Any]:
        return [*COMMON, PUBLIC_ID] if "{public_id}" in self.path else list(COMMON)


class StrictBodies(OpenApiSerializerExtension):
    """What a strict serializer refuses, OpenAPI says too."""

    target_class = "marketplace.api.strict.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        shape: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**shape, "additionalProperties": False} if direction == "request" else shape
