import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace.audit import CHECKS, Violation, violations


class Command(BaseCommand):
    help = "Check every promise against one snapshot of the database. Exits with 1 if one is broken. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *, json: bool, **_: Any) -> None:
        found = violations()
        self.stdout.write(_as_json(found) if json else _as_text(found))
        if found:
            raise SystemExit(1)


def _as_json(found: list[Violation]) -> str:
    return json.dumps({"checks": len(CHECKS), "holds": not found, "violations": [asdict(one) for one in found]})


def _as_text(found: list[Violation]) -> str:
    lines = [f"BROKEN {one.name}: {one.promise} {one.count:,} ({one.of}): {', '.join(one.ids)}" for one in found]
    return "\n".join([*lines, f"{len(CHECKS) - len(found)} of {len(CHECKS)} promises hold."])
