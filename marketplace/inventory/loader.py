"""Load the leads for sale from the database as columns of numbers."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray
from psycopg import sql

from leads.models.lead import FOR_SALE
from marketplace.inventory.layout import ENVELOPE, Item, Layout

Columns = dict[str, NDArray[Any]]
Progress = Callable[[int], None]

# PostgreSQL's binary COPY: a header of 11 fixed bytes, flags and an extension; a trailer shorter than any row.
HEAD = 19
ROWS_AT_ONCE = 10_000

_FOR_SALE = """
    COPY (
        SELECT {columns} FROM leads_lead AS lead JOIN leads_consent AS consent ON consent.lead_id = lead.id
        WHERE lead.vertical_id = ANY({verticals}) AND {for_sale} {wanted}
    ) TO STDOUT (FORMAT BINARY)
"""
VERTICAL = Item("vertical", "i8", sql.SQL("lead.vertical_id"))
ZERO = {"i2": sql.SQL("0::int2"), "i4": sql.SQL("0::int4"), "i8": sql.SQL("0::int8"), "f8": sql.SQL("0::float8")}


def gather(
    vertical_id: int, layout: Layout, *, leads: Collection[int] | None = None, progress: Progress | None = None
) -> Columns:
    """Return the vertical's leads for sale, or those of ``leads`` that are, as columns in no particular order.

    ``progress`` is called now and then with how many more rows arrived.
    """
    wanted: sql.Composable = sql.SQL("")
    if leads is not None:
        wanted = sql.SQL("AND lead.id = ANY({}::bigint[])").format(sql.Literal(sorted(leads)))
    pieces = list(_rows(layout.items, [vertical_id], wanted, progress))
    found = np.concatenate(pieces) if pieces else np.empty(0, _row_type(layout.items))
    return {item.name: found[item.name].astype(item.wire) for item in layout.items}


def gather_all(layouts: Mapping[int, Layout], progress: Progress | None = None) -> dict[int, Columns]:
    """Return everything for sale in these verticals, read in one pass, since they share the database's pages.

    A vertical's own columns share slots with other verticals' columns of the same width.
    """
    slots = _slots(layouts)
    shared = [_shared(name, slots[name]) for name in slots]
    pieces: dict[int, list[NDArray[Any]]] = {pk: [] for pk in layouts}
    for rows in _rows((VERTICAL, *ENVELOPE, *shared), list(layouts), sql.SQL(""), progress):
        for pk in layouts:
            pieces[pk].append(rows[rows["vertical"] == pk])
    return {pk: _columns_of(pk, pieces.pop(pk), slots) for pk in layouts}


def _slots(layouts: Mapping[int, Layout]) -> dict[str, dict[int, Item]]:
    """Return, by slot name, which column each vertical keeps there."""
    slots: dict[str, dict[int, Item]] = {}
    for pk, layout in layouts.items():
        taken: Counter[str] = Counter()
        for item in layout.own:
            slots.setdefault(f"{item.wire}.{taken[item.wire]}", {})[pk] = item
            taken[item.wire] += 1
    return slots


def _shared(name: str, kept: dict[int, Item]) -> Item:
    wire = name.partition(".")[0]
    whens = [
        sql.SQL("WHEN {} THEN {}").format(sql.Literal(pk), sql.SQL("({})").format(item.expression))
        for pk, item in kept.items()
    ]
    chosen = sql.SQL("CASE lead.vertical_id {} ELSE {} END").format(sql.SQL(" ").join(whens), ZERO[wire])
    return Item(name, wire, chosen)


def _columns_of(pk: int, pieces: list[NDArray[Any]], slots: dict[str, dict[int, Item]]) -> Columns:
    own = {kept[pk].name: name for name, kept in slots.items() if pk in kept}
    names = {item.name: item.name for item in ENVELOPE} | own
    columns: Columns = {}
    for name, slot in names.items():
        parts = [piece[slot] for piece in pieces]
        columns[name] = np.concatenate(parts) if parts else np.empty(0)
    return {name: values.astype(values.dtype.newbyteorder("=")) for name, values in columns.items()}


def _row_type(items: Iterable[Item]) -> np.dtype[Any]:
    """Return the type of a row on the wire: the number of values, then each value after its length; big-endian."""
    parts = [("values", ">i2")]
    for item in items:
        parts += [(f"length of {item.name}", ">i4"), (item.name, f">{item.wire}")]
    return np.dtype(parts)


def _rows(
    items: Sequence[Item], verticals: list[int], wanted: sql.Composable, progress: Progress | None
) -> Iterator[NDArray[Any]]:
    """Yield only the values of the rows: half of each row is lengths."""
    columns = sql.SQL(", ").join(item.expression for item in items)
    statement = sql.SQL(_FOR_SALE).format(
        columns=columns, verticals=sql.Literal(verticals), for_sale=sql.SQL(FOR_SALE), wanted=wanted
    )
    row = _row_type(items)
    kept = np.dtype([(item.name, row[item.name]) for item in items])
    for whole in _whole_rows(_wire(statement), row):
        rows = np.empty(len(whole), kept)
        for item in items:
            rows[item.name] = whole[item.name]
        if progress:
            progress(len(rows))
        yield rows


def _wire(statement: sql.Composed) -> Iterator[bytes]:
    """Run the COPY with enough memory for the consents of ten million leads; with less, PostgreSQL would spill the
    leads themselves to disk and read them back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            yield from copy


def _whole_rows(wire: Iterator[bytes], row: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Yield whole rows. The server sends one row per block; blocks are joined without inspecting them."""
    waiting, skip = b"", HEAD
    while blocks := b"".join(islice(wire, ROWS_AT_ONCE)):
        data = waiting + blocks
        whole = max(0, len(data) - skip) // row.itemsize
        yield np.frombuffer(data, row, whole, skip if whole else 0)
        waiting, skip = (data[skip + whole * row.itemsize :], 0) if whole else (data, skip)
