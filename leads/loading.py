"""Instances of rows that were read by hand: sixty a page, where the model's own constructor takes longer than the
database."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.db.models.base import ModelState

M = TypeVar("M", bound=Model)


def loaded(model: type[M], columns: Mapping[str, Any], related: Mapping[str, Model]) -> M:
    """As the ORM would have loaded these columns and related rows; it asks for any other column when that is wanted.
    Only for models without signals of their making."""
    state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    state.fields_cache = dict(related)
    made = model.__new__(model)
    made.__dict__.update(columns, _state=state)
    return made
