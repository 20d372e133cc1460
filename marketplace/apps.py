from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate

# pgtrigger lets any session turn off any trigger by a setting. Our triggers enforce promises, so remove that switch.
_NO_SWITCH = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN
    LANGUAGE sql IMMUTABLE AS 'SELECT FALSE'
"""


def take_the_switch_out(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(_NO_SWITCH)


class MarketplaceConfig(AppConfig):
    name = "marketplace"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(take_the_switch_out, sender=self)
