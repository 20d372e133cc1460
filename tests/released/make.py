"""Make the record of a release: ``python -m tests.released.make 0.2.0``, once, when its migrations are frozen.

Writes a dump of a small demo market as that release keeps it, and the digests of the release's migrations.
"""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
PROJECT = FOLDER.parent.parent
APPS = ("leads", "buyers", "billing", "marketplace")
LEADS = 120
FILL = f"""
import subprocess
import django
django.setup()
from django.conf import settings
from marketplace.ops.demo.market import make_market
make_market(lambda line: None, leads={LEADS})
of, cluster = settings.DATABASES["default"], settings.EMBEDDED_CLUSTER
subprocess.run(
    [cluster.programs.directory / "pg_dump", "--no-owner", "--no-privileges", "--file", settings.VAR_DIR / "dump.sql"],
    env={{"PGHOST": of["HOST"], "PGPORT": of["PORT"], "PGUSER": of["USER"], "PGDATABASE": of["NAME"],
         "PGPASSWORD": of["PASSWORD"]}},
    check=True,
)
"""


def migrations() -> dict[str, str]:
    """Each migration's path to the digest of its text."""
    paths = (path for app in APPS for path in sorted((PROJECT / app / "migrations").glob("0*.py")))
    return {str(path.relative_to(PROJECT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def main(version: str) -> None:
    (FOLDER / f"{version}.json").write_text(json.dumps(migrations(), indent=1) + "\n")
    with tempfile.TemporaryDirectory(prefix="released-") as folder:
        Path(folder).chmod(0o711)  # the server's own user passes through
        os.environ |= {"MODE": "demo", "VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "marketplace.settings"}
        for command in (["manage.py", "migrate", "--verbosity=0"], ["-c", FILL]):
            subprocess.run([sys.executable, *command], cwd=PROJECT, check=True)
        dump = (Path(folder) / "dump.sql").read_text()
        subprocess.run([sys.executable, "manage.py", "pg", "stop"], cwd=PROJECT, check=True)
    # psql's own guard words differ at each dump and belong to newer clients.
    lines = [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    with gzip.GzipFile(FOLDER / f"{version}.sql.gz", "wb", mtime=0) as file:
        file.write("\n".join(lines).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
