import json
import os
import shutil
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.ops.demo.accounts import KEPT_IN
from marketplace.ops.demo.market import make_market
from marketplace.ops.run import check_port_is_free, interruptible, make_ready, serve, site_address, stand_in_panel, step


class Command(BaseCommand):
    help = "Fill a demo market, run it in the foreground, and print its address and logins."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="delete everything and start over")
        parser.add_argument("--yes", action="store_true", help="don't ask before emptying a DATABASE_URL database")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on (or PORT)")
        parser.add_argument("--concurrency", type=int, default=2, help="jobs to run at once")

    def handle(self, *, reset: bool, yes: bool, host: str, port: int, concurrency: int, **_: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("The demo market has published logins, so it does not run in production.")
        self.address = site_address(port)
        with interruptible(self.stdout.write):
            check_port_is_free(host, port)
            if reset:
                self.reset(confirmed=yes)
            make_ready(self.stdout.write)
            with step(self.stdout.write, "created the demo market"):
                self.accounts = make_market(report=self.stdout.write)
            self.keep_accounts()
            serve(host=host, port=port, concurrency=concurrency, report=self.stdout.write, announce=self.announce)

    def reset(self, *, confirmed: bool) -> None:
        if settings.EMBEDDED_CLUSTER:
            settings.EMBEDDED_CLUSTER.destroy()
        else:
            self.confirm_flush(confirmed=confirmed)
            call_command("flush", interactive=False, verbosity=0)
        shutil.rmtree(settings.VAR_DIR / "files", ignore_errors=True)
        for name in ("beat-schedule", "stand-in-stripe.db", KEPT_IN):
            (settings.VAR_DIR / name).unlink(missing_ok=True)
        self.stdout.write("deleted the old market")

    def confirm_flush(self, *, confirmed: bool) -> None:
        name = settings.DATABASES["default"]["NAME"]
        if not confirmed and input(f"Type {name} to empty that database: ") != name:
            raise CommandError("Nothing was deleted.")

    def keep_accounts(self) -> None:
        content = {"url": self.address, "accounts": self.accounts}
        file = settings.VAR_DIR / KEPT_IN
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(content, stream, indent=1)

    def announce(self) -> None:
        width = max(len(account["email"]) for account in self.accounts)
        self.stdout.write(f"\nThe market is running at {self.address}/\n")
        for account in self.accounts:
            self.stdout.write(f"  {account['role']:<16} {account['email']:<{width}}  {account['password']}")
        self.stdout.write(
            f"\nThese logins and the API keys are in {settings.VAR_DIR / KEPT_IN}. Press Ctrl-C to stop.\n"
        )
        if settings.STRIPE_STAND_IN:
            self.stdout.write(f"No real money moves: card payments go to a stand-in for Stripe, {stand_in_panel()}\n")
