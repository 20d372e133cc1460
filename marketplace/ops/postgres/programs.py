"""Call PostgreSQL's own programs: initdb, postgres, pg_ctl."""

import os
import re
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from marketplace.ops.postgres.account import ServerAccount
from marketplace.ops.postgres.binaries import find_programs
from marketplace.ops.postgres.errors import EmbeddedPostgresError

STOP_SECONDS = 20


class Programs:
    def __init__(self, account: ServerAccount, log: Path) -> None:
        self.account = account
        self.log = log

    @cached_property
    def directory(self) -> Path:
        return find_programs(self.account)

    @cached_property
    def major(self) -> int:
        found = re.search(r"\(PostgreSQL\) (\d+)", self._run("postgres", "--version"))
        if found is None:
            raise EmbeddedPostgresError(f"{self.directory}/postgres does not report its version")
        return int(found[1])

    def make_cluster(self, data: Path, *, role: str, database: str, password: str, synced: bool) -> None:
        # PostgreSQL 17 and later bring their own locale, so indexes survive an upgrade of the system's libraries.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix=".password-") as file:
            file.write(password)
            file.flush()
            self.account.own(Path(file.name))
            arguments = ["-D", data, "-U", role, "-E", "UTF8", "--auth=scram-sha-256", f"--pwfile={file.name}"]
            arguments += ["--data-checksums", *([] if synced else ["--no-sync"])]
            self._run("initdb", *arguments, *(locale if self.major >= 17 else ["--locale=C.UTF-8"]))
        # Single-user mode: the database is created before any server runs, so every connection finds it.
        with tempfile.TemporaryFile("w+") as statement:
            statement.write(f"CREATE DATABASE {database}\n")
            statement.seek(0)
            switches = ["--single", "-D", data, *([] if synced else ["-F"])]
            answer = self._run("postgres", *switches, "postgres", stdin=statement)
        if "ERROR" in answer:
            raise EmbeddedPostgresError(answer)

    def start_server(self, data: Path, options: tuple[str, ...], *, seconds: int) -> None:
        switches = " ".join(f"-c '{option}'" for option in options)
        self._run("pg_ctl", "-D", data, "-l", self.log, "-w", "-t", seconds, "-o", switches, "start")

    def stop_server(self, data: Path) -> None:
        self._run("pg_ctl", "-D", data, "-w", "-t", STOP_SECONDS, "-m", "fast", "stop")

    def _run(self, program: str, *arguments: Any, stdin: IO[str] | int = subprocess.DEVNULL) -> str:
        command = [str(self.directory / program), *map(str, arguments)]
        # A file, not a pipe: the server started by pg_ctl would inherit the pipe and its reader would hang.
        with tempfile.TemporaryFile() as output:
            try:
                identity = self.account.run_options()
                done = subprocess.run(
                    command, stdin=stdin, stdout=output, stderr=output, cwd="/", env=_environment(), **identity
                )
            except PermissionError as error:
                raise EmbeddedPostgresError(f"The user {self.account.name} cannot run {command[0]}") from error
            output.seek(0)
            text = output.read().decode(errors="replace")
        if done.returncode:
            raise EmbeddedPostgresError(f"{program} failed ({done.returncode}): {text}{self._log_tail()}")
        return text

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""


def _environment() -> dict[str, str]:
    """Return our environment without what would make clusters differ by machine: PG*, locale, time zone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
