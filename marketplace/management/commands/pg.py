from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from marketplace.ops.postgres.cluster import Cluster


class Command(BaseCommand):
    help = "Start, stop or show the embedded PostgreSQL. Once started here, it runs until you stop it here."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status"])

    def handle(self, *, action: str, **_: Any) -> None:
        cluster: Cluster | None = settings.EMBEDDED_CLUSTER
        if cluster is None:
            self.stdout.write("DATABASE_URL points to your own server, so there is nothing to start or stop.")
            return
        if action == "start":
            cluster.keep_running()
        elif action == "stop":
            cluster.stop()
        pid = cluster.pid()
        self.stdout.write(f"running (process {pid}, data in {cluster.home})" if pid else "stopped")
