from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from marketplace.ops.run import check_port_is_free, interruptible, make_ready, serve, site_address


class Command(BaseCommand):
    help = "Run the whole market in the foreground: database, web, worker and beat. Press Ctrl-C to stop."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on (or PORT)")
        parser.add_argument("--concurrency", type=int, default=2, help="jobs to run at once")

    def handle(self, *, host: str, port: int, concurrency: int, **_: Any) -> None:
        self.address = site_address(port)
        with interruptible(self.stdout.write):
            check_port_is_free(host, port)
            make_ready(self.stdout.write)
            serve(host=host, port=port, concurrency=concurrency, report=self.stdout.write, announce=self.announce)

    def announce(self) -> None:
        self.stdout.write(f"The market is running at {self.address}/ (press Ctrl-C to stop)")
