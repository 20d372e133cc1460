"""Build a snapshot: a job reads everything for sale once, stock by stock, and stores it as one file.

Guarantee: a file under its name is always whole, and a row that says "ready" has a whole file; two builders never work
at the same time, and if one is killed, another follows after five minutes.
"""

import logging
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import IntegrityError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from leads.models import Lead, Vertical
from marketplace.inventory import snapshot
from marketplace.inventory.feed import here
from marketplace.inventory.layout import Layout, schema_id
from marketplace.inventory.loader import gather_all
from marketplace.inventory.startup import is_small
from marketplace.inventory.stock import Stock
from marketplace.models import InventorySnapshot

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
KEPT = 2
TOLD_FOR = timedelta(days=7)
TOLD_EVERY = 1.0
Clock = Callable[[], datetime]


def shelf_files() -> Storage:
    return storages["inventory"]


def build_due(*, clock: Clock = timezone.now) -> InventorySnapshot | None:
    """Build a snapshot if one is due and nobody else is building. Return the new one."""
    now = clock()
    InventorySnapshot.objects.abandoned(now).update(
        status=InventorySnapshot.Status.FAILED, problem="its builder was killed"
    )
    return build(clock=clock) if is_due(now) else None


def is_due(now: datetime) -> bool:
    """Whether a snapshot is due; never while every stock is small enough for a process to load by itself."""
    if all(map(is_small, Vertical.objects.for_resale())):
        return False
    newest = InventorySnapshot.objects.ready().first()
    if newest is None or newest.started_at <= now - EVERY or newest.schemas != _schemas():
        return True
    return not shelf_files().exists(newest.name)


def build(*, clock: Clock = timezone.now) -> InventorySnapshot | None:
    """Build a snapshot of what is for sale now. Return None if another builder is working."""
    row = _claim(clock())
    if row is None:
        return None
    try:
        _write(row, clock)
    except BaseException as error:
        InventorySnapshot.objects.filter(pk=row.pk).update(
            status=InventorySnapshot.Status.FAILED, problem=type(error).__name__
        )
        raise
    log.info("built the snapshot %s: %s leads, %s bytes", row, f"{row.leads_total:,}", f"{row.size:,}")
    _drop_old(clock())
    return row


def _claim(now: datetime) -> InventorySnapshot | None:
    try:
        with transaction.atomic():
            return InventorySnapshot.objects.create(
                name=f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}.shelf",
                cursor=here().text,
                schemas=_schemas(),
                leads_total=Lead.objects.for_sale().count(),
                started_at=now,
                told_at=now,
            )
    except IntegrityError:
        return None


def _schemas() -> list[int]:
    newest = (vertical.newest_schema for vertical in Vertical.objects.order_by("pk"))
    return [schema.pk for schema in newest if schema]


def _write(row: InventorySnapshot, clock: Clock) -> None:
    folder = Path(settings.VAR_DIR) / "inventory"
    folder.mkdir(parents=True, exist_ok=True)
    _drop_parts(folder)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
        part = Path(file.name)
        try:
            with _telling(row, clock) as told:
                writer = snapshot.Writer(file)
                verticals = list(Vertical.objects.for_resale().with_newest_schema())
                layouts = {vertical.pk: Layout.of(vertical.schema) for vertical in verticals}
                gathered = gather_all(layouts, told)
                for vertical in verticals:
                    columns = gathered.pop(vertical.pk)
                    writer.add(vertical.pk, Stock.of(schema_id(vertical), layouts[vertical.pk], columns))
                    told(0)
                row.sha256 = writer.close()
            row.size = part.stat().st_size
            _keep(part, row.name)
        finally:
            part.unlink(missing_ok=True)
    _finish(row, clock())


def _finish(row: InventorySnapshot, now: datetime) -> None:
    """Mark it ready, unless it was given up for reporting no progress: then another builder's file counts."""
    ready = {"status": InventorySnapshot.Status.READY, "sha256": row.sha256, "size": row.size, "built_at": now}
    if not InventorySnapshot.objects.in_work().filter(pk=row.pk).update(**ready):
        shelf_files().delete(row.name)
    row.refresh_from_db()


def _drop_parts(folder: Path) -> None:
    """Delete what killed builders left behind."""
    long_ago = time.time() - EVERY.total_seconds()
    for part in folder.glob("*.part"):
        if part.stat().st_mtime < long_ago:
            part.unlink(missing_ok=True)


def _keep(part: Path, name: str) -> None:
    """Store the whole file under its name: by renaming on our own disk, else by uploading it in one piece."""
    files = shelf_files()
    try:
        part.replace(files.path(name))
    except NotImplementedError:
        with part.open("rb") as whole:
            files.save(name, File(whole))


@contextmanager
def _telling(row: InventorySnapshot, clock: Clock) -> Iterator[Callable[[int], None]]:
    """Yield a function that reports progress on a second connection: this one is busy reading."""
    other: BaseDatabaseWrapper = connections.create_connection("default")
    last = time.monotonic()
    done = 0

    def told(leads: int) -> None:
        nonlocal last, done
        done += leads
        if time.monotonic() - last >= TOLD_EVERY:
            last = time.monotonic()
            with other.cursor() as cursor:
                cursor.execute(
                    "UPDATE marketplace_inventorysnapshot SET leads_done = %s, told_at = %s WHERE id = %s",
                    [done, clock(), row.pk],
                )

    try:
        yield told
    finally:
        other.close()


def _drop_old(now: datetime) -> None:
    """Keep the newest snapshot, and one more in case it is damaged. Failed builds stay on record for a week."""
    kept = [row.pk for row in InventorySnapshot.objects.ready()[:KEPT]]
    for row in InventorySnapshot.objects.exclude(pk__in=kept).exclude(status=InventorySnapshot.Status.BUILDING):
        shelf_files().delete(row.name)
        if row.status == InventorySnapshot.Status.READY or row.started_at < now - TOLD_FOR:
            row.delete()
