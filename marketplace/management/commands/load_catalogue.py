from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from leads.starting_verticals import load_verticals
from marketplace.prices.starting_curves import load_curves
from marketplace.returns.starting_policies import load_returns


class Command(BaseCommand):
    help = "Create the verticals, price curves and return terms of a new market. Existing ones are not changed."

    def handle(self, **_: Any) -> None:
        for sentence in [*load_verticals(), *load_curves(effective_at=timezone.now()), *load_returns()]:
            self.stdout.write(sentence)
