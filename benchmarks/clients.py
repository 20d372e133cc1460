"""A visitor's browser, kept light so that the measuring process adds little load."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.conf import settings

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
PAGES_A_VISITOR = 10


@dataclass(frozen=True)
class Visits:
    """The milliseconds of each page, and the seconds all of them took together."""

    milliseconds: list[float]
    seconds: float

    @property
    def a_second(self) -> float:
        return len(self.milliseconds) / self.seconds


def visit(port: int, paths: Iterator[str], *, connections: int, visits: int, patience: float) -> Visits:
    """Fetch this many pages over this many connections, each asking again as soon as it is answered. A visitor views
    ten pages; the next one has a new connection, which may reach another web process."""
    return asyncio.run(_visit(port, paths, connections, visits, patience))


async def _visit(port: int, paths: Iterator[str], connections: int, visits: int, patience: float) -> Visits:
    taken: list[float] = []
    started = time.perf_counter()
    until = started + patience

    def wants_more() -> bool:
        return len(taken) + connections <= visits and time.perf_counter() < until

    async def visitors() -> None:
        while wants_more():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for path in islice(paths, PAGES_A_VISITOR):
                asked = time.perf_counter()
                await _page(reader, writer, path)
                taken.append(1000 * (time.perf_counter() - asked))
                if not wants_more():
                    break
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(visitors() for _ in range(connections)))
    return Visits(taken, time.perf_counter() - started)


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{settings.PORT}\r\n\r\n".encode())
    head = await reader.readuntil(HEAD_END)
    assert head.startswith(b"HTTP/1.1 200 "), f"{path} answers {head.partition(bytes(2))[0][:40]!r}"
    lowered = head.lower()
    place = lowered.index(LENGTH) + len(LENGTH)
    await reader.readexactly(int(lowered[place : lowered.index(b"\r\n", place)]))
