"""The snapshot file: every stock as columns that are memory-mapped, and sets that are read into memory.

Format: eight magic bytes · columns and sets in sequence, each aligned to eight bytes · a JSON index of what is where ·
the index's length in eight bytes · SHA-256 of everything before it. The file is written front to back and never
changed.
"""

import hashlib
import json
import mmap
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from leads.models import Vertical
from marketplace.inventory.columns import Choices, Numbers, Places
from marketplace.inventory.layout import Layout, schema_id
from marketplace.inventory.numbers import Cells
from marketplace.inventory.stock import Stock

MAGIC = b"RMSHELF1"
ALIGNED, NUMBER, DIGEST = 8, 8, 32
READ_AT_ONCE = 1 << 23
Index = dict[str, Any]


class Damaged(Exception):
    """The file is not a complete snapshot: truncated, altered, or in another format."""


class Writer:
    """Writes stocks to the file one after another, so that only one at a time is in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._size = 0
        self._stocks: list[Index] = []
        self._write(MAGIC)

    def add(self, vertical_id: int, stock: Stock) -> None:
        self._stocks.append(
            {
                "vertical": vertical_id,
                "schema": stock.schema_id,
                "layout": stock.layout.signature,
                "columns": {name: self._column(values) for name, values in _columns(stock).items()},
                "shelf": self._set(stock.shelf),
                "choices": {name: self._sets(choices.sets) for name, choices in stock.choices.items()},
                "bins": {name: [self._set(part) for part in numbers.bins] for name, numbers in stock.numbers.items()},
                "traits": {str(source): traits for source, traits in stock.traits.items()},
                "size": len(stock),
            }
        )

    def close(self) -> str:
        """Write the index. Return the digest at the end of the file, in hexadecimal."""
        index = json.dumps(self._stocks, separators=(",", ":")).encode()
        self._write(index)
        self._write(len(index).to_bytes(NUMBER, "big"))
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._digest.hexdigest()

    def _column(self, values: NDArray[Any]) -> list[Any]:
        place = self._place()
        self._write(np.ascontiguousarray(values).data.cast("B") if len(values) else b"")
        return [place, len(values), values.dtype.str]

    def _sets(self, sets: dict[str, BitMap]) -> dict[str, list[int]]:
        return {value: self._set(positions) for value, positions in sets.items()}

    def _set(self, positions: BitMap) -> list[int]:
        place, data = self._place(), positions.serialize()
        self._write(data)
        return [place, len(data)]

    def _place(self) -> int:
        self._write(bytes(-self._size % ALIGNED))
        return self._size

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)


def _columns(stock: Stock) -> dict[str, NDArray[Any]]:
    places = stock.places
    found = {"ids": stock.ids.base, "asked": stock.asked.base, "by_id": stock.by_id}
    found |= {"place.codes": places.codes, "place.starts": places.starts, "place.positions": places.positions}
    for name, numbers in stock.numbers.items():
        found |= {f"number.{name}": numbers.cells.base, f"edges.{name}": numbers.edges}
    return found


def load(path: Path) -> dict[int, Stock]:
    """Return the stocks in the file by vertical. Raises Damaged, and then nothing in the file is used."""
    size = _check(path)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    view = memoryview(mapped)
    try:
        stocks = json.loads(view[slice(*_index_place(view))].tobytes())
        layouts = _layouts(stocks)
        return {
            stock["vertical"]: _stock(view, stock, layouts[stock["vertical"]])
            for stock in stocks
            if stock["vertical"] in layouts
        }
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Damaged("its content does not match its index") from error
    finally:
        mapped.madvise(mmap.MADV_DONTNEED)  # the sets are copied by now, and columns are paged in as they are used


def _check(path: Path) -> int:
    """Verify the file by reading it once. Return its size."""
    size = path.stat().st_size
    digest, left = hashlib.sha256(), size - DIGEST
    with path.open("rb", buffering=0) as file:
        if left < len(MAGIC) + NUMBER or file.read(len(MAGIC)) != MAGIC:
            raise Damaged("it does not start like a snapshot")
        digest.update(MAGIC)
        left -= len(MAGIC)
        while left:
            block = file.read(min(left, READ_AT_ONCE))
            digest.update(block)
            left -= len(block)
        if file.read(DIGEST) != digest.digest():
            raise Damaged("its digest does not match its content")
    return size


def _index_place(view: memoryview) -> tuple[int, int]:
    end = len(view) - DIGEST - NUMBER
    return end - int.from_bytes(view[end : end + NUMBER], "big"), end


def _layouts(stocks: list[Index]) -> dict[int, Layout]:
    """Return the layouts of stocks with today's columns; the others cannot answer today's filters."""
    found = Vertical.objects.with_newest_schema().in_bulk([stock["vertical"] for stock in stocks])
    layouts = {pk: Layout.of(vertical.schema) for pk, vertical in found.items()}
    return {
        stock["vertical"]: layouts[stock["vertical"]]
        for stock in stocks
        if schema_id(found[stock["vertical"]]) == stock["schema"]
        and layouts[stock["vertical"]].signature == stock["layout"]
    }


def _stock(view: memoryview, index: Index, layout: Layout) -> Stock:
    columns = {name: _read_column(view, *place) for name, place in index["columns"].items()}
    sets = {name: _read_sets(view, places) for name, places in index["choices"].items()}
    places = Places(columns["place.codes"], columns["place.starts"], columns["place.positions"], index["size"])
    return Stock(
        schema_id=index["schema"],
        layout=layout,
        ids=Cells(columns["ids"]),
        asked=Cells(columns["asked"]),
        by_id=columns["by_id"],
        shelf=_read_set(view, *index["shelf"]),
        choices={name: Choices(found) for name, found in sets.items()},
        numbers={name: _numbers(view, columns, name, bins) for name, bins in index["bins"].items()},
        places=places,
        traits={int(source): tuple(traits) for source, traits in index["traits"].items()},
    )


def _numbers(view: memoryview, columns: dict[str, NDArray[Any]], name: str, bins: list[list[int]]) -> Numbers:
    sets = [_read_set(view, *place) for place in bins]
    return Numbers(columns[f"edges.{name}"], sets, Cells(columns[f"number.{name}"]))


def _read_column(view: memoryview, place: int, count: int, kind: str) -> NDArray[Any]:
    return np.frombuffer(view, np.dtype(kind), count, place) if count else np.empty(0, np.dtype(kind))


def _read_sets(view: memoryview, places: dict[str, list[int]]) -> dict[str, BitMap]:
    return {value: _read_set(view, *place) for value, place in places.items()}


def _read_set(view: memoryview, place: int, length: int) -> BitMap:
    return BitMap.deserialize(view[place : place + length].tobytes())
