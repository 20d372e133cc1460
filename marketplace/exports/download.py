"""Sending: a file goes out to somebody who may have it, and that is written down before its first byte."""

import base64
import ipaddress
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from buyers.models import ApiKey, User
from marketplace.exports.manifest import basis_of, export_of, settle
from marketplace.exports.shape import Shape, shape_of
from marketplace.exports.writing import Count, write
from marketplace.models import Download, Export, Order
from marketplace.models.file import FileFormat

CONTENT_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.MARKED_CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def file_response(
    order: Order,
    preset: str = "plain",
    format: str = FileFormat.CSV,
    columns: Iterable[str] = (),
    part: int = 1,
    *,
    request: HttpRequest,
    user: User | None = None,
    api_key: ApiKey | None = None,
) -> HttpResponseBase:
    """The order's file for the user or key that the caller found to be allowed it. Raises ShapeRefused.

    HEAD answers the headers alone, and nobody has fetched anything.
    """
    shape = shape_of(order, preset, format, columns, part)
    basis = basis_of(order)
    export = export_of(shape, basis)
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(content_type=CONTENT_TYPES[shape.format])
    else:
        _record(shape, user=user, api_key=api_key, request=request)
        response = StreamingHttpResponse(_sent(shape, export, basis), content_type=CONTENT_TYPES[shape.format])
    for name, value in _headers(shape, export).items():
        response[name] = value
    return response


def _headers(shape: Shape, export: Export) -> dict[str, str]:
    headers = {
        "Content-Disposition": f'attachment; filename="{shape.filename}"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "none",
    }
    if export.is_ready:
        digest = base64.b64encode(bytes.fromhex(export.sha256)).decode()
        headers |= {
            "Content-Length": str(export.bytes),
            "ETag": f'"{export.sha256}"',
            "Repr-Digest": f"sha-256=:{digest}:",
        }
    return headers


def _sent(shape: Shape, export: Export, basis: str) -> Iterator[bytes]:
    """The file. What went out to its end is a manifest too: the first for a big file, and the truth where somebody
    stopped in the very seconds it took (that copy is shorter than it promised, and its reader asks again)."""
    counted = Count()
    yield from write(shape, counted)
    if counted.sha256 != export.sha256 or not export.is_ready:
        settle(export, counted, basis)


def _record(shape: Shape, *, user: User | None, api_key: ApiKey | None, request: HttpRequest) -> None:
    Download.objects.create(
        order=shape.order,
        user=user,
        api_key=api_key,
        preset=shape.preset.name,
        format=shape.format,
        part=shape.part,
        rows=shape.rows,
        address=address_of(request),
    )


def address_of(request: HttpRequest) -> str | None:
    """Where the request came from: what the outermost of our own proxies saw, or the connection's other end."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    trusted = settings.TRUSTED_PROXIES
    said = hops[-trusted] if trusted and len(hops) >= trusted else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        return None
