"""Stored uploads: sealed in frames under a name we make up, read as a stream, deleted when the import is done.

A frame is its kind, its length in four bytes and a sealed piece, bound to the upload and to its position in it. The
last frame is sealed as the last, so that a truncated upload raises an error instead of opening as a shorter file.
"""

import io
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.core.files.storage import default_storage

from leads.people.sealing import key_ring

FRAME_BYTES = 256 * 1024
LENGTH_BYTES = 4
PIECE, END = b"+", b"."


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(FRAME_BYTES):
        yield chunk


def store(chunks: Iterable[bytes]) -> str:
    """Seal and store the chunks. Return the name to open them with."""
    name = f"imports/{uuid.uuid4()}"
    with tempfile.TemporaryFile() as spool:
        for number, piece in enumerate(chunks):
            spool.write(_frame(PIECE, piece, f"{name}|{number}"))
        spool.write(_frame(END, b"", f"{name}|end"))
        spool.seek(0)
        return default_storage.save(name, File(spool, name))


def open_stored(name: str) -> BinaryIO:
    """Open the upload unsealed, as a stream to read once. Raises SealBroken while reading if it was altered."""
    return cast(BinaryIO, io.BufferedReader(_Unsealing(default_storage.open(name), name), FRAME_BYTES))


def discard(name: str) -> None:
    if name:
        default_storage.delete(name)


def _frame(kind: bytes, piece: bytes, row: str) -> bytes:
    sealed = key_ring().seal(piece, row=f"upload|{row}")
    return kind + len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed


class _Unsealing(io.RawIOBase):
    def __init__(self, sealed: Any, name: str) -> None:
        self.sealed = sealed
        self.name = name
        self.number = 0
        self.rest = b""
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest and not self.ended:
            self._next_frame()
        taken = self.rest[: len(buffer)]
        self.rest = self.rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        if not self.closed:
            self.sealed.close()
        super().close()

    def _next_frame(self) -> None:
        kind, sealed = self._read_frame()
        self.ended = kind == END
        place = "end" if self.ended else str(self.number)
        self.rest = key_ring().unseal(sealed, row=f"upload|{self.name}|{place}")
        self.number += 1

    def _read_frame(self) -> tuple[bytes, bytes]:
        kind = self.sealed.read(1)
        length = int.from_bytes(self.sealed.read(LENGTH_BYTES), "big")
        return kind, self.sealed.read(length)
