"""What a new process needs to load the inventory, in seconds and megabytes: ``python -m benchmarks.loading``.

Memory that Python and Django used before is not counted. Pages of the file are counted separately: all processes on a
host share them, and the system reclaims them when it needs the memory.
"""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")


def main() -> None:
    django.setup()
    from benchmarks.browsing import query
    from benchmarks.figures import seconds
    from benchmarks.memory import megabytes, own_megabytes
    from leads.models import Vertical
    from marketplace.inventory.live import warm

    verticals = list(Vertical.objects.on_shelf())
    before, own_before = megabytes(), own_megabytes()
    taken = seconds(warm)
    for vertical in verticals:
        query(vertical, [])
    grown = {"megabytes": megabytes() - before, "own_megabytes": own_megabytes() - own_before}
    print(json.dumps({"seconds": taken, **grown}))


if __name__ == "__main__":
    main()
