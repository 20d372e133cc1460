"""The benchmarks run: how fast is their own business, that each row measures something is ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ROWS = {
    "buying": "buy 20 leads by criteria",
    "exporting": "export 1,000 bought leads",
    "importing": "import 3 × 333 CSV rows",
    "snapshot": "build the snapshot",
    "sweeping": "sweep ",
}


@pytest.mark.slow
def test_each_row_of_a_small_stock_is_measured():
    command = [sys.executable, "-m", "benchmarks", "--leads", "1000", "--dry", *ROWS]

    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300)

    assert "Traceback" not in ran.stderr, ran.stderr
    found = {line["name"]: line["value"] for line in map(json.loads, ran.stdout.splitlines())}
    for row, begins in ROWS.items():
        assert [value > 0 for name, value in found.items() if name.startswith(begins)][:1] == [True], row
