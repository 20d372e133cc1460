"""Deliberate failures between a request and its answer."""

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase

KINDS = ("slow", "lose_answer", "fail_before", "fail_after", "die")


@dataclass
class Mishap:
    """Applies to the next ``times`` requests like ``POST /v1/refunds*``; None means until mishaps are cleared."""

    kind: str
    path: str
    times: int | None
    seconds: float = 0


@dataclass(frozen=True)
class Fate:
    """The mishaps of one request."""

    delay: float = 0
    kinds: frozenset[str] = frozenset()

    def __contains__(self, kind: str) -> bool:
        return kind in self.kinds


class Mishaps:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Mishap] = []

    def add(self, mishap: Mishap) -> None:
        with self._lock:
            self._waiting.append(mishap)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Mishap]:
        with self._lock:
            return list(self._waiting)

    def befall(self, method: str, path: str) -> Fate:
        """Return the mishaps of this request, at most one of each kind: two waiting ones are for two requests."""
        with self._lock:
            struck: dict[str, Mishap] = {}
            for mishap in self._waiting:
                if mishap.kind not in struck and fnmatchcase(f"{method} {path}", mishap.path):
                    struck[mishap.kind] = mishap
            for mishap in struck.values():
                self._use(mishap)
        delay = struck["slow"].seconds if "slow" in struck else 0
        return Fate(delay, frozenset(struck))

    def _use(self, mishap: Mishap) -> None:
        if mishap.times is None:
            return
        mishap.times -= 1
        if not mishap.times:
            self._waiting.remove(mishap)
