"""A separate process that follows the inventory: ``python -m tests.faults.shelf serve|load|build [pause]``.

``serve`` answers each input line with the leads for sale in the first vertical. With ``pause`` it stops in the middle,
says so, and waits to be killed.
"""

import json
import sys
import time

import django


def main(act: str, pause: bool) -> None:
    django.setup()
    from marketplace.inventory import builder, snapshot, startup

    startup.SMALL = 0
    if pause and act == "build":
        snapshot.Writer.close = _stop  # type: ignore[method-assign]
    elif pause:
        snapshot._stock = _stop  # type: ignore[assignment]
    if act == "build":
        builder.build()
        _say("built")
    elif act == "load":
        _say(json.dumps(_on_shelf()))
    else:
        _say("ready")
        for _ in sys.stdin:
            _say(json.dumps(_on_shelf()))


def _stop(*_: object) -> None:
    _say("in the middle")
    time.sleep(600)


def _on_shelf() -> list[int]:
    from django.utils import timezone

    from leads.criteria.criteria import Criteria
    from leads.models import Vertical
    from marketplace.inventory.live import result_of
    from marketplace.inventory.numbers import numbers_of
    from marketplace.inventory.query import StockQuery
    from marketplace.prices.pricing import curve_in_force

    vertical, now = Vertical.objects.get(), timezone.now()
    query = StockQuery(vertical, Criteria.anything(vertical), curve_in_force(vertical, now), now)
    with result_of(query) as result:
        return sorted(result.stock.ids.at(numbers_of(result.matching)).tolist())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] == ["pause"])
