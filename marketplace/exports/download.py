"""Downloads: a file goes to somebody allowed to have it, and the download is recorded before its first byte."""

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
    """Return the order's file; the caller has checked that the user or API key may have it. Raises ShapeRefused.

    HEAD returns only the headers and does not count as a download.
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
    """Yield the file. A complete download also settles the manifest: it is a large file's first, and corrects it if
    somebody opted out during the download (that copy is shorter than its headers said; the client must retry)."""
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
    """Return the client's address: as seen by the outermost of our own proxies, or the connection's peer."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    trusted = settings.TRUSTED_PROXIES
    said = hops[-trusted] if trusted and len(hops) >= trusted else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        return None
