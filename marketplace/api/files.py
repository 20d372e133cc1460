"""An order's leads as a file, and what the file comes to."""

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.errors import Invalid
from marketplace.api.orders import order_named
from marketplace.api.refusals import refuses
from marketplace.api.serializers import ManifestSerializer
from marketplace.api.view import MarketView, buyer_of, key_of
from marketplace.exports.download import file_response
from marketplace.exports.manifest import manifest_of
from marketplace.exports.presets import PRESETS
from marketplace.exports.tasks import build_export
from marketplace.models.file import FileFormat

AGAIN_SECONDS = 5
SHAPE = [
    OpenApiParameter("preset", str, enum=list(PRESETS), description="For which program; “plain” if nothing is said."),
    OpenApiParameter(
        "columns", str, description="With the preset “own”: the columns' names in your order, divided by commas."
    ),
    OpenApiParameter("part", int, description="Which part, where the program takes only so many rows a file."),
]


class File(MarketView):
    takes = frozenset({"preset", "columns", "part"})

    @extend_schema(
        operation_id="get_order_file",
        tags=["Files"],
        parameters=SHAPE,
        responses={(200, "text/csv"): OpenApiTypes.STR, **refuses(400, 404)},
    )
    def get(self, request: Request, public_id: str) -> HttpResponseBase:
        """The order's leads as CSV, written as it is sent. Each download is recorded, with the key that asked.

        People who stopped since the sale are left out of it; their rows say so.
        """
        order = order_named(public_id, buyer_of(request))
        preset, columns, part = shape_asked(request)
        return file_response(
            order, preset, FileFormat.CSV, columns, part, request=request._request, api_key=key_of(request)
        )


class Manifest(MarketView):
    takes = frozenset({"preset", "columns", "part"})

    @extend_schema(
        operation_id="get_order_manifest",
        tags=["Files"],
        parameters=SHAPE,
        responses={
            200: ManifestSerializer,
            202: OpenApiResponse(ManifestSerializer, "Being counted; “Retry-After” says when to ask again."),
            **refuses(400, 404),
        },
    )
    def get(self, request: Request, public_id: str) -> Response:
        """Rows, bytes and SHA-256 of the file with the same parameters, to check a download against."""
        order = order_named(public_id, buyer_of(request))
        preset, columns, part = shape_asked(request)
        export = manifest_of(order, preset, FileFormat.CSV, columns, part)
        answer = ManifestSerializer(export).data
        if export.is_ready:
            return Response(answer)
        build_export.delay(export.pk)
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Retry-After": str(AGAIN_SECONDS)})


def shape_asked(request: Request) -> tuple[str, list[str], int]:
    """(preset, columns, part) of the query string. Raises Invalid."""
    asked = request.query_params
    columns = [name for name in asked.get("columns", "").split(",") if name]
    part = asked.get("part", "1")
    if not (part.isascii() and part.isdigit() and len(part) <= 4):
        raise Invalid({"part": "Wants a whole number."})
    return asked.get("preset", "plain"), columns, int(part)
