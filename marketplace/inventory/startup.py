"""Startup: a process gets its stocks from the newest whole snapshot, or from the database if there are few leads."""

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
"""The most leads of a vertical that a process reads by itself, in about a second."""


class NotReady(Exception):
    """The inventory is still loading. ``percent`` is the progress, if known; try again after ``wait`` seconds."""

    wait = 5

    def __init__(self, percent: int | None) -> None:
        super().__init__("We are still counting the leads for sale. Try again in a minute or two.")
        self.percent = percent


@dataclass(frozen=True)
class Opened:
    """A loaded snapshot, and the cursor from which to read the change feed."""

    key: int
    cursor: Cursor
    stocks: dict[int, Stock]


def newest_snapshot(*, than: int = 0) -> Opened | None:
    """Load the newest whole snapshot that is newer than the one with id ``than``. A damaged one is marked, so that it
    gets rebuilt."""
    for row in InventorySnapshot.objects.ready().filter(pk__gt=than):
        try:
            return _opened(row)
        except FeedLost:
            log.warning("snapshot %s is older than the change feed", row)
            return None  # older ones are lost too
        except snapshot.Damaged as error:
            log.error("snapshot %s is damaged and will be rebuilt: %s", row, error)
            InventorySnapshot.objects.filter(pk=row.pk).update(
                status=InventorySnapshot.Status.DAMAGED, problem=f"{type(error).__name__}: {error}"[:200]
            )
        except DatabaseError:
            raise
        except Exception:  # whatever the file storage raises: pages must not depend on it
            log.exception("snapshot %s cannot be read on this host; is STORAGE_URL set?", row)
    return None


def _opened(row: InventorySnapshot) -> Opened:
    started = time.monotonic()
    check(Cursor(row.cursor))
    opened = Opened(row.pk, Cursor(row.cursor), snapshot.load(_local(row.name)))
    leads = sum(len(stock.shelf) for stock in opened.stocks.values())
    log.info("loaded the inventory: %s leads in %.1f s, from %s", f"{leads:,}", time.monotonic() - started, row)
    return opened


def _local(name: str) -> Path:
    """Return the path of the file on this machine: the original or a copy."""
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
                old.unlink(missing_ok=True)  # a process that has it open keeps it
    return copy


def has_newer(key: int) -> bool:
    return InventorySnapshot.objects.ready().filter(pk__gt=key).exists()


def is_small(vertical: Vertical) -> bool:
    """Whether a process may read the vertical's stock by itself."""
    return not Lead.objects.for_sale().in_vertical(vertical)[SMALL : SMALL + 1].exists()


def small_stock(vertical: Vertical) -> Stock:
    """Build the stock from the database right away, with its holds. Raises NotReady if that would take too long."""
    if not is_small(vertical):
        row = InventorySnapshot.objects.in_work().first()
        raise NotReady(row.percent if row else None)
    layout = Layout.of(vertical.schema)
    stock = Stock.of(schema_id(vertical), layout, gather(vertical.pk, layout))
    holds = read_holds(vertical.pk)
    stock.hold(list(holds), holds)
    return stock
