"""The manifest: how many rows and bytes a file has, and its SHA-256, counted by writing it without sending it.

A file depends on sales, which never change, and on a little that can: who opted out, and what a source is called. The
``basis`` is a digest of that. If it differs, the manifest is void, and is counted again before anybody sees it.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from leads.models import Source
from marketplace.exports.rows import reason_stopped
from marketplace.exports.shape import Shape, shape_of, shape_of_export
from marketplace.exports.writing import Count, write
from marketplace.models import Export, Order

SMALL = 2_000  # up to this many rows are counted while the page waits
VERSION = 1  # of columns and writing; raise it to void every older manifest


def manifest_of(
    order: Order, preset: str = "plain", format: str = "csv", columns: Iterable[str] = (), part: int = 1
) -> Export:
    """Return the file's manifest, counted now if it is small; else ``is_ready`` says whether a job has counted it.

    Raises ShapeRefused.
    """
    shape = shape_of(order, preset, format, columns, part)
    return export_of(shape, basis_of(order))


def export_of(shape: Shape, basis: str) -> Export:
    """Return the export of this shape, created if it is new; ``basis`` is the current one. If it is not ready, it
    waits for ``work_on``."""
    export, _ = Export.objects.get_or_create(
        order=shape.order,
        preset=shape.preset.name,
        columns=list(shape.chosen),
        format=shape.format,
        part=shape.part,
    )
    if export.status == Export.Status.FAILED or (export.is_ready and export.basis != basis):
        _void(export)
    if not export.is_ready and shape.rows <= SMALL:
        count(export, shape)
    return export


def work_on(export_id: int, now: datetime) -> None:
    """Count a waiting export. The first worker to claim it counts it; any further call does nothing."""
    claimed = Export.objects.due(now).filter(pk=export_id)
    if not claimed.update(status=Export.Status.BUILDING, started_at=now, rows_done=0):
        return
    export = Export.objects.select_related("order").get(pk=export_id)
    try:
        count(export, shape_of_export(export))
    except Exception:
        Export.objects.filter(pk=export_id).update(status=Export.Status.FAILED)
        raise


def count(export: Export, shape: Shape) -> None:
    """Write the file without keeping it, and store its counts."""
    basis = basis_of(shape.order)  # before the rows: an opt-out in the meantime voids it, so nobody is missed
    counted = Count()
    for _ in write(shape, counted):
        if shape.rows > SMALL:
            Export.objects.filter(pk=export.pk).update(rows_done=counted.rows)
    settle(export, counted, basis)


def settle(export: Export, counted: Count, basis: str) -> None:
    """Store the counts of a file that was written to its end."""
    export.status = Export.Status.READY
    export.rows = export.rows_done = counted.rows
    export.tombstones, export.bytes, export.sha256 = counted.tombstones, counted.size, counted.sha256
    export.basis, export.built_at = basis, timezone.now()
    export.save(update_fields=["status", "rows", "rows_done", "tombstones", "bytes", "sha256", "basis", "built_at"])


def basis_of(order: Order) -> str:
    """Return a digest of everything in this order's files that does not come from its sales."""
    sales = order.sales.order_by("id")
    stopped = sales.filter(Q(lead__withdrawn_at__isnull=False) | Q(lead__contact__sealed=None))
    gone = [
        (lead, reason_stopped(withdrawn_at, None))
        for lead, withdrawn_at in stopped.values_list("lead_id", "lead__withdrawn_at")
    ]
    sources = Source.objects.filter(pk__in=sales.order_by().values("lead__source")).order_by("pk")
    named = list(sources.values_list("pk", "legal_name", "site", "site_masked"))
    return hashlib.sha256(json.dumps([VERSION, gone, named]).encode()).hexdigest()


def _void(export: Export) -> None:
    export.status, export.rows_done = Export.Status.QUEUED, 0
    export.save(update_fields=["status", "rows_done"])
