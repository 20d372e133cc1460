from importlib import import_module

from django.apps import AppConfig


class BuyersConfig(AppConfig):
    name = "buyers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # drf-spectacular registers an extension when it is imported.
        import_module("buyers.companies.api_key_schema")
