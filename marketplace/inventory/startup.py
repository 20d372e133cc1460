"""Opening: where a process gets its stocks from: the newest whole snapshot, or the database for a small shelf."""

import logging
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.storage import storages
from django.db import DatabaseError

from leads.models import Lead, Vertical
from marketplace.inventory import snapshot
from marketplace.inventory.feed import Cursor, FeedLost, check
from marketplace.inventory.holds import read_holds
from marketplace.inventory.layout import Layout, schema_id
from marketplace.inventory.loader import gather
from marketplace.inventory.stock import Stock
from marketplace.models import InventorySnapshot

log = logging.getLogger(__name__)

SMALL = 100_000
"""Leads of a vertical that a process may read for itself, in about a second."""


class NotReady(Exception):
    """The shelf is being counted. ``percent`` says how far that is, as far as anybody knows; ask again after ``wait``
    seconds."""

    wait = 5

    def __init__(self, percent: int | None) -> None:
        super().__init__("The shelf is being counted. This takes a minute or two.")
        self.percent = percent


@dataclass(frozen=True)
class Opened:
    """What a snapshot held, and from where on the change feed is to be read."""

    key: int
    cursor: Cursor
    stocks: dict[int, Stock]


def newest_snapshot(*, than: int = 0) -> Opened | None:
    """The newest whole snapshot, of those made after the one with the key ``than``. A damaged one is marked, so that it
    is built anew."""
    for row in InventorySnapshot.objects.ready().filter(pk__gt=than):
        try:
            return _opened(row)
        except FeedLost:
            log.warning("the snapshot %s is older than the change feed reaches", row)
            return None  # older ones are lost too
        except snapshot.Damaged as error:
            log.error("the snapshot %s is damaged and will be built anew: %s", row, error)
            InventorySnapshot.objects.filter(pk=row.pk).update(
                status=InventorySnapshot.Status.DAMAGED, problem=f"{type(error).__name__}: {error}"[:200]
            )
        except DatabaseError:
            raise
        except Exception:  # whatever the place where files are kept may say: answers must not hang on it
            log.exception("the snapshot %s cannot be read on this host; is STORAGE_URL set?", row)
    return None


def _opened(row: InventorySnapshot) -> Opened:
    started = time.monotonic()
    check(Cursor(row.cursor))
    opened = Opened(row.pk, Cursor(row.cursor), snapshot.load(_local(row.name)))
    leads = sum(len(stock.shelf) for stock in opened.stocks.values())
    log.info("opened the shelf: %s leads in %.1f s, from %s", f"{leads:,}", time.monotonic() - started, row)
    return opened


def _local(name: str) -> Path:
    """The file on this machine: where it is kept, or a copy of it."""
    files = storages["inventory"]
    try:
        return Path(files.path(name))
    except NotImplementedError:
        return _fetched(name)


def _fetched(name: str) -> Path:
    folder = Path(settings.VAR_DIR) / "inventory-copies"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / name
    if not copy.exists():
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            part = Path(aside) / name
            with storages["inventory"].open(name) as remote, part.open("wb") as whole:
                shutil.copyfileobj(remote, whole, snapshot.READ_AT_ONCE)
            part.replace(copy)
        for old in folder.glob("*.shelf"):
            if old != copy:
                old.unlink(missing_ok=True)  # who has it open keeps it
    return copy


def has_newer(key: int) -> bool:
    return InventorySnapshot.objects.ready().filter(pk__gt=key).exists()


def is_small(vertical: Vertical) -> bool:
    """Whether a process may read the vertical's stock for itself."""
    return not Lead.objects.for_sale().in_vertical(vertical)[SMALL : SMALL + 1].exists()


def small_stock(vertical: Vertical) -> Stock:
    """Made here and now from the database, with its holds. Raises NotReady when that would take too long."""
    if not is_small(vertical):
        row = InventorySnapshot.objects.in_work().first()
        raise NotReady(row.percent if row else None)
    layout = Layout.of(vertical.schema)
    stock = Stock.of(schema_id(vertical), layout, gather(vertical.pk, layout))
    holds = read_holds(vertical.pk)
    stock.hold(list(holds), holds)
    return stock
