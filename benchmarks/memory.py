"""The memory of processes, and what one export adds to a process's peak, in megabytes.

``python -m benchmarks.memory ORDER`` is a separate program, because the measuring process already had a higher peak.
"""

import json
import sys
from pathlib import Path

import django

KILOBYTES = 1024


def main() -> None:
    django.setup()
    from benchmarks.exporting import write_file
    from marketplace.exports.shape import shape_of
    from marketplace.exports.writing import Count, write
    from marketplace.models import Order

    order = Order.objects.get(pk=sys.argv[1])
    begun = write(shape_of(order), Count())
    next(begun), next(begun)  # header and first batch load the modules and connection that any file needs
    before = _said("status", "VmHWM")
    write_file(order)
    print(json.dumps({"megabytes": _said("status", "VmHWM") - before}))


def megabytes(process: int | str = "self") -> float:
    """Return its current memory; shared pages count by its share."""
    return _said("smaps_rollup", "Pss", process)


def own_megabytes(process: int | str = "self") -> float:
    """Return its memory without shared pages and file pages, which the system reclaims when it needs the memory."""
    return _said("smaps_rollup", "Pss_Anon", process)


def _said(file: str, name: str, process: int | str = "self") -> float:
    lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
    (said,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(said.split()[1]) / KILOBYTES


if __name__ == "__main__":
    main()
