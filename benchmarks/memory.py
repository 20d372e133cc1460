"""What processes hold, and what one export adds to the most that a process ever held, in megabytes.

``python -m benchmarks.memory ORDER`` is a program of its own, because the one that measures has held more before.
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
    next(begun), next(begun)  # heading and first batch: the modules and the connection that any file needs
    before = _said("status", "VmHWM")
    write_file(order)
    print(json.dumps({"megabytes": _said("status", "VmHWM") - before}))


def megabytes(process: int | str = "self") -> float:
    """What it holds now; what it shares with others counts by its part."""
    return _said("smaps_rollup", "Pss", process)


def own_megabytes(process: int | str = "self") -> float:
    """What of it is neither shared nor pages of a file, which the system takes back when it needs the memory."""
    return _said("smaps_rollup", "Pss_Anon", process)


def _said(file: str, name: str, process: int | str = "self") -> float:
    lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
    (said,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(said.split()[1]) / KILOBYTES


if __name__ == "__main__":
    main()
