import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from leads.models import ImportRun
from leads.models.importing import UPLOAD_KEPT
from leads.people.rotation import CONTACTS, MACHINES, left_to_rotate, rotate
from leads.people.sealing import SealBroken
from marketplace.returns.erasure import WORDS


class Command(BaseCommand):
    help = (
        "Seal everything anew under the first key of FIELD_KEYS. Keep the old keys in the ring until this says that"
        " nothing is left. Safe while the market runs, and to be stopped and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="rows a transaction")

    def handle(self, *, batch: int, **_: Any) -> None:
        for sealed, name in ((CONTACTS, "contacts"), (MACHINES, "consents"), (WORDS, "words on returns")):
            done = 0
            with tqdm(total=left_to_rotate(sealed), unit=f" {name}", file=sys.stderr, disable=None) as bar:
                try:
                    for rows in rotate(sealed, batch=batch):
                        done += rows
                        bar.update(rows)
                except SealBroken as error:
                    raise CommandError(f"After {done:,} {name}: {error}. The rest is as it was.") from error
            self.stdout.write(f"{done:,} {name} sealed anew, {left_to_rotate(sealed):,} left under an older key.")
        # A file on its way in is not sealed anew: it is short-lived, and its frames belong to one reading.
        if waiting := ImportRun.objects.exclude(stored_as="").count():
            self.stdout.write(
                f"{waiting:,} uploads lie under the key they came with: keep the older keys until they are imported or"
                f" discarded, {UPLOAD_KEPT.days} days at most."
            )
