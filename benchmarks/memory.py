"""What one export adds to the most that a process ever held: ``python -m benchmarks.memory ORDER``, in megabytes.

A program of its own, because the one that measures has held more before.
"""

import json
import sys
from pathlib import Path

import django


def main() -> None:
    django.setup()
    from benchmarks.exporting import write_file
    from marketplace.exports.shape import shape_of
    from marketplace.exports.writing import Count, write
    from marketplace.models import Order

    order = Order.objects.get(pk=sys.argv[1])
    begun = write(shape_of(order), Count())
    next(begun), next(begun)  # heading and first batch: the modules and the connection that any file needs
    before = _peak_kilobytes()
    write_file(order)
    print(json.dumps({"megabytes": (_peak_kilobytes() - before) / 1024}))


def _peak_kilobytes() -> int:
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1])


if __name__ == "__main__":
    main()
