"""An order's leads as a file, and its checksum."""

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.errors import Invalid
from marketplace.api.openapi import header
from marketplace.api.refusals import refuses
from marketplace.api.serializers import ManifestSerializer
from marketplace.api.view import OwnView, key_of
from marketplace.exports.download import file_response
from marketplace.exports.manifest import manifest_of
from marketplace.exports.presets import PRESETS
from marketplace.exports.tasks import build_export
from marketplace.models import Order
from marketplace.models.file import FileFormat

AGAIN_SECONDS = 5
PARAMETERS = [
    OpenApiParameter("preset", str, enum=list(PRESETS), default="plain", description="Which program the file is for."),
    OpenApiParameter(
        "columns", str, description="With the preset “own”: names of columns in your order, separated by commas."
    ),
    OpenApiParameter(
        "part",
        {"type": "integer", "minimum": 1, "maximum": 9999, "default": 1},
        description="Which part, for programs that take only so many rows in one file.",
    ),
]


class OrderFileView(OwnView[Order]):
    queryset = Order.objects.all()
    takes = frozenset({"preset", "columns", "part"})


class File(OrderFileView):
    @extend_schema(
        operation_id="get_order_file",
        tags=["Files"],
        parameters=PARAMETERS,
        responses={(200, "text/csv"): OpenApiTypes.STR, **refuses(404)},
    )
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """The order's leads as CSV. Each download is recorded with the key that asked for it.

        If someone opts out after you buy, later files no longer say who they are; their rows say so.
        """
        order, (preset, columns, part) = self.get_object(), file_asked(request)
        return file_response(
            order, preset, FileFormat.CSV, columns, part, request=request._request, api_key=key_of(request)
        )


class Manifest(OrderFileView):
    @extend_schema(
        operation_id="get_order_manifest",
        tags=["Files"],
        parameters=[*PARAMETERS, header("Retry-After", int, [202, 429], "Seconds to wait before you ask again.")],
        responses={
            200: ManifestSerializer,
            202: OpenApiResponse(ManifestSerializer, "Still being computed; ask again."),
            **refuses(404),
        },
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Rows, bytes and SHA-256 of the file with the same parameters, to check a download against."""
        order, (preset, columns, part) = self.get_object(), file_asked(request)
        export = manifest_of(order, preset, FileFormat.CSV, columns, part)
        answer = ManifestSerializer(export).data
        if export.is_ready:
            return Response(answer)
        build_export.delay(export.pk)
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Retry-After": str(AGAIN_SECONDS)})


def file_asked(request: Request) -> tuple[str, list[str], int]:
    """(preset, columns, part) of the query string. Raises Invalid."""
    asked = request.query_params
    columns = [name for name in asked.get("columns", "").split(",") if name]
    part = asked.get("part", "1")
    if not (part.isascii() and part.isdigit() and len(part) <= 4):
        raise Invalid({"part": "Enter the number of a part, such as 1."})
    return asked.get("preset", "plain"), columns, int(part)
