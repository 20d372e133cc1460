"""Assertions that the database itself refuses: by the name of the constraint or trigger, with nothing changed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

OURS = ("leads", "buyers", "billing", "marketplace")


@contextmanager
def refused_by(name: str) -> Iterator[None]:
    """Assert that exactly this constraint or trigger refuses the block, deferred ones included."""
    before = everything()

    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        yield
        settle()

    diagnosis = refusal.value.__cause__.diag
    assert name == diagnosis.constraint_name or f"pgtrigger_{name}_" in (diagnosis.context or ""), refusal.value
    assert everything() == before


def settle() -> None:
    """Run the checks deferred to commit now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def everything() -> dict[str, list[tuple]]:
    """Return all rows of all our tables."""
    return {
        model._meta.db_table: [
            tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
            for row in model._base_manager.order_by("pk").values_list()
        ]
        for app in OURS
        for model in apps.get_app_config(app).get_models()
    }


def promised_names(app: str) -> set[str]:
    """Return every named constraint and refusing trigger of an app's models, without those of the history tables."""
    models = [model for model in apps.get_app_config(app).get_models() if not hasattr(model, "pgh_tracked_model")]
    constraints = {constraint.name for model in models for constraint in model._meta.constraints}
    triggers = {trigger.name for model in models for trigger in getattr(model._meta, "triggers", [])}
    return (constraints | triggers) - {"insert_insert", "update_update", "delete_delete"}
