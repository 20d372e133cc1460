"""The machine it was measured on, as a line recorded with every figure."""

import os
import platform
from functools import cache
from pathlib import Path

import duckdb
from django.db import connection


@cache
def machine() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (postgres,) = cursor.fetchone()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GB, Linux {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, PostgreSQL {postgres.partition(' ')[0]}, DuckDB {duckdb.__version__}"
    )


def _processor() -> str:
    """Return the system's name for it; virtual machines often name only the family."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
