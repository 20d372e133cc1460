"""The OS user the server runs as, and what that user can reach. PostgreSQL refuses to run as root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CANDIDATES = ("postgres", "remainder")


@dataclass(frozen=True)
class ServerAccount:
    """The server's OS user; ``uid`` is None until the user is created."""

    name: str
    uid: int | None = None
    gid: int | None = None

    @property
    def is_ourselves(self) -> bool:
        return self.uid == os.geteuid()

    def can_enter(self, path: Path) -> bool:
        """Whether this user can pass through every directory from the root down to ``path``."""
        path = path.resolve()
        existing = next(place for place in (path, *path.parents) if place.exists())
        return all(self._may_pass(place.stat()) for place in (existing, *existing.parents))

    def _may_pass(self, status: os.stat_result) -> bool:
        if self.uid == status.st_uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if self.gid == status.st_gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)

    def own(self, path: Path) -> None:
        if not self.is_ourselves:
            made = self.made()
            os.chown(path, made.uid or -1, made.gid or -1)

    def run_options(self) -> dict[str, Any]:
        """Return the ``subprocess`` options to run as this user."""
        if self.is_ourselves:
            return {}
        made = self.made()
        return {"user": made.uid, "group": made.gid, "extra_groups": []}

    def made(self) -> "ServerAccount":
        """Return the same user, added to the system if missing."""
        if self.uid is not None:
            return self
        try:
            pwd.getpwnam(self.name)
        except KeyError:
            command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", self.name]
            subprocess.run(command, check=True, capture_output=True)
        return _from_entry(pwd.getpwnam(self.name))


def server_account(data: Path) -> ServerAccount:
    """Return the current user; for root, the owner of existing data, else ``postgres``, else our own system user."""
    if os.geteuid() != 0:
        return ServerAccount(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())
    if data.exists() and data.stat().st_uid != 0:
        return _from_entry(pwd.getpwuid(data.stat().st_uid))
    for name in CANDIDATES:
        try:
            return _from_entry(pwd.getpwnam(name))
        except KeyError:
            continue
    return ServerAccount(CANDIDATES[-1])


def _from_entry(entry: pwd.struct_passwd) -> ServerAccount:
    return ServerAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)
