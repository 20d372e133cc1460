"""The users of a cluster: every process holds a shared lock on one file, so the last one to leave knows it is last.

The kernel drops the lock of a killed process, so there is no count that could leak.
"""

import fcntl
import os
import threading
from pathlib import Path

_guard = threading.Lock()
_held: dict[Path, tuple[int, int]] = {}


def enter(path: Path) -> bool:
    """Add this process to the users; False if it already was one. Waits while a last user is stopping the server."""
    with _guard:
        pid, descriptor = _held.get(path, (0, -1))
        if pid == os.getpid():
            return False
        if pid:
            os.close(descriptor)  # a forked child drops its parent's lock and takes its own
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[path] = (os.getpid(), descriptor)
        return True


class Leaving:
    """``with Leaving(path) as was_last``: end this process's use. If it was the last user, nobody can enter inside."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1

    def __enter__(self) -> bool:
        with _guard:
            pid, descriptor = _held.get(self.path, (0, -1))
            if pid != os.getpid():
                return False
            del _held[self.path]
        self.descriptor = descriptor
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
