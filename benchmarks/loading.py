"""What a new process takes to have the shelf, in seconds and megabytes: ``python -m benchmarks.loading``.

The whole shelf, file pages that it has in memory included; not what Python and Django held before.
"""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")


def main() -> None:
    django.setup()
    from benchmarks.browsing import look
    from benchmarks.figures import seconds
    from benchmarks.memory import megabytes
    from leads.models import Vertical
    from marketplace.inventory.live import warm

    verticals = list(Vertical.objects.on_shelf())
    before = megabytes()
    taken = seconds(warm)
    for vertical in verticals:
        look(vertical, [])
    print(json.dumps({"seconds": taken, "megabytes": megabytes() - before}))


if __name__ == "__main__":
    main()
