"""One private PostgreSQL cluster: created and started on demand, stopped with the last process that uses it.

home            a directory, or a symlink to one that the server's OS user can reach
home/data       PostgreSQL's PGDATA
home/run        the unix socket (under the temporary directory when the path would be too long)
home/password   the password of the one database role, mode 0600
home/log        the server's log, which contains no row values
home.lock       held while the server is started or stopped
home.users      held, shared, by every process that uses the server
home.keep       present if ``manage.py pg start`` requested a server that outlives its users
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from marketplace.ops.postgres import users
from marketplace.ops.postgres.account import ServerAccount, server_account
from marketplace.ops.postgres.binaries import SHARED_ROOT
from marketplace.ops.postgres.errors import EmbeddedPostgresError
from marketplace.ops.postgres.programs import Programs

ROLE = DATABASE = "remainder"
LONGEST_SOCKET_PATH = 100  # the system's limit is 108 bytes on Linux, 104 on macOS
START_SECONDS = 60

SERVER_OPTIONS = (
    "listen_addresses=",
    "port=5432",
    "max_connections=100",
    "shared_buffers=256MB",
    "jit=off",
    # Operators read the log: it may say that a statement failed, but never with which values (promise P21).
    "log_statement=none",
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
)
TEST_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=128MB")


class Cluster:
    """Creating one touches nothing on disk; ``django_settings`` writes the password file; a connection starts it."""

    def __init__(self, home: Path | str, options: tuple[str, ...] = ()) -> None:
        self.pointer = Path(home).absolute()
        self.options = tuple(options)

    # -- where things are ------------------------------------------------------------------------

    @cached_property
    def account(self) -> ServerAccount:
        return server_account(self.pointer / "data")

    @cached_property
    def home(self) -> Path:
        """The real directory. For root under a closed home directory, one that the server's OS user can reach."""
        if self.pointer.is_dir():
            return self.pointer.resolve()
        beside_pointer = self.pointer.parent.resolve() / self.pointer.name
        if self.account.can_enter(beside_pointer):
            return beside_pointer
        return SHARED_ROOT / hashlib.sha256(str(self.pointer).encode()).hexdigest()[:16]

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @cached_property
    def socket_dir(self) -> Path:
        beside = self.home / "run"
        if len(os.fsencode(beside / ".s.PGSQL.5432.lock")) < LONGEST_SOCKET_PATH:
            return beside
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"remainder-{os.getuid()}-{digest}"

    def _beside(self, suffix: str) -> Path:
        return self.pointer.with_name(f"{self.pointer.name}.{suffix}")

    @cached_property
    def programs(self) -> Programs:
        return Programs(self.account, self.log)

    # -- for the settings ------------------------------------------------------------------------

    def django_settings(self, **extra: Any) -> dict[str, Any]:
        return {
            "ENGINE": "marketplace.ops.postgres",
            "NAME": DATABASE,
            "USER": ROLE,
            "PASSWORD": self.password,
            "HOST": str(self.socket_dir),
            "PORT": "5432",
            "EMBEDDED_HOME": str(self.pointer),
            "EMBEDDED_OPTIONS": self.options,
            **extra,
        }

    @cached_property
    def password(self) -> str:
        file = self.home / "password"
        if not (self.pointer.is_dir() and file.exists()):
            with self._locked():
                self._make_home()
                if not file.exists():
                    _write_private(file, secrets.token_urlsafe(24))
        return file.read_text()

    # -- start and stop --------------------------------------------------------------------------

    def pid(self) -> int | None:
        """Return the server's process ID if it is ready and answers on its socket, else None."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            pid, status = int(lines[0]), lines[7].strip()
        except (FileNotFoundError, ValueError, IndexError):
            return None
        return pid if status == "ready" and self._answers() else None

    def _answers(self) -> bool:
        # A file left by a crash, or a process ID now used by another process, fails here.
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.socket_dir / ".s.PGSQL.5432"))
            except OSError:
                return False
        return True

    def join(self) -> None:
        """Add this process to the users until it ends or leaves."""
        self.pointer.parent.mkdir(parents=True, exist_ok=True)
        if users.enter(self._beside("users")):
            atexit.register(self.leave)

    def ensure_running(self) -> bool:
        """Join the users and start the server if needed; True if this call started it. Processes may race."""
        self.join()
        if self.pid():
            return False
        password = self.password
        with self._locked():
            if self.pid():
                return False
            self._start(password)
            return True

    def keep_running(self) -> None:
        """Keep the server running until ``stop``, whoever leaves."""
        self.ensure_running()
        self._beside("keep").touch()

    def leave(self) -> bool:
        """End this process's use; True if it was the last user and stopped the server."""
        with users.Leaving(self._beside("users")) as was_last:
            if not was_last or self._beside("keep").exists():
                return False
            return self._stop_running()

    def stop(self) -> bool:
        """Stop the server now, whoever uses it; True if it was running."""
        self._beside("keep").unlink(missing_ok=True)
        return self._stop_running()

    def destroy(self) -> None:
        """Stop the server and delete its data. The password stays: processes that know it may start it again."""
        self.stop()
        with self._locked():
            self.log.unlink(missing_ok=True)
            if self.data.exists():
                shutil.rmtree(self.data)

    def _stop_running(self) -> bool:
        if not self.data.exists():
            return False
        with self._locked():
            if not self.pid():
                return False
            self.programs.stop_server(self.data)
            return True

    # -- internals -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.pointer.parent.mkdir(parents=True, exist_ok=True)
        with self._beside("lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_home(self) -> None:
        if not self.pointer.is_dir():
            self._clear_forgotten()
        self.home.mkdir(parents=True, exist_ok=True)
        # The server's OS user can pass through but can't list.
        self.home.chmod(0o700 if self.account.is_ourselves else 0o711)
        if self.home != self.pointer.resolve():
            self.pointer.symlink_to(self.home)

    def _clear_forgotten(self) -> None:
        """Delete data whose pointer was deleted, and with it the keys that could open the data."""
        self.pointer.unlink(missing_ok=True)
        if self.data.exists():
            if self.pid():
                self.programs.stop_server(self.data)
            shutil.rmtree(self.home)

    def _start(self, password: str) -> None:
        self._make_home()
        self._check_readable()
        if (self.data / "postmaster.pid").exists():
            # Alive without a socket (someone deleted it), or dead: either way it can't serve.
            with contextlib.suppress(EmbeddedPostgresError):
                self.programs.stop_server(self.data)
        for directory in (self.data, self.socket_dir):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.account.own(directory)
        self.log.touch(mode=0o600)
        self.account.own(self.log)
        if not (self.data / "PG_VERSION").exists():
            # Who may lose everything in a crash does not wait for the disk here either.
            synced = "fsync=off" not in self.options
            self.programs.make_cluster(self.data, role=ROLE, database=DATABASE, password=password, synced=synced)
        self.programs.start_server(self.data, self._server_options(), seconds=START_SECONDS)

    def _server_options(self) -> tuple[str, ...]:
        return (f"unix_socket_directories={self.socket_dir}", *SERVER_OPTIONS, *self.options)

    def _check_readable(self) -> None:
        if not self.account.can_enter(self.home):
            raise EmbeddedPostgresError(
                f"The user {self.account.name}, who runs the database, can't reach {self.home}. "
                "Move the project back to where it was, or start over with: make demo-reset"
            )
        version = self.data / "PG_VERSION"
        if version.exists() and (made_by := version.read_text().strip()) != str(self.programs.major):
            raise EmbeddedPostgresError(
                f"The database in {self.home} was created by PostgreSQL {made_by}, but the programs here are "
                f"PostgreSQL {self.programs.major}. Dump it with the old programs, or start over with: make demo-reset"
            )


def test_cluster(home: Path | str) -> Cluster:
    """Return a cluster that may lose everything in a crash. For tests only."""
    return Cluster(home, TEST_OPTIONS)


test_cluster.__test__ = False  # type: ignore[attr-defined]  # not a test for pytest to collect


def _write_private(file: Path, text: str) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    unfinished.replace(file)
