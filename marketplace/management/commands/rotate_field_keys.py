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
        "Reseal everything with the first key in FIELD_KEYS. Keep the old keys in FIELD_KEYS until this reports that"
        " nothing is left. Safe to run while the market is up, and to stop and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="rows per transaction")

    def handle(self, *, batch: int, **_: Any) -> None:
        for sealed, name in ((CONTACTS, "contacts"), (MACHINES, "consents"), (WORDS, "words on returns")):
            done = 0
            with tqdm(total=left_to_rotate(sealed), unit=f" {name}", file=sys.stderr, disable=None) as bar:
                try:
                    for rows in rotate(sealed, batch=batch):
                        done += rows
                        bar.update(rows)
                except SealBroken as error:
                    raise CommandError(f"Stopped after {done:,} {name}: {error}. The rest is unchanged.") from error
            self.stdout.write(f"{done:,} {name} resealed, {left_to_rotate(sealed):,} left with an older key.")
        # An uploaded file is not resealed: it is short-lived, and its frames belong to one read.
        if waiting := ImportRun.objects.exclude(stored_as="").count():
            self.stdout.write(
                f"Uploads still sealed with the key they came with: {waiting:,}. Keep the older keys until they are"
                f" imported or discarded, {UPLOAD_KEPT.days} days at most."
            )
