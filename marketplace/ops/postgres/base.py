"""Django's PostgreSQL backend that starts the embedded server at the first connection, not before."""

from functools import cache
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from marketplace.ops.postgres.cluster import Cluster

cluster_at = cache(Cluster)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        cluster = cluster_at(self.settings_dict["EMBEDDED_HOME"], tuple(self.settings_dict["EMBEDDED_OPTIONS"]))
        cluster.join()
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            cluster.ensure_running()
            return super().get_new_connection(conn_params)
