from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from leads.catalogue import load_verticals
from marketplace.starting_curves import load_curves


class Command(BaseCommand):
    help = "Create the verticals and price curves that a new market starts with. Changes nothing that is there."

    def handle(self, **_: Any) -> None:
        for sentence in [*load_verticals(), *load_curves(effective_at=timezone.now())]:
            self.stdout.write(sentence)
