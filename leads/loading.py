"""Model instances from rows read with raw SQL: sixty per page, for which the model's constructor takes longer than the
database."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.db.models.base import ModelState

M = TypeVar("M", bound=Model)


def loaded(model: type[M], columns: Mapping[str, Any], related: Mapping[str, Model]) -> M:
    """Return an instance as the ORM would load it from these columns and related rows; it fetches other columns on
    access. Only for models without init signals."""
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    state.fields_cache = dict(related)
    made = model.__new__(model)
    made.__dict__.update(columns, _state=state)
    return made
